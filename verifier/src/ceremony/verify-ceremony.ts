import {
  CeremonyPostSchema,
  CeremonySchema,
  KEYS,
  validate,
  type Ceremony,
  type CeremonyFault,
} from '@careledger/protocol';
import type { Finding, SignedBy } from '../findings.js';
import { Found } from '../found.js';
import type { Facts } from '../ledger/facts.js';
import type { LedgerSummary, Replay } from '../ledger/replay.js';
import { readDocument } from '../query/documents.js';
import { checkKeyOf } from './ceremony-key.js';

export interface CeremonyReport {
  readonly kind: 'ceremony';
  readonly ceremonyId: string;
  readonly ledger: LedgerSummary;
  /** Absent when there is no such ceremony. */
  readonly ceremony?: Pick<
    Ceremony,
    'scheme' | 'purpose' | 'status' | 'attempt' | 'participants' | 'holders' | 'threshold'
  >;
  readonly faults: readonly CeremonyFault[];
  /** Rounds of the last attempt to which every participant posted its digests. */
  readonly rounds: number;
  readonly keyId?: string;
  readonly epoch?: number;
  readonly findings: readonly Finding[];
}

/**
 * What the ledger says of how a key came about: who took part, the digests that each posted for every round, who was
 * named, and that every holder accepted the same documents. That the messages themselves were right is each participant's
 * own check; they are not on the ledger.
 */
export function verifyCeremony({ summary, facts, findings }: Replay, ceremonyId: string): CeremonyReport {
  const found = new Found(signersOf(facts, ceremonyId));
  const subject = `ceremony ${ceremonyId}`;
  const document = facts.latest(KEYS.ceremony, [ceremonyId]);
  const ceremony =
    document === undefined
      ? undefined
      : found.orAdd('DOCUMENT_UNREADABLE', { subject }, () => validate(CeremonySchema, document.value));
  if (document === undefined)
    found.add('CEREMONY_NOT_FOUND', { subject, expected: 'a ceremony of this id', came: 'none' });
  const checked = ceremony === undefined ? { rounds: 0 } : checkCeremony(ceremony, facts, found);
  return {
    kind: 'ceremony',
    ceremonyId,
    ledger: summary,
    ...(ceremony === undefined ? {} : { ceremony }),
    faults: ceremony?.faults ?? [],
    ...checked,
    findings: [...findings, ...found.findings],
  };
}

function signersOf(facts: Facts, ceremonyId: string): Map<string, SignedBy> {
  const origins = [
    ...facts.history(KEYS.ceremony, [ceremonyId]),
    ...facts.under(KEYS.ceremonyPost, [ceremonyId]),
    ...facts.history(KEYS.aggregationKey, ['current']),
    ...facts.history(KEYS.masterKey, ['current']),
  ].map(({ origin }) => origin.signedBy);
  return new Map(origins.map((by) => [by.txId, by]));
}

function checkCeremony(
  ceremony: Ceremony,
  facts: Facts,
  found: Found,
): Pick<CeremonyReport, 'rounds' | 'keyId' | 'epoch'> {
  const { ceremonyId, status } = ceremony;
  const subject = `ceremony ${ceremonyId}`;
  const rounds = checkPosts(ceremony, facts, found);
  checkFaults(ceremony, facts, found);
  if (status !== 'finished')
    found.add('CEREMONY_NOT_FINISHED', { subject, expected: 'finished', came: status });
  return { rounds, ...checkKeyOf(ceremony, facts, found) };
}

/** Whoever is said to have named somebody has signed that. A conflict of keys is found by the contract. */
function checkFaults({ faults }: Ceremony, facts: Facts, found: Found): void {
  const blames = facts.calls('ceremonies:Blame');
  for (const { attempt, accused, accuser, reason, txId } of faults) {
    if (reason === 'KEY_CONFLICT') continue;
    const blame = blames.find(({ signedBy }) => signedBy.txId === txId && signedBy.mspId === accuser);
    const said = (blame?.argument ?? {}) as Partial<CeremonyFault>;
    if (said.attempt === attempt && said.accused === accused && said.reason === reason) continue;
    const expected = `${accuser} naming ${accused}: ${reason}`;
    const came = blame === undefined ? 'no such transaction' : 'another accusation';
    found.add('DOCUMENT_NOT_SIGNED', { subject: `fault of ${accused}`, expected, came });
  }
}

/** Every participant posted for every round, and signed what it posted. @returns the rounds that are whole */
function checkPosts({ ceremonyId, attempt, participants }: Ceremony, facts: Facts, found: Found): number {
  const rounds = new Map<number, Set<string>>();
  for (const fact of facts.under(KEYS.ceremonyPost, [ceremonyId])) {
    const mspId = fact.attributes.at(-1) ?? '';
    const post = readDocument(
      CeremonyPostSchema,
      fact,
      {
        subject: `post of ${mspId}`,
        methods: ['ceremonies:Post'],
        signer: mspId,
        signedFields: ['ceremonyId', 'attempt', 'round', 'digests'],
      },
      found,
    );
    if (post?.attempt !== attempt) continue;
    rounds.set(post.round, (rounds.get(post.round) ?? new Set()).add(mspId));
  }
  const last = Math.max(-1, ...rounds.keys());
  let whole = 0;
  for (let round = 0; round <= last; round += 1) {
    const missing = participants.filter((mspId) => rounds.get(round)?.has(mspId) !== true);
    if (missing.length === 0) whole += 1;
    for (const mspId of missing) {
      const expected = `digests of ${mspId}`;
      found.add('CEREMONY_POST_MISSING', { subject: `round ${String(round)}`, expected, came: 'none' });
    }
  }
  return whole;
}
