import { ledger } from '@hyperledger/fabric-protos';
import { bytesOf } from './protobuf.js';

/** Where a value was last written: Fabric's MVCC version. */
export interface Version {
  readonly blockNumber: number;
  readonly txNumber: number;
}

export interface RangeRead {
  readonly startKey: string;
  /** Exclusive; when `exhausted` is false, the last key that was read, inclusive. '' is the end of the namespace. */
  readonly endKey: string;
  readonly exhausted: boolean;
  /** Absent when the peers wrote a Merkle summary in its place. */
  readonly reads?: readonly KeyRead[];
}

export interface KeyRead {
  readonly key: string;
  /** Absent: the key was not there. */
  readonly version?: Version;
}

/** What one transaction read and writes in one namespace. */
export interface ReadWriteSet {
  readonly namespace: string;
  readonly reads: readonly KeyRead[];
  readonly ranges: readonly RangeRead[];
  /** An absent value deletes. */
  readonly writes: readonly { readonly key: string; readonly value?: Uint8Array }[];
  /** Key-level endorsement policies (`SignaturePolicyEnvelope` bytes); empty removes one. */
  readonly policies: readonly { readonly key: string; readonly policy: Uint8Array }[];
  /** Private collections are touched, of which blocks carry hashes only. */
  readonly hasPrivateData: boolean;
}

/** Name under which Fabric keeps a key-level endorsement policy in a key's metadata. */
const VALIDATION_PARAMETER = 'VALIDATION_PARAMETER';
const { kvrwset } = ledger.rwset;
type KVRead = InstanceType<typeof kvrwset.KVRead>;
type RangeQueryInfo = InstanceType<typeof kvrwset.RangeQueryInfo>;
type KVMetadataWrite = InstanceType<typeof kvrwset.KVMetadataWrite>;

/** Decodes `TxReadWriteSet` bytes. */
export function decodeReadWriteSets(results: Uint8Array): ReadWriteSet[] {
  return ledger.rwset.TxReadWriteSet.deserializeBinary(results)
    .getNsRwsetList()
    .map((namespace) => {
      const set = kvrwset.KVRWSet.deserializeBinary(bytesOf(namespace.getRwset()));
      return {
        namespace: namespace.getNamespace(),
        reads: set.getReadsList().map(decodeRead),
        ranges: set.getRangeQueriesInfoList().map(decodeRange),
        writes: set
          .getWritesList()
          .map((write) =>
            write.getIsDelete()
              ? { key: write.getKey() }
              : { key: write.getKey(), value: write.getValue_asU8() },
          ),
        policies: set.getMetadataWritesList().map(decodePolicy),
        hasPrivateData: namespace.getCollectionHashedRwsetList().length > 0,
      };
    });
}

function decodeRead(read: KVRead): KeyRead {
  const version = read.getVersion();
  if (version === undefined) return { key: read.getKey() };
  return {
    key: read.getKey(),
    version: { blockNumber: version.getBlockNum(), txNumber: version.getTxNum() },
  };
}

function decodeRange(range: RangeQueryInfo): RangeRead {
  const hasSummary = range.getReadsMerkleHashes() !== undefined;
  return {
    startKey: range.getStartKey(),
    endKey: range.getEndKey(),
    exhausted: range.getItrExhausted(),
    ...(hasSummary ? {} : { reads: (range.getRawReads()?.getKvReadsList() ?? []).map(decodeRead) }),
  };
}

function decodePolicy(write: KVMetadataWrite): { key: string; policy: Uint8Array } {
  const entry = write.getEntriesList().find((candidate) => candidate.getName() === VALIDATION_PARAMETER);
  return { key: write.getKey(), policy: entry?.getValue_asU8() ?? new Uint8Array() };
}
