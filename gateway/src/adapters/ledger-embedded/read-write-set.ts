import { ledger } from '@hyperledger/fabric-protos';

/** Where a value was last written: Fabric's MVCC version. */
export interface Version {
  readonly blockNumber: number;
  readonly txNumber: number;
}

/** What a non-paginated range query saw, so that validation can find phantoms. */
export interface RangeRead {
  readonly startKey: string;
  /** Exclusive; when `exhausted` is false, the last key that was read, inclusive. '' is the end of the namespace. */
  readonly endKey: string;
  readonly exhausted: boolean;
  readonly reads: readonly { readonly key: string; readonly version: Version }[];
}

/** The outcome of one simulation. */
export interface ReadWriteSet {
  /** Undefined: the key was not there. */
  readonly reads: ReadonlyMap<string, Version | undefined>;
  readonly ranges: readonly RangeRead[];
  /** Undefined: the key was deleted. */
  readonly writes: ReadonlyMap<string, Uint8Array | undefined>;
  /** Key-level validation parameters (`SignaturePolicyEnvelope` bytes); empty removes one. */
  readonly policies: ReadonlyMap<string, Uint8Array>;
}

/** Name under which Fabric keeps a key-level endorsement policy in a key's metadata. */
export const VALIDATION_PARAMETER = 'VALIDATION_PARAMETER';

const { kvrwset } = ledger.rwset;

/** Fabric's `TxReadWriteSet` bytes, keys sorted by UTF-8 bytes. Ranges list their raw reads, never a Merkle summary. */
export function encodeReadWriteSet(set: ReadWriteSet, chaincode: string): Uint8Array {
  const kv = new kvrwset.KVRWSet();
  for (const [key, version] of sorted(set.reads)) kv.addReads(encodeRead(key, version));
  for (const range of set.ranges) kv.addRangeQueriesInfo(encodeRange(range));
  for (const [key, value] of sorted(set.writes)) kv.addWrites(encodeWrite(key, value));
  for (const [key, policy] of sorted(set.policies)) kv.addMetadataWrites(encodeMetadataWrite(key, policy));
  const namespace = new ledger.rwset.NsReadWriteSet();
  namespace.setNamespace(chaincode);
  namespace.setRwset(kv.serializeBinary());
  const transaction = new ledger.rwset.TxReadWriteSet();
  transaction.setDataModel(ledger.rwset.TxReadWriteSet.DataModel.KV);
  transaction.addNsRwset(namespace);
  return transaction.serializeBinary();
}

export function compareKeys(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

function sorted<Value>(map: ReadonlyMap<string, Value>): [string, Value][] {
  return [...map].sort(([left], [right]) => compareKeys(left, right));
}

function encodeRead(key: string, version: Version | undefined) {
  const read = new kvrwset.KVRead();
  read.setKey(key);
  if (version !== undefined) {
    const encoded = new kvrwset.Version();
    encoded.setBlockNum(version.blockNumber);
    encoded.setTxNum(version.txNumber);
    read.setVersion(encoded);
  }
  return read;
}

function encodeRange(range: RangeRead) {
  const reads = new kvrwset.QueryReads();
  for (const read of range.reads) reads.addKvReads(encodeRead(read.key, read.version));
  const info = new kvrwset.RangeQueryInfo();
  info.setStartKey(range.startKey);
  info.setEndKey(range.endKey);
  info.setItrExhausted(range.exhausted);
  info.setRawReads(reads);
  return info;
}

function encodeWrite(key: string, value: Uint8Array | undefined) {
  const write = new kvrwset.KVWrite();
  write.setKey(key);
  if (value === undefined) write.setIsDelete(true);
  else write.setValue(value);
  return write;
}

function encodeMetadataWrite(key: string, policy: Uint8Array) {
  const write = new kvrwset.KVMetadataWrite();
  write.setKey(key);
  if (policy.length > 0) {
    const entry = new kvrwset.KVMetadataEntry();
    entry.setName(VALIDATION_PARAMETER);
    entry.setValue(policy);
    write.addEntries(entry);
  }
  return write;
}
