/**
 * Which transactions of a block are valid, derived from the block alone: the codes that come with it are unsigned.
 * The rules are Fabric's (txvalidator v20, statebased v20, validation of read sets): well formed and signed; no id twice;
 * endorsed by what every written key asks for; then, in order, nothing changed of what was read.
 */
import { CHAINCODE_NAME } from '@careledger/protocol';
import type { Block } from './block.js';
import type { Identities, KnownIdentity } from './identities.js';
import { isEndorsedByMajority, satisfiesPolicy } from './policy.js';
import type { KeyRead, RangeRead, ReadWriteSet, Version } from './read-write-set.js';
import type { VersionedState } from './state.js';
import type { ChaincodeCall, Transaction } from './transaction.js';

export type Verdict =
  | 'VALID'
  | 'BAD_CREATOR_SIGNATURE'
  | 'BAD_PROPOSAL_TXID'
  | 'INVALID_ENDORSER_TRANSACTION'
  | 'DUPLICATE_TXID'
  | 'ENDORSEMENT_POLICY_FAILURE'
  | 'MVCC_READ_CONFLICT'
  | 'PHANTOM_READ_CONFLICT';

export interface Judgement {
  readonly verdict: Verdict;
  /** The creator, when the certificate is a member's and the signature is right. */
  readonly creator?: KnownIdentity;
  /**
   * False where the block does not say enough: private data of the chaincode lifecycle. The stated code then stands.
   */
  readonly isJudged: boolean;
}

export interface LedgerSoFar {
  readonly identities: Identities;
  readonly state: VersionedState;
  readonly txIds: ReadonlySet<string>;
}

/** Judges the transactions of a block in order; `state` moves with every one that is in force. */
export function judgeBlock(block: Block, ledger: LedgerSoFar): Judgement[] {
  const formal = judgeFormally(block, ledger);
  const changed = new ChangedKeys();
  return block.transactions.map((transaction, txNumber) => {
    const judgement = formal[txNumber];
    if (judgement === undefined) throw new RangeError('a transaction without a judgement');
    const verdict =
      judgement.verdict === 'VALID' ? readVerdict(transaction, ledger.state, changed) : undefined;
    const final = verdict === undefined ? judgement : { ...judgement, verdict };
    if (isInForce(transaction, final)) {
      const version: Version = { blockNumber: Number(block.number), txNumber };
      for (const set of transaction.call?.sets ?? []) {
        ledger.state.apply(set, version);
        changed.add(set);
      }
    }
    return final;
  });
}

/** Whether the transaction's writes count. */
export function isInForce(transaction: Transaction, { verdict, isJudged }: Judgement): boolean {
  return isJudged ? verdict === 'VALID' : transaction.statedCode === 'VALID';
}

/** Everything but reads, for the whole block first: Fabric judges endorsements against the state before the block. */
function judgeFormally(block: Block, { identities, state, txIds }: LedgerSoFar): Judgement[] {
  const seen = new Set<string>();
  const changedPolicies = new Set<string>();
  const rules = { state, members: identities.mspIds, changedPolicies };
  return block.transactions.map((transaction): Judgement => {
    const creator = identities.signerOf(transaction.signed);
    const base = { ...(creator === undefined ? {} : { creator }), isJudged: true };
    // A configuration is what a quorum of orderers signed into the chain; its own signatures are inside.
    if (transaction.config !== undefined) return { ...base, verdict: 'VALID' };
    const { call, txId } = transaction;
    const malformed = formVerdict(transaction, creator, seen.has(txId) || txIds.has(txId));
    if (call === undefined || malformed !== undefined)
      return { ...base, verdict: malformed ?? 'INVALID_ENDORSER_TRANSACTION' };
    seen.add(txId);
    if (!isOurs(call)) return { ...base, verdict: 'VALID', isJudged: false };
    const endorsers = call.endorsements.flatMap((signed) => identities.signerOf(signed) ?? []);
    const sets = ourSets(call);
    if (!sets.every((set) => satisfiesKeyPolicies(set, endorsers, rules)))
      return { ...base, verdict: 'ENDORSEMENT_POLICY_FAILURE' };
    for (const { key } of sets.flatMap(({ policies }) => policies)) changedPolicies.add(key);
    return { ...base, verdict: 'VALID' };
  });
}

function formVerdict(
  { call, hasOwnId }: Transaction,
  creator: KnownIdentity | undefined,
  isDuplicate: boolean,
): Verdict | undefined {
  if (creator === undefined) return 'BAD_CREATOR_SIGNATURE';
  if (!hasOwnId) return 'BAD_PROPOSAL_TXID';
  if (call?.isBound !== true) return 'INVALID_ENDORSER_TRANSACTION';
  return isDuplicate ? 'DUPLICATE_TXID' : undefined;
}

/** A call of the contracts, and of nothing else: the lifecycle's own rules are not repeated here. */
function isOurs({ chaincode, sets }: ChaincodeCall): boolean {
  return chaincode === CHAINCODE_NAME && !sets.some(({ hasPrivateData }) => hasPrivateData);
}

function ourSets({ sets }: ChaincodeCall): readonly ReadWriteSet[] {
  const own = sets.filter(({ namespace }) => namespace === CHAINCODE_NAME);
  const nothing = { namespace: CHAINCODE_NAME, reads: [], ranges: [], writes: [], policies: [] };
  // A transaction that touches nothing is still asked for the chaincode's endorsement.
  return own.length > 0 ? own : [{ ...nothing, hasPrivateData: false }];
}

/**
 * Fabric's key-level rule: a written key with a policy needs that policy in the place of the chaincode's; every other
 * written key, and a transaction that writes nothing, needs the chaincode's. A key whose policy an earlier transaction
 * of the same block changes cannot be judged by a peer, which refuses it.
 */
function satisfiesKeyPolicies(
  set: ReadWriteSet,
  endorsers: readonly KnownIdentity[],
  rules: {
    readonly state: VersionedState;
    readonly members: readonly string[];
    readonly changedPolicies: ReadonlySet<string>;
  },
): boolean {
  const keys = [...new Set([...set.writes, ...set.policies].map(({ key }) => key))];
  if (keys.some((key) => rules.changedPolicies.has(key))) return false;
  const policies = keys.map((key) => rules.state.get(set.namespace, key)?.policy ?? new Uint8Array());
  const needsMajority = policies.length === 0 || policies.some((policy) => policy.length === 0);
  if (needsMajority && !isEndorsedByMajority(endorsers, rules.members)) return false;
  return policies.every((policy) => policy.length === 0 || satisfiesPolicy(policy, endorsers));
}

/** Keys that valid transactions of this block wrote so far: a later read of one is a conflict. */
class ChangedKeys {
  private readonly keys = new Set<string>();

  add({ namespace, writes, policies }: ReadWriteSet): void {
    for (const { key } of [...writes, ...policies]) this.keys.add(`${namespace}\n${key}`);
  }

  has(namespace: string, key: string): boolean {
    return this.keys.has(`${namespace}\n${key}`);
  }
}

function readVerdict(
  { call }: Transaction,
  state: VersionedState,
  changed: ChangedKeys,
): Verdict | undefined {
  for (const set of call?.sets ?? []) {
    const isFresh = ({ key, version }: KeyRead): boolean =>
      !changed.has(set.namespace, key) && isSameVersion(state.get(set.namespace, key)?.version, version);
    if (!set.reads.every(isFresh)) return 'MVCC_READ_CONFLICT';
    if (!set.ranges.every((range) => isRangeUnchanged(set.namespace, range, state)))
      return 'PHANTOM_READ_CONFLICT';
  }
  return undefined;
}

/** A Merkle summary, which Fabric writes for long ranges, is not opened: the peers' word stands for those. */
function isRangeUnchanged(
  namespace: string,
  { startKey, endKey, exhausted, reads }: RangeRead,
  state: VersionedState,
): boolean {
  if (reads === undefined) return true;
  const now = state.range(namespace, startKey, endKey, !exhausted);
  return (
    now.length === reads.length &&
    reads.every(
      ({ key, version }, at) => now[at] === key && isSameVersion(state.get(namespace, key)?.version, version),
    )
  );
}

function isSameVersion(left: Version | undefined, right: Version | undefined): boolean {
  return left?.blockNumber === right?.blockNumber && left?.txNumber === right?.txNumber;
}
