import {
  CareLedgerError,
  DENY_ADVICE,
  type Access,
  type AccessDecision,
  type AccessWithReceipt,
  type EmrRecord,
  type ErrorCode,
  type Open,
  type Receipt,
} from '@careledger/protocol';
import { MAX_HEADER_BYTES, type OpenedHeader, type SharedPayload } from '@careledger/crypto';
import type { KeyCustody } from '../ports/key-custody.js';
import type { RecordStore } from '../ports/record-store.js';
import { mapBounded } from './bounded.js';
import type { StaffCaller } from './caller.js';
import type { ContractCaller, Receipted } from './contract-caller.js';
import { toCareLedgerError } from './crypto-errors.js';
import type { RecipientKeys } from './recipient-keys.js';
import { timed, type ObserveStage } from './opening-stages.js';
import { contextOf } from './record-sealing.js';
import { openRecord, type OpenedRecord, type RecordKeys } from './record-opening.js';
import type { ErasureKeys } from '../sharing/erasure-keys.js';
import type { RequestRelease } from './release-client.js';

export interface OpenRequest {
  readonly caller: StaffCaller;
  readonly recordIds: readonly string[];
  readonly purpose: Open['purpose'];
  /** The emergency under which the records are opened. */
  readonly caseId?: string;
  /** Already bound to the route. */
  readonly idempotencyKey?: string;
}

type OpenArgument = Omit<Open, 'recordIds'> & Pick<OpenRequest, 'recordIds'>;

export interface FailedRecord {
  readonly recordId: string;
  readonly code: ErrorCode;
  readonly detail: string;
}

export interface Opening {
  /** Id of the transaction that decided it; names the opening everywhere. */
  readonly accessId: string;
  readonly records: OpenedRecord[];
  readonly denied: AccessDecision[];
  /** Granted, but not to be had now; the access entry stays valid for a retry. */
  readonly failed: FailedRecord[];
}

export interface OpeningsService {
  /**
   * DESIGN section 5: one ledger transaction before any byte of key moves.
   * @throws CareLedgerError ACCESS_DENIED with `accessId` and `decisions` when nothing was granted; when something was
   * granted and nothing could be read, the first failure with `accessId`.
   */
  open(request: OpenRequest): Promise<Opening>;
  /** Releases an earlier opening again to the same person. Errors: as `open`; NOT_OWNER, TRANSITION_NOT_ALLOWED. */
  content(caller: StaffCaller, accessId: string): Promise<Opening>;
  /** Posts the receipt, which ends the opening: its one-time key is destroyed. */
  postReceipt(
    caller: StaffCaller,
    receipt: { readonly accessId: string; readonly operation: string },
    idempotencyKey?: string,
  ): Promise<Receipted<Receipt>>;
}

export interface OpeningsModules {
  readonly contracts: ContractCaller;
  readonly store: RecordStore;
  readonly custody: KeyCustody;
  readonly recipientKeys: RecipientKeys;
  readonly requestRelease: RequestRelease;
  readonly openShared: OpenShared;
  readonly erasureKeys: Pick<ErasureKeys, 'openWith'>;
  readonly observeStage: ObserveStage;
}

/**
 * Keys of records that an entry opens along edges, or why there are none. What one chain of edges fails at keeps no other
 * back. Rejects for a chain that this hospital's peer does not have in force.
 */
export type OpenShared = (
  access: Access,
  records: readonly EmrRecord[],
) => Promise<ReadonlyMap<string, SharedPayload | Error>>;

export interface OpeningsOptions {
  readonly mspId: string;
  readonly storeConcurrency: number;
  /** Ciphertext of one opening, all records together: it is decrypted in memory. */
  readonly maxOpeningBytes: number;
  /** How long after the access entry records of this hospital are shown again, as for those of others. */
  readonly repeatWindowMs: number;
}

/** The reasons, each with what to do about it. */
export function denialInWords(denied: readonly Pick<Access['decisions'][number], 'reason'>[]): string {
  const reasons = [...new Set(denied.map(({ reason }) => reason ?? 'NO_GRANT'))];
  return `Denied: ${reasons.map((reason) => `${reason}. ${DENY_ADVICE[reason]}`).join(' ')}`;
}

export function createOpeningsService(options: OpeningsOptions, modules: OpeningsModules): OpeningsService {
  const { contracts, recipientKeys, observeStage } = modules;

  const readRecords = (caller: StaffCaller, recordIds: readonly string[]): Promise<EmrRecord[]> =>
    mapBounded(recordIds, options.storeConcurrency, (recordId) =>
      contracts.evaluate(caller.identity, 'records', 'Get', { recordId }),
    );

  const release = async (
    caller: StaffCaller,
    access: Access,
    records: readonly EmrRecord[],
  ): Promise<Opening> => {
    const granted = access.decisions.filter(({ outcome }) => outcome === 'grant');
    const denied = access.decisions.filter(({ outcome }) => outcome === 'deny');
    const { accessId } = access;
    if (granted.length === 0) {
      throw new CareLedgerError('ACCESS_DENIED', {
        message: denialInWords(denied),
        extensions: { accessId, decisions: denied },
      });
    }
    const grantedIds = new Set(granted.map(({ recordId }) => recordId));
    const wanted = records.filter(({ recordId }) => grantedIds.has(recordId));
    const outcomes = await readAll({ caller, access, records: wanted }, options, modules);
    const opened = outcomes.filter((outcome): outcome is OpenedRecord => !('error' in outcome));
    const failures = outcomes.filter((outcome): outcome is Failure => 'error' in outcome);
    if (opened.length === 0 && failures[0] !== undefined) throw withAccessId(failures[0].error, accessId);
    return { accessId, records: opened, denied, failed: failures.map(describeFailure) };
  };

  return {
    async open(request) {
      const { caller, recordIds, purpose, caseId } = request;
      const { records, recipientKey } = await timed(observeStage, 'prepare', async () => {
        const found = await readRecords(caller, recordIds);
        assertSize(found, options.maxOpeningBytes);
        return { records: found, recipientKey: await recipientKeys.take(request) };
      });
      const named = caseId === undefined ? {} : { caseId };
      const access = await timed(observeStage, 'decide', () =>
        decide(request, { recordIds, purpose, ...named, recipientKey }),
      );
      if (access.decisions.every(({ outcome }) => outcome === 'deny'))
        await recipientKeys.destroy(recipientKey);
      // Under a key that was used before, this is the opening of then, which may have ended since.
      if (request.idempotencyKey !== undefined) {
        const { accessId } = access;
        assertNotEnded(await contracts.evaluate(caller.identity, 'access', 'Get', { accessId }));
      }
      return timed(observeStage, 'content', () => release(caller, access, records));
    },

    async content(caller, accessId) {
      const access = await contracts.evaluate(caller.identity, 'access', 'Get', { accessId });
      assertRequester(access, caller);
      assertNotEnded(access);
      return release(caller, access, await readRecords(caller, grantedIdsOf(access)));
    },

    async postReceipt(caller, receipt, idempotencyKey) {
      const access = await contracts.evaluate(caller.identity, 'access', 'Get', {
        accessId: receipt.accessId,
      });
      const options = idempotencyKey === undefined ? {} : { idempotencyKey };
      const posted = await contracts.submit(caller.identity, 'access', 'PostReceipt', receipt, options);
      await recipientKeys.destroy(access.recipientKey);
      return posted;
    },
  };

  async function decide(request: OpenRequest, argument: OpenArgument): Promise<Access> {
    const { caller, idempotencyKey } = request;
    try {
      const submitOptions = idempotencyKey === undefined ? {} : { idempotencyKey };
      const { result } = await contracts.submit(caller.identity, 'access', 'Open', argument, submitOptions);
      return result;
    } catch (error) {
      // A retry needs the key: when the fate of the transaction is unknown it may have granted, and under an
      // idempotency key a request at the same time may have gone through.
      const mayBeNeeded = idempotencyKey !== undefined || isCommitUnknown(error);
      if (!mayBeNeeded) await recipientKeys.destroy(argument.recipientKey);
      throw error;
    }
  }
}

function isCommitUnknown(error: unknown): boolean {
  return error instanceof CareLedgerError && error.code === 'COMMIT_UNKNOWN';
}

interface Failure {
  readonly recordId: string;
  readonly error: unknown;
}
type Outcome = OpenedRecord | Failure;

interface Reading {
  readonly caller: StaffCaller;
  readonly access: Access;
  readonly records: readonly EmrRecord[];
}

/** Reads what was granted; what one owner or one record fails at does not keep the others back. */
async function readAll(
  reading: Reading,
  options: OpeningsOptions,
  modules: OpeningsModules,
): Promise<Outcome[]> {
  const shared = reading.records.filter((record) => isShared(reading.access, record));
  const others = reading.records.filter((record) => !shared.includes(record));
  const read = await Promise.all([
    readShared({ ...reading, records: shared }, options, modules),
    readFromOwners({ ...reading, records: others }, options, modules),
  ]);
  return read.flat();
}

function isShared({ decisions }: Access, { recordId }: EmrRecord): boolean {
  return decisions.find((decision) => decision.recordId === recordId)?.via === 're-encryption';
}

/** Ciphertexts are fetched while owner and proxies are asked; the first of them are there when the keys are. */
async function readShared(
  { access, records }: Reading,
  { storeConcurrency }: OpeningsOptions,
  modules: OpeningsModules,
): Promise<Outcome[]> {
  if (records.length === 0) return [];
  const opening = timed(modules.observeStage, 'keys', () => modules.openShared(access, records));
  return mapBounded(records, storeConcurrency, (record) =>
    readOne(
      record,
      async ({ recordId }) => {
        const keys = (await opening).get(recordId);
        if (keys === undefined) throw new CareLedgerError('RELEASE_NOT_AUTHORISED', { came: 'no key' });
        if (keys instanceof Error) throw keys;
        return keys;
      },
      modules,
    ),
  );
}

/** Owner by owner. */
async function readFromOwners(
  reading: Reading,
  options: OpeningsOptions,
  modules: OpeningsModules,
): Promise<Outcome[]> {
  const owners = [...new Set(reading.records.map(({ ownerMspId }) => ownerMspId))];
  const perOwner = await mapBounded(owners, options.storeConcurrency, async (ownerMspId) => {
    const records = reading.records.filter((record) => record.ownerMspId === ownerMspId);
    const part = { ...reading, records };
    try {
      const unwrap =
        ownerMspId === options.mspId
          ? ownHeaders(part, options, modules)
          : await releasedHeaders(part, ownerMspId, modules);
      return await mapBounded(records, options.storeConcurrency, (record) =>
        readOne(record, unwrap, modules),
      );
    } catch (error) {
      return records.map(({ recordId }) => ({ recordId, error }));
    }
  });
  return perOwner.flat();
}

type Unwrap = (record: EmrRecord) => Promise<RecordKeys>;

async function readOne(record: EmrRecord, unwrap: Unwrap, { store }: OpeningsModules): Promise<Outcome> {
  const ciphertext = store.get(record.contentCid, { maxBytes: record.sizeBytes });
  // Without keys nobody waits for it.
  ciphertext.catch(() => undefined);
  try {
    return await openRecord(record, await unwrap(record), ciphertext);
  } catch (error) {
    return { recordId: record.recordId, error: toCareLedgerError(error) };
  }
}

/** By the rules by which other hospitals release (`release-authority.ts`): for a time, and never what was erased. */
function ownHeaders(
  { access, records }: Reading,
  { repeatWindowMs }: OpeningsOptions,
  { custody, store, erasureKeys }: OpeningsModules,
): Unwrap {
  const openWithKey = erasureKeys.openWith(records.filter(({ status }) => status !== 'erased'));
  const isTooOld = Date.now() - Date.parse(access.at) > repeatWindowMs;
  return async (record) => {
    if (isTooOld) throw notAgain('an access entry that is too old: open the records again');
    if (record.status === 'erased') throw notAgain('a record that was erased');
    const header = await store.get(record.headerCid, { maxBytes: MAX_HEADER_BYTES });
    const expectedContext = contextOf(record);
    return openWithKey(record, async (erasureKey) =>
      keysOf(await custody.openHeader({ header, expectedContext, erasureKey })),
    );
  };
}

async function releasedHeaders(
  reading: Reading,
  ownerMspId: string,
  modules: OpeningsModules,
): Promise<Unwrap> {
  const { access, caller, records } = reading;
  const { accessId } = access;
  const { gatewayUrl } = await modules.contracts.evaluate(caller.identity, 'members', 'Get', {
    mspId: ownerMspId,
  });
  const headers = await modules.requestRelease({ ownerMspId, gatewayUrl, accessId, records });
  const recipientPublicKey = Buffer.from(access.recipientKey, 'base64url');
  return async (record) => {
    const header = headers.get(record.recordId);
    if (header === undefined)
      throw new CareLedgerError('RELEASE_NOT_AUTHORISED', { came: 'no header for this record' });
    const expectedContext = contextOf(record);
    const releaseBinding = accessId;
    return keysOf(
      await modules.custody.openRelease({ recipientPublicKey, header, expectedContext, releaseBinding }),
    );
  };
}

function keysOf({ dataKey, salt, header: { contentType } }: OpenedHeader): RecordKeys {
  return { dataKey, salt, contentType };
}

function notAgain(came: string): CareLedgerError {
  return new CareLedgerError('RELEASE_NOT_AUTHORISED', { came });
}

function grantedIdsOf(access: Access): string[] {
  return access.decisions.filter(({ outcome }) => outcome === 'grant').map(({ recordId }) => recordId);
}

function assertSize(records: readonly EmrRecord[], maxOpeningBytes: number): void {
  const totalBytes = records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (totalBytes <= maxOpeningBytes) return;
  throw new CareLedgerError('LIMIT_EXCEEDED', {
    expected: `at most ${maxOpeningBytes} bytes`,
    came: `${totalBytes}`,
  });
}

function assertRequester(access: Access, caller: StaffCaller): void {
  const { mspId, enrolmentId } = access.requester;
  if (mspId === caller.mspId && enrolmentId === caller.enrolmentId) return;
  throw new CareLedgerError('NOT_OWNER', {
    message: 'Only the person who opened the records may fetch them.',
  });
}

function assertNotEnded({ receipt }: AccessWithReceipt): void {
  if (receipt?.status.startsWith('posted') !== true) return;
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    message: 'The receipt of this opening was posted, which ended it. Open the records again.',
  });
}

function withAccessId(error: unknown, accessId: string): unknown {
  if (!(error instanceof CareLedgerError)) return error;
  const { code, details } = error;
  return new CareLedgerError(code, {
    ...details,
    cause: error,
    extensions: { ...details.extensions, accessId },
  });
}

function describeFailure({ recordId, error }: Failure): FailedRecord {
  if (error instanceof CareLedgerError) return { recordId, code: error.code, detail: error.message };
  return { recordId, code: 'INTERNAL', detail: 'A defect.' };
}
