import {
  CareLedgerError,
  EVENTS,
  nextStatus,
  type Ceremony,
  type CeremonyScheme,
  type Consortium,
  type KeyRegistrationResult,
} from '@careledger/protocol';
import type { Call, Outcome } from '../shell/call.js';
import { assertAttempt, changed, nextAttempt, withFault, writeCeremony } from './attempts.js';
import { readCeremony } from './reading.js';

/**
 * How a ceremony ends: the first holder registers what it has, every other one accepts it, and the last acceptance makes
 * it the consortium's key. Until then the sharing before stays in force.
 */

/** Of which attempt of which ceremony. */
export interface EndedAttempt {
  readonly ceremonyId: string;
  readonly attempt: number;
}

/** What differs between the keys that ceremonies make: their documents, and where these stand. */
export interface KeyKind<Document extends EndedAttempt> {
  readonly scheme: CeremonyScheme;
  /** Of the transaction that puts a key in force. */
  readonly event: typeof EVENTS.keyRegistered | typeof EVENTS.masterKeyRegistered;
  keyIdOf(document: Document): string;
  /** Keeps what the caller's hospital registered. */
  keep(call: Call, document: Document, sharingDigest: string): Promise<void>;
  /** Puts in force what `registeredBy` had registered for the ceremony's attempt. */
  putInForce(call: Call, ceremony: Ceremony, registration: AcceptedRegistration): Promise<void>;
}

export type AcceptedRegistration = NonNullable<Ceremony['registration']>;

/**
 * The ceremony whose running attempt the caller may end as a holder.
 * @throws CareLedgerError CEREMONY_NOT_FOUND, SCHEMA_VIOLATION, NOT_OWNER, TRANSITION_NOT_ALLOWED
 */
export async function registeringCeremony(
  call: Call,
  { ceremonyId, attempt }: EndedAttempt,
  scheme: CeremonyScheme,
): Promise<Ceremony> {
  const ceremony = await readCeremony(call, ceremonyId);
  assertSame('scheme', ceremony.scheme, scheme);
  const { mspId } = call.caller;
  if (!ceremony.holders.includes(mspId)) {
    throw new CareLedgerError('NOT_OWNER', { message: 'Only a holder of the key may do this.', came: mspId });
  }
  nextStatus('ceremony', ceremony.status, 'register');
  assertAttempt(ceremony, attempt);
  return ceremony;
}

interface SharedKey {
  readonly keyId: string;
  readonly sharing: Pick<Ceremony, 'holders' | 'threshold' | 'epoch'>;
}

/** That a key is what the ceremony was started for. @throws CareLedgerError SCHEMA_VIOLATION */
export function assertMadeBy(ceremony: Ceremony, { keyId, sharing }: SharedKey): void {
  assertSame('holders', ceremony.holders.join(', '), sharing.holders.join(', '));
  assertSame('threshold', ceremony.threshold, sharing.threshold);
  assertSame('epoch', ceremony.epoch, sharing.epoch);
  assertSame('key', ceremony.keyId ?? keyId, keyId);
}

/** @throws CareLedgerError SCHEMA_VIOLATION */
export function assertSame(what: string, expected: string | number | undefined, came: string | number): void {
  if (expected === came) return;
  throw new CareLedgerError('SCHEMA_VIOLATION', {
    expected: `the ceremony’s ${what}, ${String(expected)}`,
    came: String(came),
  });
}

/** What a holder's document comes to: the first registration, an acceptance, or a conflict. */
export async function registeredOrAccepted<Document extends EndedAttempt>(
  call: Call,
  ceremony: Ceremony,
  {
    kind,
    document,
    digest,
    consortium,
  }: {
    readonly kind: KeyKind<Document>;
    readonly document: Document;
    readonly digest: string;
    readonly consortium: Consortium;
  },
): Promise<Outcome> {
  const { registration } = ceremony;
  if (registration?.sharingDigest === digest) return accepted(call, ceremony, kind);
  await kind.keep(call, document, digest);
  if (registration !== undefined) return conflict(call, ceremony, { kind, consortium });
  const { mspId } = call.caller;
  const made = { keyId: kind.keyIdOf(document), sharingDigest: digest };
  const after = { ...ceremony, registration: { ...made, registeredBy: mspId, acceptedBy: [mspId] } };
  await writeCeremony(call, ceremony, after);
  return outcome(call, after, { kind, status: 'registered' });
}

/** One more holder has what is registered; the last one makes it the key. */
export async function accepted<Document extends EndedAttempt>(
  call: Call,
  ceremony: Ceremony,
  kind: KeyKind<Document>,
): Promise<Outcome> {
  const registration = requireRegistration(ceremony);
  const { mspId } = call.caller;
  if (registration.acceptedBy.includes(mspId))
    throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second acceptance' });
  const acceptedBy = [...registration.acceptedBy, mspId];
  const accepting = { ...ceremony, registration: { ...registration, acceptedBy } };
  if (acceptedBy.length < ceremony.holders.length) {
    await writeCeremony(call, ceremony, accepting);
    return outcome(call, accepting, { kind, status: 'registered' });
  }
  await kind.putInForce(call, ceremony, accepting.registration);
  const status = nextStatus('ceremony', ceremony.status, 'finish');
  const after = { ...accepting, status, keyId: registration.keyId, endedAt: call.at };
  await writeCeremony(call, ceremony, after);
  return outcome(call, after, { kind, status: 'active' });
}

/** A second, different one: it cannot be known here who is wrong, so both stand, and the attempt is over. */
async function conflict<Document extends EndedAttempt>(
  call: Call,
  ceremony: Ceremony,
  { kind, consortium }: { readonly kind: KeyKind<Document>; readonly consortium: Consortium },
): Promise<Outcome> {
  const { registeredBy: accused } = requireRegistration(ceremony);
  const fault = { attempt: ceremony.attempt, accused, reason: 'KEY_CONFLICT' } as const;
  const after = nextAttempt(call, withFault(call, ceremony, fault), 'blame', consortium);
  await writeCeremony(call, ceremony, after);
  return outcome(call, after, { kind, status: 'conflict' });
}

/** @throws CareLedgerError KEY_NOT_FOUND */
export function requireRegistration({ registration }: Ceremony): AcceptedRegistration {
  if (registration !== undefined) return registration;
  throw new CareLedgerError('KEY_NOT_FOUND', {
    message: 'No holder has registered the ceremony’s key yet.',
    expected: 'a registration first',
  });
}

/** @throws CareLedgerError KEY_NOT_FOUND, KEY_CONFLICT */
export function assertRegistered(ceremony: Ceremony, sharingDigest: string): void {
  const { sharingDigest: expected } = requireRegistration(ceremony);
  if (expected !== sharingDigest)
    throw new CareLedgerError('KEY_CONFLICT', { expected, came: sharingDigest });
}

function outcome<Document extends EndedAttempt>(
  call: Call,
  ceremony: Ceremony,
  { kind, status }: { readonly kind: KeyKind<Document>; readonly status: KeyRegistrationResult['outcome'] },
): Outcome {
  const result: KeyRegistrationResult = { outcome: status, ceremony };
  if (status !== 'active') return { result, event: changed(call, ceremony) };
  const { mspId } = call.caller;
  return { result, event: { event: kind.event, id: ceremony.keyId ?? '', mspId, status } };
}
