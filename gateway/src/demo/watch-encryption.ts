/** How many rows the gateways have encrypted while something runs, as their own metrics say. */
import { setTimeout as pause } from 'node:timers/promises';
import type { GatewayClient } from './gateway-client.js';

const POLL_MS = 400;
/** As `gateway/src/app/aggregation.ts` names it. */
const METRIC = /^careledger_panel_rows_encrypted_total(?:\{[^}]*\})? ([0-9]+)$/m;

export async function watchEncryption(
  clients: readonly GatewayClient[],
  { rows, report }: { readonly rows: number; readonly report: (encrypted: number) => void },
  work: () => Promise<void>,
): Promise<void> {
  const before = await encryptedRows(clients);
  const ended = new AbortController();
  const watching = watch(async () => {
    report(Math.min(rows, Math.max(0, (await encryptedRows(clients)) - before)));
  }, ended.signal);
  try {
    await work();
  } finally {
    ended.abort();
    await watching;
  }
}

async function watch(look: () => Promise<void>, signal: AbortSignal): Promise<void> {
  // Progress is a courtesy: a gateway that does not tell does not stop the load.
  for (;;) {
    await pause(POLL_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await look().catch(() => undefined);
  }
}

async function encryptedRows(clients: readonly GatewayClient[]): Promise<number> {
  const texts = await Promise.all(clients.map((client) => client.text('/metrics').catch(() => '')));
  return texts.reduce((sum, text) => sum + Number(METRIC.exec(text)?.[1] ?? 0), 0);
}
