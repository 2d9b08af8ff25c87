import { randomBytes } from 'node:crypto';
import { common } from '@hyperledger/fabric-protos';
import { blockDataHash, blockHeaderBytes } from '../fabric-protocol/block-hash.js';
import type { NodeIdentity } from './transaction.js';

/** Number of the embedded ledger's one orderer in the consenter list of block 0. */
export const CONSENTER_ID = 1;
const METADATA_ENTRIES = 5;

export interface BlockParts {
  readonly number: number;
  readonly previousHash: Uint8Array;
  readonly envelopes: readonly Uint8Array[];
  /** One validation code per envelope. */
  readonly codes: readonly number[];
}

/**
 * A `common.Block` with Fabric's hashes and metadata: SIGNATURES as a BFT orderer writes them (identifier header,
 * signature over metadata value, identifier header and block header), TRANSACTIONS_FILTER as a peer writes it.
 * Block 0 is unsigned, as Fabric's genesis block is: it is what a reader trusts to begin with.
 */
export function makeBlock(parts: BlockParts, orderer: NodeIdentity | undefined): common.Block {
  const header = new common.BlockHeader();
  header.setNumber(parts.number);
  header.setPreviousHash(parts.previousHash);
  header.setDataHash(blockDataHash(parts.envelopes));
  const data = new common.BlockData();
  data.setDataList([...parts.envelopes]);
  const entries: Uint8Array[] = Array.from({ length: METADATA_ENTRIES }, () => new Uint8Array());
  entries[common.BlockMetadataIndex.SIGNATURES] = makeSignatures(header, orderer);
  entries[common.BlockMetadataIndex.TRANSACTIONS_FILTER] = Uint8Array.from(parts.codes);
  const metadata = new common.BlockMetadata();
  metadata.setMetadataList(entries);
  const block = new common.Block();
  block.setHeader(header);
  block.setData(data);
  block.setMetadata(metadata);
  return block;
}

function makeSignatures(header: common.BlockHeader, orderer: NodeIdentity | undefined): Uint8Array {
  const lastConfig = new common.LastConfig();
  lastConfig.setIndex(0);
  const ordererMetadata = new common.OrdererBlockMetadata();
  ordererMetadata.setLastConfig(lastConfig);
  const value = ordererMetadata.serializeBinary();
  const metadata = new common.Metadata();
  metadata.setValue(value);
  if (orderer !== undefined) metadata.addSignatures(sign(value, header, orderer));
  return metadata.serializeBinary();
}

function sign(
  value: Uint8Array,
  header: common.BlockHeader,
  orderer: NodeIdentity,
): common.MetadataSignature {
  const identifier = new common.IdentifierHeader();
  identifier.setIdentifier(CONSENTER_ID);
  identifier.setNonce(randomBytes(24));
  const identifierHeader = identifier.serializeBinary();
  const signature = new common.MetadataSignature();
  signature.setIdentifierHeader(identifierHeader);
  signature.setSignature(
    orderer.signMessage(Buffer.concat([value, identifierHeader, blockHeaderBytes(header)])),
  );
  return signature;
}
