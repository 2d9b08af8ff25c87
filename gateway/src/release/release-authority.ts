import { createHash } from 'node:crypto';
import { MAX_HEADER_BYTES } from '@careledger/crypto';
import {
  CareLedgerError,
  LIMITS,
  canonicalJson,
  validate,
  type Access,
  type ContractName,
  type EmergencyAccess,
  type EmrRecord,
  type MethodName,
  type PatientGrant,
  type SharingState,
} from '@careledger/protocol';
import type { KeyCustody } from '../ports/key-custody.js';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import { mapBounded } from '../services/bounded.js';
import { perKeyQueue } from '../services/per-key-queue.js';
import { contextOf } from '../services/record-sealing.js';
import type { ErasureKeys, OpenWithKey } from '../sharing/erasure-keys.js';
import { assertAge, assertRequester, findAccess, notAuthorised, unless, within } from './access-evidence.js';
import type { AnswerStore, StoredAnswer } from './answer-store.js';
import { assertOwnDecision, type OwnEvidence } from './own-decision.js';
import { ReleaseRequestSchema, type ReleaseAnswer, type ReleaseRequestBody } from './release-protocol.js';

export interface ReleaseLimits {
  /** How long after the access entry a first release is made. Default 10 minutes. */
  readonly releaseWindowMs: number;
  /** How long after the access entry the same answer is repeated. Default 24 hours. */
  readonly repeatWindowMs: number;
  /** How long to wait for this hospital's own peer to have the transaction. Default 5 s. */
  readonly lagWaitMs: number;
  /** First pause between questions; each further pause is twice as long. */
  readonly pollMs: number;
  /** One question to the ledger. Default 10 s. */
  readonly ledgerTimeoutMs: number;
  readonly concurrency: number;
}

export const DEFAULT_RELEASE_LIMITS: ReleaseLimits = {
  releaseWindowMs: LIMITS.releaseWindowMs,
  repeatWindowMs: 86_400_000,
  lagWaitMs: 5_000,
  pollMs: 50,
  ledgerTimeoutMs: 10_000,
  concurrency: 8,
};

export interface ReleaseModules {
  readonly ledger: Ledger;
  readonly store: RecordStore;
  readonly custody: KeyCustody;
  /** Reads the ledger in the hospital's name. */
  readonly serviceIdentity: SigningIdentity;
  readonly answers: AnswerStore;
  readonly erasureKeys: Pick<ErasureKeys, 'openWith'>;
}

export interface ReleaseAuthorityOptions {
  /** This hospital: the owner. */
  readonly mspId: string;
  readonly limits: ReleaseLimits;
  readonly clock: () => number;
}

export interface ReleaseAuthority {
  /**
   * The answer to one request, stored before it is returned.
   * @param callerMspId the hospital that the client certificate proves
   * @throws CareLedgerError SCHEMA_VIOLATION, RELEASE_NOT_AUTHORISED, RELEASE_REPLAYED, LEDGER_UNAVAILABLE and what
   * store and custody throw. Nothing is released with any of them.
   */
  readonly release: (callerMspId: string, body: unknown) => Promise<string>;
}

/**
 * Decides whether a header may leave, from this hospital's own peer alone (DESIGN section 5, step 3).
 *
 * The access entry is the evidence, and it is final: a grant that is revoked between the entry and the release does
 * not undo what the ledger already says was opened. The window is therefore short for a first release, and a
 * repetition, which tells the requester nothing new, is made for longer. An erased record is never released, not
 * even again. All records of a request are released or none.
 */
export function createReleaseAuthority(
  options: ReleaseAuthorityOptions,
  modules: ReleaseModules,
): ReleaseAuthority {
  const serially = perKeyQueue();

  const answerTo = async (callerMspId: string, body: ReleaseRequestBody): Promise<string> => {
    const access = await findAccess(body.accessId, options.limits, modules);
    assertRequester(access, callerMspId);
    const ageMs = options.clock() - Date.parse(access.at);
    const stored = await modules.answers.get(body.accessId);
    assertAge(ageMs, stored === undefined ? options.limits.releaseWindowMs : options.limits.repeatWindowMs);
    const bodyDigest = digestOf(body);
    if (stored !== undefined && stored.bodyDigest !== bodyDigest)
      throw new CareLedgerError('RELEASE_REPLAYED');
    const records = await releasableRecords(body, access, options, modules);
    return stored === undefined ? makeAnswer(access, records, bodyDigest) : stored.response;
  };

  async function makeAnswer(
    access: Access,
    records: readonly EmrRecord[],
    bodyDigest: string,
  ): Promise<string> {
    const { accessId } = access;
    const openWithKey = modules.erasureKeys.openWith(records);
    const headers = await mapBounded(records, options.limits.concurrency, async (record) => ({
      recordId: record.recordId,
      header: Buffer.from(await rewrap(record, access, { ...modules, openWithKey })).toString('base64url'),
    }));
    const response = JSON.stringify({ accessId, headers } satisfies ReleaseAnswer);
    const recordIds = records.map(({ recordId }) => recordId);
    const answer: StoredAnswer = { bodyDigest, response, accessAtMs: Date.parse(access.at), recordIds };
    await modules.answers.put(accessId, answer);
    return response;
  }

  return {
    async release(callerMspId, body) {
      const request = validate(ReleaseRequestSchema, body);
      return serially(request.accessId, () => answerTo(callerMspId, request));
    },
  };
}

async function releasableRecords(
  { recordIds }: ReleaseRequestBody,
  access: Access,
  { mspId, limits }: ReleaseAuthorityOptions,
  modules: ReleaseModules,
): Promise<EmrRecord[]> {
  const granted = new Set(
    access.decisions
      .filter(({ outcome, ownerMspId }) => outcome === 'grant' && ownerMspId === mspId)
      .map(({ recordId }) => recordId),
  );
  if (!recordIds.every((recordId) => granted.has(recordId))) {
    throw notAuthorised('a record that the entry does not grant, or that is not of this hospital');
  }
  const { ledger, serviceIdentity } = modules;
  const ask = <Contract extends ContractName>(
    contract: Contract,
    method: MethodName<Contract>,
    argument: object,
  ): Promise<unknown> =>
    within(limits.ledgerTimeoutMs, () => ledger.evaluate(serviceIdentity, contract, method, argument));
  const evidence: OwnEvidence = {
    grant: onceEach(
      async (pseudonym, grantId) => (await ask('grants', 'Get', { pseudonym, grantId })) as PatientGrant,
    ),
    sharing: onceEach(
      async (pseudonym) => (await ask('grants', 'GetSharing', { pseudonym })) as SharingState,
    ),
    emergency: onceEach(
      async (pseudonym, caseId) =>
        (await ask('emergencies', 'GetAccess', { pseudonym, caseId })) as EmergencyAccess,
    ),
  };
  return mapBounded(recordIds, limits.concurrency, async (recordId) => {
    const read = (): Promise<unknown> => ledger.evaluate(serviceIdentity, 'records', 'Get', { recordId });
    const found = await unless('RECORD_NOT_FOUND', within(limits.ledgerTimeoutMs, read));
    const record = found as EmrRecord | undefined;
    if (record?.recordId !== recordId || record.ownerMspId !== mspId)
      throw notAuthorised('a record that is not of this hospital');
    if (record.status === 'erased') throw notAuthorised('a record that was erased');
    await assertOwnDecision(access, record, evidence);
    return record;
  });
}

async function rewrap(
  record: EmrRecord,
  access: Access,
  { store, custody, openWithKey }: ReleaseModules & { readonly openWithKey: OpenWithKey },
): Promise<Uint8Array> {
  const header = await store.get(record.headerCid, { maxBytes: MAX_HEADER_BYTES });
  const recipientPublicKey = new Uint8Array(Buffer.from(access.recipientKey, 'base64url'));
  const expectedContext = contextOf(record);
  const releaseBinding = access.accessId;
  return openWithKey(record, (erasureKey) =>
    custody.rewrapHeader({ header, expectedContext, erasureKey, recipientPublicKey, releaseBinding }),
  );
}

/** An opening of 500 records under one grant asks for the grant once. */
function onceEach<Result>(
  read: (pseudonym: string, id: string) => Promise<Result>,
): (pseudonym: string, id?: string) => Promise<Result> {
  const asked = new Map<string, Promise<Result>>();
  return (pseudonym, id = '') => {
    const key = `${pseudonym}/${id}`;
    const answer = asked.get(key) ?? read(pseudonym, id);
    asked.set(key, answer);
    return answer;
  };
}

/** A body is a set of records: in whatever order they are named, it is the same. */
function digestOf({ accessId, recordIds }: ReleaseRequestBody): string {
  const body = canonicalJson({ accessId, recordIds: [...recordIds].sort() });
  return createHash('sha256').update(body).digest('hex');
}
