import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  endAllEdges,
  nextStatus,
  type Consortium,
  type GrantBook,
  type Patient,
} from '@careledger/protocol';
import { requireActiveMember, type Call, type Outcome } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';
import { readGrantBook, writeGrantBook } from './shell/grant-books.js';
import {
  assertPatientKeys,
  readPatient,
  readSigningPatient,
  requirePatient,
} from './shell/patient-authority.js';

/** Pseudonyms: a patient at one hospital, and the keys that are the patient's authority. */
export class PatientsContract extends CareLedgerContract<'patients'> {
  constructor() {
    super('patients');
  }

  /** By the hospital at which the pseudonym is to be; signed with the key that it registers. */
  @Transaction()
  Enrol(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Enrol', { argumentJson, idempotencyKey }, async (call, request) => {
      const { pseudonym, mspId, keys, link } = request.arguments;
      requireRole(call.caller, ['officer', 'clinician', 'gateway']);
      const consortium = await requireActiveMember(call);
      if (mspId !== call.caller.mspId) {
        throw new CareLedgerError('NOT_OWNER', {
          message: 'A hospital enrols its own patients only.',
          came: mspId,
        });
      }
      assertPatientKeys(keys);
      const before = await call.state.read(KEYS.patient, [pseudonym]);
      const status = nextStatus('patient', before?.status, 'enrol');
      await requirePatient(call, keys.signing, request);
      await writeBook(call, consortium, { pseudonym, mspId, status, grants: [], instructions: [] });
      const patient = {
        pseudonym,
        mspId,
        status,
        keys,
        ...(link === undefined ? {} : { link }),
        keyEpoch: 0,
        enrolledAt: call.at,
        changedAt: call.at,
        txId: call.txId,
      };
      return save(call, consortium, patient, undefined);
    });
  }

  /**
   * An identity key of the pseudonym stays what it is: its edges hold, and the next grant needs the identity's next
   * epoch, registered with the new key.
   */
  @Transaction()
  RotateKeys(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'RotateKeys', { argumentJson, idempotencyKey }, async (call, request) => {
      const consortium = await requireActiveMember(call);
      const before = await readSigningPatient(call, request);
      const { keys } = request.arguments;
      assertPatientKeys(keys);
      const status = nextStatus('patient', before.status, 'rotateKeys');
      const patient = {
        ...before,
        status,
        keys,
        keyEpoch: before.keyEpoch + 1,
        changedAt: call.at,
        txId: call.txId,
      };
      return save(call, consortium, patient, before.membersEpoch);
    });
  }

  /**
   * Nothing of a closed pseudonym can be opened, anchored or granted any more. Grants by edges end with it; others can
   * still be revoked.
   */
  @Transaction()
  Close(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Close', { argumentJson, idempotencyKey }, async (call, request) => {
      const consortium = await requireActiveMember(call);
      const before = await readSigningPatient(call, request);
      const status = nextStatus('patient', before.status, 'close');
      // The book carries the status too: an opening reads the book alone, and one that raced the closing is invalidated.
      const book = await readGrantBook(call, before.pseudonym);
      // Nothing starts from the patient's identity any more, so that proxies give their shares up.
      const change = endAllEdges(book, call.at, call.txId);
      await writeGrantBook(call, consortium, { ...change, book: { ...change.book, status } });
      return save(
        call,
        consortium,
        { ...before, status, changedAt: call.at, txId: call.txId },
        before.membersEpoch,
      );
    });
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, (call, { pseudonym }) => readPatient(call, pseudonym));
  }
}

async function writeBook(
  call: Call,
  consortium: Consortium,
  book: Omit<GrantBook, 'membersEpoch'>,
): Promise<void> {
  const owner = { mspId: book.mspId, consortium, previousEpoch: undefined };
  await call.state.writeOwned(KEYS.grantBook, [book.pseudonym], book, owner);
}

async function save(
  call: Call,
  consortium: Consortium,
  patient: Omit<Patient, 'membersEpoch'>,
  previousEpoch: number | undefined,
): Promise<Outcome> {
  const { pseudonym, mspId, status } = patient;
  const result = await call.state.writeOwned(KEYS.patient, [pseudonym], patient, {
    mspId,
    consortium,
    previousEpoch,
  });
  return { result, event: { event: EVENTS.patientChanged, id: pseudonym, pseudonym, mspId, status } };
}
