import { peer } from '@hyperledger/fabric-protos';
import type { RangeRead, ReadWriteSet, Version } from './read-write-set.js';
import { compareKeys } from './read-write-set.js';
import { satisfiesPolicy, type Endorser } from './signature-policy.js';
import type { LedgerStore, StateEntry, StateView } from './store.js';

/** What validation needs of an ordered transaction. */
export interface OrderedTransaction {
  readonly txId: string;
  readonly endorsers: readonly Endorser[];
  readonly set: ReadWriteSet;
}

export interface ValidatedBlock {
  /** One of `peer.TxValidationCode` per transaction. */
  readonly codes: readonly number[];
  readonly updates: ReadonlyMap<string, StateEntry | undefined>;
}

const { VALID, DUPLICATE_TXID, ENDORSEMENT_POLICY_FAILURE, MVCC_READ_CONFLICT, PHANTOM_READ_CONFLICT } =
  peer.TxValidationCode;

/**
 * Validates a block as Fabric does: duplicate ids and endorsement for the whole block first, then, in order,
 * versions of what was read and ranges that were scanned, against the state with the writes of the valid
 * transactions before it.
 */
export async function validateBlock(
  store: LedgerStore,
  blockNumber: number,
  transactions: readonly OrderedTransaction[],
  memberCount: number,
): Promise<ValidatedBlock> {
  const codes = endorsementCodes(store, transactions, memberCount);
  const pending = new PendingState(store);
  const view = store.view();
  try {
    for (const [txNumber, transaction] of transactions.entries()) {
      if (codes[txNumber] !== VALID) continue;
      const code = await conflictCode(transaction.set, pending, view);
      codes[txNumber] = code;
      if (code === VALID) pending.apply(transaction.set, { blockNumber, txNumber });
    }
  } finally {
    await view.close();
  }
  return { codes, updates: pending.updates };
}

/** State after the valid transactions of this block so far. */
class PendingState {
  readonly updates = new Map<string, StateEntry | undefined>();

  constructor(private readonly store: LedgerStore) {}

  get(key: string): StateEntry | undefined {
    return this.updates.has(key) ? this.updates.get(key) : this.store.state(key);
  }

  apply(set: ReadWriteSet, version: Version): void {
    for (const key of new Set([...set.writes.keys(), ...set.policies.keys()])) {
      const before = this.get(key);
      const value = set.writes.has(key) ? set.writes.get(key) : before?.value;
      const policy = set.policies.get(key) ?? before?.policy ?? new Uint8Array();
      this.updates.set(key, value === undefined ? undefined : { key, value, policy, version });
    }
  }
}

function endorsementCodes(
  store: LedgerStore,
  transactions: readonly OrderedTransaction[],
  memberCount: number,
): number[] {
  const seen = new Set<string>();
  const changedPolicies = new Set<string>();
  return transactions.map((transaction) => {
    if (seen.has(transaction.txId) || store.transaction(transaction.txId) !== undefined)
      return DUPLICATE_TXID;
    seen.add(transaction.txId);
    if (!isEndorsed(store, transaction, changedPolicies, memberCount)) return ENDORSEMENT_POLICY_FAILURE;
    for (const key of transaction.set.policies.keys()) changedPolicies.add(key);
    return VALID;
  });
}

/**
 * Fabric's key-level rule (core/common/validation/statebased): a written key with a policy needs that policy in the
 * place of the chaincode's; every other written key, and a transaction that writes nothing, needs the chaincode's.
 * A key whose policy an earlier transaction of the same block changes cannot be judged, and is refused.
 */
function isEndorsed(
  store: LedgerStore,
  { set, endorsers }: OrderedTransaction,
  changed: ReadonlySet<string>,
  memberCount: number,
): boolean {
  const keys = [...new Set([...set.writes.keys(), ...set.policies.keys()])];
  if (keys.some((key) => changed.has(key))) return false;
  const policies = keys.map((key) => store.state(key)?.policy ?? new Uint8Array());
  const needsMajority = policies.length === 0 || policies.some((policy) => policy.length === 0);
  if (needsMajority && !isMajority(endorsers, memberCount)) return false;
  return policies.every((policy) => policy.length === 0 || satisfiesPolicy(policy, endorsers));
}

function isMajority(endorsers: readonly Endorser[], memberCount: number): boolean {
  return new Set(endorsers.map((endorser) => endorser.mspId)).size > memberCount / 2;
}

async function conflictCode(set: ReadWriteSet, pending: PendingState, view: StateView): Promise<number> {
  for (const [key, version] of set.reads) {
    if (!isSameVersion(pending.get(key)?.version, version)) return MVCC_READ_CONFLICT;
  }
  for (const range of set.ranges) {
    if (!(await isRangeUnchanged(range, pending, view))) return PHANTOM_READ_CONFLICT;
  }
  return VALID;
}

async function isRangeUnchanged(range: RangeRead, pending: PendingState, view: StateView): Promise<boolean> {
  if (changesWithin(range, pending.updates)) return false;
  const cursor = view.range(range.startKey, range.endKey, { isEndIncluded: !range.exhausted });
  try {
    // One more than was seen, so that an entry added at the end shows.
    const now = await cursor.next(range.reads.length + 1);
    return (
      now.length === range.reads.length &&
      range.reads.every(({ key, version }, index) => isSameEntry(now[index], key, version))
    );
  } finally {
    await cursor.close();
  }
}

function isSameEntry(entry: StateEntry | undefined, key: string, version: Version): boolean {
  return entry?.key === key && isSameVersion(entry.version, version);
}

/**
 * Any write of this block inside the range shows as another version, a new or a missing key. The one exception, a
 * key created and deleted again within one block, is refused too: the retry that follows costs less than the case.
 */
function changesWithin(range: RangeRead, updates: ReadonlyMap<string, unknown>): boolean {
  for (const key of updates.keys()) {
    if (compareKeys(key, range.startKey) < 0) continue;
    if (range.endKey === '') return true;
    const order = compareKeys(key, range.endKey);
    if (order < 0 || (order === 0 && !range.exhausted)) return true;
  }
  return false;
}

function isSameVersion(left: Version | undefined, right: Version | undefined): boolean {
  return left?.blockNumber === right?.blockNumber && left?.txNumber === right?.txNumber;
}
