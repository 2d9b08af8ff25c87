import { Type } from 'typebox';
import { MAX_PANEL_BLOCK_BYTES } from '@careledger/crypto';
import { PanelQuerySchema, closed } from '@careledger/protocol';
import type { Ledger } from '../../ports/ledger.js';
import type { RecordStore } from '../../ports/record-store.js';
import { callerOf } from '../request.js';
import { AUDIT } from '../roles.js';
import type { Routes } from '../types.js';

const tags = ['audit'];
const config = { access: { roles: AUDIT } };
/** Bounds of one answer. A block of the ledger is smaller than either orderer allows: 10 MB. */
const MAX_BLOCKS = 100;
const MAX_BYTES = 4 * 1_048_576;

const BlockNumber = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const BlocksSchema = closed({
  channel: Type.String(),
  /** Blocks that there are. */
  height: BlockNumber,
  /** Fabric's `common.Block`, base64, from the one that was asked for on; none past the end. */
  blocks: Type.Array(Type.String()),
});

/**
 * What an auditor takes away to check it elsewhere: blocks as they are, and ciphertext by panel. Nothing here asks to be
 * believed: blocks carry hashes and signatures, and the panel's CID is the hash of its content.
 */
export function evidenceRoutes(modules: { readonly ledger: Ledger; readonly store: RecordStore }): Routes {
  return (rest, { contracts }) => {
    rest.get(
      '/v1/ledger/blocks',
      {
        config,
        schema: {
          tags,
          summary: 'Blocks of the ledger, to be checked without this gateway',
          querystring: closed({ from: BlockNumber }),
          response: { 200: BlocksSchema },
        },
      },
      async (request) => {
        const { identity } = callerOf(request);
        const { ledger } = modules;
        const height = await ledger.height(identity);
        const blocks: string[] = [];
        for await (const block of blocksFrom(ledger, identity, { from: BigInt(request.query.from), height }))
          blocks.push(Buffer.from(block).toString('base64'));
        return { channel: ledger.channel, height: Number(height), blocks };
      },
    );

    rest.get(
      '/v1/panels/:panelId/content',
      {
        config,
        schema: {
          tags,
          summary: 'A panel’s ciphertext, the bytes that its CID names',
          params: PanelQuerySchema,
          response: { 200: Type.Any() },
        },
      },
      async (request, reply) => {
        const { identity } = callerOf(request);
        const { cid } = await contracts.evaluate(identity, 'panels', 'Get', { ...request.params });
        const bytes = await modules.store.get(cid, { maxBytes: MAX_PANEL_BLOCK_BYTES });
        return reply.type('application/octet-stream').send(Buffer.from(bytes));
      },
    );
  };
}

async function* blocksFrom(
  ledger: Ledger,
  identity: Parameters<Ledger['blocks']>[0],
  { from, height }: { readonly from: bigint; readonly height: bigint },
): AsyncGenerator<Uint8Array> {
  const stop = new AbortController();
  let left = BigInt(Math.min(MAX_BLOCKS, Number(height > from ? height - from : 0n)));
  let sizeBytes = 0;
  // The stream waits for the next block at the end, so it is not asked for more than there is.
  if (left === 0n) return;
  try {
    for await (const block of ledger.blocks(identity, from, stop.signal)) {
      yield block;
      left -= 1n;
      sizeBytes += block.length;
      if (left === 0n || sizeBytes > MAX_BYTES) return;
    }
  } finally {
    stop.abort();
  }
}
