import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  LIMITS,
  addMs,
  approvalsNeeded,
  approve,
  identify,
  nextStatus,
  refuse,
  review,
  secondWithinMs,
  type Consortium,
  type Emergency,
  type EmergencySay,
  type Notice,
  type OpenEmergency,
} from '@careledger/protocol';
import {
  followInBook,
  readBookOfEnrolled,
  readEmergency,
  saveEmergency,
  writeEmergency,
} from './emergency/cases.js';
import { requireActiveMember, type Call } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';
import { readPage } from './shell/paging.js';

/**
 * Break glass: access that no patient granted, on the word of officers of other hospitals, for a time, told to the
 * patient and reviewed afterwards. What it opens stands in the patient's grant book.
 */
export class EmergenciesContract extends CareLedgerContract<'emergencies'> {
  constructor() {
    super('emergencies');
  }

  /** By an administrator, for the own hospital: all of its officers that may approve. */
  @Transaction()
  NameOfficers(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'NameOfficers',
      { argumentJson, idempotencyKey },
      async (call, { officers }) => {
        requireRole(call.caller, ['admin']);
        const consortium = await requireActiveMember(call);
        const { mspId } = call.caller;
        const before = await call.state.read(KEYS.emergencyOfficers, [mspId]);
        const named = { mspId, officers: [...officers].sort(), changedAt: call.at, txId: call.txId };
        const owner = { mspId, consortium, previousEpoch: before?.membersEpoch };
        const result = await call.state.writeOwned(KEYS.emergencyOfficers, [mspId], named, owner);
        return { result, event: { event: EVENTS.emergencyOfficersNamed, id: mspId, mspId } };
      },
    );
  }

  /** By a clinician who needs the records of a patient of another hospital now, known or not. */
  @Transaction()
  Open(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Open', { argumentJson, idempotencyKey }, async (call, request) => {
      requireRole(call.caller, ['clinician']);
      const consortium = await requireActiveMember(call);
      const before = await call.state.read(KEYS.emergency, [request.caseId]);
      const subject = await subjectOf(call, request.subject);
      const emergency: Emergency = {
        caseId: request.caseId,
        status: nextStatus('emergency', before?.status, 'pseudonym' in subject ? 'open' : 'openUnidentified'),
        openedBy: call.caller,
        reason: request.reason,
        ...subject,
        approvalsNeeded: approvalsNeeded(consortium, call.caller.mspId),
        approvals: [],
        refusals: [],
        endsAt: addMs(call.at, LIMITS.emergencyAnswerMs),
        openedAt: call.at,
        changedAt: call.at,
        txId: call.txId,
      };
      return saveEmergency(call, undefined, emergency);
    });
  }

  /** By an officer who knows the patient: as one of the own hospital. */
  @Transaction()
  Identify(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'Identify',
      { argumentJson, idempotencyKey },
      async (call, { caseId, pseudonym }) => {
        requireRole(call.caller, ['officer']);
        await requireActiveMember(call);
        const { written, now } = await readEmergency(call, caseId);
        const { mspId: patientMspId } = await readBookOfEnrolled(call, pseudonym);
        if (patientMspId !== call.caller.mspId) {
          throw new CareLedgerError('NOT_OWNER', {
            message: 'A hospital identifies its own patients only.',
            came: patientMspId,
          });
        }
        if (patientMspId === now.openedBy.mspId)
          throw new CareLedgerError('NOT_INDEPENDENT', { came: 'the requester’s own hospital' });
        return saveEmergency(call, written, identify(now, { pseudonym, patientMspId }, sayOf(call)));
      },
    );
  }

  /** By a named officer of a hospital other than the requester's; one word for each hospital. */
  @Transaction()
  Approve(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Approve', { argumentJson, idempotencyKey }, async (call, { caseId }) => {
      const consortium = await requireNamedOfficer(call);
      const { written, now } = await readEmergency(call, caseId);
      const book = now.pseudonym === undefined ? undefined : await readBookOfEnrolled(call, now.pseudonym);
      const options = { consortium, secondWithinMs: book && secondWithinMs(book) };
      const approved = approve(now, sayOf(call), options);
      if (book !== undefined) await followInBook(call, consortium, book, approved);
      return saveEmergency(call, written, approved);
    });
  }

  /** As `Approve`. Too many of them end the case, and access that was already given. */
  @Transaction()
  Refuse(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Refuse', { argumentJson, idempotencyKey }, async (call, { caseId }) => {
      const consortium = await requireNamedOfficer(call);
      const { written, now } = await readEmergency(call, caseId);
      const refused = refuse(now, sayOf(call), consortium);
      if (refused.status === 'withdrawn' && refused.pseudonym !== undefined) {
        const book = await readBookOfEnrolled(call, refused.pseudonym);
        await followInBook(call, consortium, book, refused);
      }
      return saveEmergency(call, written, refused);
    });
  }

  /** By an officer of a hospital other than the requester's who did not approve, once the access is over. */
  @Transaction()
  PostReview(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'PostReview',
      { argumentJson, idempotencyKey },
      async (call, { caseId, finding, textDigest }) => {
        requireRole(call.caller, ['officer']);
        await requireActiveMember(call);
        const { written, now } = await readEmergency(call, caseId);
        return saveEmergency(call, written, review(now, sayOf(call), { finding, textDigest }));
      },
    );
  }

  /** Writes down what is over by itself, oldest first, a bounded number at a time. Anyone may submit it. */
  @Transaction()
  Sweep(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Sweep', { argumentJson, idempotencyKey }, async (call) => {
      await requireActiveMember(call);
      const over: string[] = [];
      for await (const [due = '', caseId = ''] of call.state.scan(KEYS.emergencyDue, [])) {
        if (due >= call.at) break;
        const { written, now } = await readEmergency(call, caseId);
        await writeEmergency(call, written, { ...now, changedAt: call.at, txId: call.txId });
        if (over.push(caseId) >= LIMITS.sweepItems) break;
      }
      return { result: { over }, event: { event: EVENTS.emergenciesSwept, id: call.txId, status: 'over' } };
    });
  }

  @Transaction(false)
  Officers(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Officers', argumentJson, async (call, { mspId }) => {
      const named = await call.state.read(KEYS.emergencyOfficers, [mspId]);
      return { mspId, officers: named?.officers ?? [] };
    });
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(
      context,
      'Get',
      argumentJson,
      async (call, { caseId }) => (await readEmergency(call, caseId)).now,
    );
  }

  /** What the patient's grant book says: what an owner's gateway decides by. */
  @Transaction(false)
  GetAccess(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'GetAccess', argumentJson, async (call, { pseudonym, caseId }) => {
      const book = await call.state.read(KEYS.grantBook, [pseudonym]);
      const access = book?.emergencies?.find((candidate) => candidate.caseId === caseId);
      if (access === undefined) throw new CareLedgerError('EMERGENCY_NOT_FOUND', { came: caseId });
      return access;
    });
  }

  /** Those that wait for something first, a review included. */
  @Transaction(false)
  List(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'List', argumentJson, (call, page) => {
      const load = async ([, , caseId = '']: readonly string[]): Promise<Emergency[]> => [
        (await readEmergency(call, caseId)).now,
      ];
      return readPage(call.state, { prefix: KEYS.emergenciesByState, attributes: [], load }, page);
    });
  }

  /** What a patient is told: of emergencies, of recoveries, and of cases that link its pseudonym. */
  @Transaction(false)
  Notices(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Notices', argumentJson, (call, { pseudonym, ...page }) => {
      const load = async (rest: readonly string[]): Promise<Notice[]> => {
        const notice = await call.state.read(KEYS.notice, [pseudonym, ...rest]);
        return notice === undefined ? [] : [notice];
      };
      return readPage(call.state, { prefix: KEYS.notice, attributes: [pseudonym], load }, page);
    });
  }
}

/** @throws CareLedgerError PATIENT_NOT_FOUND, TRANSITION_NOT_ALLOWED */
async function subjectOf(call: Call, subject: OpenEmergency['subject']) {
  if (!('pseudonym' in subject)) return subject;
  const { pseudonym } = subject;
  const { mspId: patientMspId } = await readBookOfEnrolled(call, pseudonym);
  if (patientMspId !== call.caller.mspId) return { pseudonym, patientMspId };
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    message: 'Clinicians open their own hospital’s records without breaking glass.',
  });
}

/** @throws CareLedgerError ROLE_NOT_ALLOWED, MEMBER_NOT_ACTIVE, OFFICER_NOT_NAMED */
async function requireNamedOfficer(call: Call): Promise<Consortium> {
  requireRole(call.caller, ['officer']);
  const consortium = await requireActiveMember(call);
  const { mspId, enrolmentId } = call.caller;
  const named = await call.state.read(KEYS.emergencyOfficers, [mspId]);
  if (named?.officers.includes(enrolmentId) !== true) throw new CareLedgerError('OFFICER_NOT_NAMED');
  return consortium;
}

function sayOf({ caller, at, txId }: Call): EmergencySay {
  return { by: caller, at, txId };
}
