import { CryptoError, base64UrlToBytes, verifyRegistration } from '@careledger/crypto/core';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  hospitalOf,
  patientName,
  raiseEpochs,
  tagsOf,
  type Consortium,
  type Identity,
  type IdentityEpoch,
  type IdentityRegistration,
  type RegisterIdentity,
} from '@careledger/protocol';
import { readMasterKey } from '../ceremony/master-key.js';
import { requireActiveMember, type Call, type Outcome } from '../shell/call.js';
import { requireRole } from '../shell/caller.js';
import { readGrantBook, writeGrantBook } from '../shell/grant-books.js';
import { assertEnrolled, readSigningPatient } from '../shell/patient-authority.js';
import { requireConsent } from './custody-consent.js';
import { identityAddress, readIdentity } from './reading.js';

/** Writes an identity's next epoch, once. Who may is decided by its name. */
export async function register(call: Call, request: RegisterIdentity): Promise<Outcome> {
  const consortium = await requireActiveMember(call);
  const { registration, pseudonym } = request.arguments;
  const { name, keyEpoch } = registration;
  const isPatients = hospitalOf(name) === undefined;
  const mspId = isPatients ? await asPatient(call, consortium, request) : asHospital(call, request);
  const before = await call.state.read(KEYS.identityEpoch, [name]);
  await verify(call, registration, before);
  const identity: Identity = { ...registration, mspId, at: call.at, txId: call.txId };
  await call.state.write(KEYS.identity, identityAddress(name, keyEpoch), identity);
  await call.state.setOwner(KEYS.identity, identityAddress(name, keyEpoch), mspId, consortium);
  const owner = { mspId, consortium, previousEpoch: before?.membersEpoch };
  await call.state.writeOwned(KEYS.identityEpoch, [name], { name, keyEpoch }, owner);
  const event = { event: EVENTS.identityRegistered, id: name, mspId, status: 'registered' } as const;
  return { result: identity, event: pseudonym === undefined ? event : { ...event, pseudonym } };
}

/** A hospital registers itself, its roles and its people. */
function asHospital(
  call: Call,
  { arguments: { pseudonym, registration }, nonce, signature }: RegisterIdentity,
): string {
  requireRole(call.caller, ['gateway', 'officer', 'admin']);
  const { mspId } = call.caller;
  if ([pseudonym, nonce, signature].some((field) => field !== undefined)) {
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: 'pseudonym, nonce and signature with the name of a patient only',
    });
  }
  if (hospitalOf(registration.name) === mspId) return mspId;
  throw new CareLedgerError('NOT_OWNER', {
    message: 'A hospital registers names of its own only.',
    came: registration.name,
  });
}

/**
 * A patient registers its pseudonym, with the signing key that the pseudonym has. With a later epoch the edges of the
 * earlier one are stale: they start from a key that is replaced.
 */
async function asPatient(
  call: Call,
  consortium: Consortium,
  { arguments: args, nonce, signature }: RegisterIdentity,
): Promise<string> {
  const { pseudonym, registration } = args;
  if (pseudonym === undefined || nonce === undefined || signature === undefined) {
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: 'with the name of a patient the pseudonym, nonce and signature',
    });
  }
  const patient = await readSigningPatient(call, { arguments: { ...args, pseudonym }, nonce, signature });
  assertEnrolled(patient);
  if (registration.name !== patientName(pseudonym))
    throw new CareLedgerError('NOT_OWNER', { message: 'A patient registers the own pseudonym only.' });
  if (registration.signingKey !== patient.keys.signing)
    throw new CareLedgerError('REGISTRATION_INVALID', { expected: 'the pseudonym’s present signing key' });
  if (registration.custody === 'hospital') await requireConsent(call, pseudonym);
  const book = await readGrantBook(call, pseudonym);
  const raised = raiseEpochs(book, book.grants.flatMap(tagsOf));
  const after = { ...raised, identityEpoch: registration.keyEpoch };
  await writeGrantBook(call, consortium, { book: after, ended: [] });
  return patient.mspId;
}

/**
 * The next epoch, under the master key in force, signed by the key of the epoch before unless a recovery closed that.
 * @throws CareLedgerError ALREADY_EXISTS, EPOCH_STALE, REGISTRATION_INVALID, KEY_NOT_FOUND
 */
async function verify(
  call: Call,
  registration: IdentityRegistration,
  before: IdentityEpoch | undefined,
): Promise<void> {
  assertNextEpoch(registration, before);
  const { masterKey } = await readMasterKey(call);
  const isSuccessor = before !== undefined && before.closedBy === undefined;
  if (!isSuccessor && registration.previousSignature !== undefined)
    throw new CareLedgerError('REGISTRATION_INVALID', { expected: 'no signature of an earlier epoch' });
  const previous = isSuccessor
    ? (await readIdentity(call, registration.name, before.keyEpoch)).signingKey
    : undefined;
  try {
    verifyRegistration(registration, base64UrlToBytes(masterKey.publicKey), previous);
  } catch (cause) {
    if (cause instanceof CryptoError) throw new CareLedgerError('REGISTRATION_INVALID', { cause });
    throw cause;
  }
}

function assertNextEpoch({ name, keyEpoch }: IdentityRegistration, before: IdentityEpoch | undefined): void {
  const next = before === undefined ? 0 : before.keyEpoch + 1;
  if (keyEpoch < next)
    throw new CareLedgerError('ALREADY_EXISTS', { came: `epoch ${String(keyEpoch)} of ${name}` });
  if (keyEpoch > next)
    throw new CareLedgerError('EPOCH_STALE', { expected: `epoch ${String(next)}`, came: String(keyEpoch) });
}
