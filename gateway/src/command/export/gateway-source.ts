import { CareLedgerError, isErrorCode, type Panel, type QueryDetails } from '@careledger/protocol';
import type { EvidenceSource } from './evidence-source.js';

const REQUEST_LIMIT_MS = 60_000;

interface BlocksAnswer {
  readonly height: number;
  /** Base64. */
  readonly blocks: readonly string[];
}

/** Through any gateway's REST interface, with a token of an auditor, a data officer or an administrator. */
export function gatewaySource(url: string, token: string): EvidenceSource {
  const ask = async (path: string): Promise<Response> => {
    const response = await fetch(new URL(path, url), {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    });
    if (response.ok) return response;
    const { code, detail } = (await response.json().catch(() => ({}))) as { code?: string; detail?: string };
    throw new CareLedgerError(code !== undefined && isErrorCode(code) ? code : 'INTERNAL', {
      message: `The gateway answered ${String(response.status)}: ${detail ?? 'no reason'}`,
    });
  };
  const json = async <Answer>(path: string): Promise<Answer> => (await ask(path)).json() as Promise<Answer>;
  const blocksFrom = (from: number) => json<BlocksAnswer>(`/v1/ledger/blocks?from=${String(from)}`);
  return {
    name: url,
    height: async () => (await blocksFrom(Number.MAX_SAFE_INTEGER)).height,
    async *blocks(from, to) {
      for (let next = from; next < to;) {
        const { blocks } = await blocksFrom(next);
        if (blocks.length === 0) return;
        for (const block of blocks.slice(0, to - next)) yield Buffer.from(block, 'base64');
        next += blocks.length;
      }
    },
    query: (queryId) => json<QueryDetails>(`/v1/queries/${queryId}`),
    panel: (panelId) => json<Panel>(`/v1/panels/${panelId}`),
    async content({ panelId }) {
      return new Uint8Array(await (await ask(`/v1/panels/${panelId}/content`)).arrayBuffer());
    },
    close: () => Promise.resolve(),
  };
}
