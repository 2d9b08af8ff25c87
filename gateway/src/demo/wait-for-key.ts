/** The ceremony of the consortium's Paillier key, while the demonstration waits for it. */
import { setTimeout as pause } from 'node:timers/promises';
import { CareLedgerError } from '@careledger/protocol';
import type { CeremonyProgressReport } from '../ceremony/ceremony-progress.js';
import { ceremonyLine } from '../ceremony/ceremony-text.js';
import type { GatewayClient } from './gateway-client.js';

const POLL_MS = 200;
/** A key of 3072 bits takes minutes on a small machine; a ceremony that tells nothing new for so long stands still. */
const STILL_MS = 10 * 60_000;

/** @throws Error when the ceremony stands still */
export async function waitForKey(
  { client, token }: { readonly client: GatewayClient; readonly token: string },
  { signal, onProgress }: { readonly signal: AbortSignal; readonly onProgress: (line: string) => void },
): Promise<void> {
  let last = '';
  let changedAtMs = performance.now();
  while (!(await hasKey(client, token))) {
    const line = await ceremonyOf(client, token);
    if (line !== last) changedAtMs = performance.now();
    last = line;
    onProgress(line);
    if (performance.now() - changedAtMs > STILL_MS)
      throw new Error(`The ceremony stands still: ${line}. See: npx careledger ceremony status`);
    await pause(POLL_MS, undefined, { signal });
  }
}

async function hasKey(client: GatewayClient, token: string): Promise<boolean> {
  try {
    await client.get('/v1/aggregation-key', token);
    return true;
  } catch (error) {
    if (error instanceof CareLedgerError && error.code === 'KEY_NOT_FOUND') return false;
    throw error;
  }
}

async function ceremonyOf(client: GatewayClient, token: string): Promise<string> {
  const { items } = (await client.get('/v1/ceremonies', token)) as { items: CeremonyProgressReport[] };
  const present = items.find(
    ({ ceremony: { scheme, status } }) =>
      scheme === 'paillier' && (status === 'joining' || status === 'running'),
  );
  return present === undefined ? 'the ceremony has not begun' : ceremonyLine(present);
}
