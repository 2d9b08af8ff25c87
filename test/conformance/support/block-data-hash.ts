import { createHash } from 'node:crypto';
import { common } from '@hyperledger/fabric-protos';

/** Fabric's data hash, computed here once more so that the adapter's is not checked against itself. */
export function blockDataHashOf(blockBytes: Uint8Array): Buffer {
  const envelopes = common.Block.deserializeBinary(blockBytes).getData()?.getDataList_asU8() ?? [];
  return createHash('sha256').update(Buffer.concat(envelopes)).digest();
}
