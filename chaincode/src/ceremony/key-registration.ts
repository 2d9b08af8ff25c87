import { publicKeyFromJson, sharingDigest, sharingFromJson } from '@careledger/crypto/core';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  nextStatus,
  type AggregationKey,
  type Ceremony,
  type Consortium,
  type KeyRegistration,
  type KeyRegistrationResult,
  type RegisterKey,
} from '@careledger/protocol';
import { asCoded, type KeySize } from '../aggregate/arithmetic.js';
import { CURRENT_KEY, numberText } from '../aggregate/reading.js';
import type { Call, Outcome } from '../shell/call.js';
import { assertAttempt, changed, nextAttempt, withFault, writeCeremony } from './attempts.js';
import { readCeremony, registrationAddress } from './reading.js';

/**
 * How a ceremony ends: the first holder registers what it has, every other one accepts it, and the last acceptance makes
 * it the consortium's key. Until then the sharing before stays in force.
 */

/**
 * The ceremony whose running attempt the caller may end as a holder.
 * @throws CareLedgerError CEREMONY_NOT_FOUND, NOT_OWNER, TRANSITION_NOT_ALLOWED
 */
export async function registeringCeremony(
  call: Call,
  { ceremonyId, attempt }: Pick<RegisterKey, 'ceremonyId' | 'attempt'>,
): Promise<Ceremony> {
  const ceremony = await readCeremony(call, ceremonyId);
  const { mspId } = call.caller;
  if (!ceremony.holders.includes(mspId)) {
    throw new CareLedgerError('NOT_OWNER', { message: 'Only a holder of the key may do this.', came: mspId });
  }
  nextStatus('ceremony', ceremony.status, 'register');
  assertAttempt(ceremony, attempt);
  return ceremony;
}

/**
 * The digest of a key that is what the ceremony was started for.
 * @throws CareLedgerError SCHEMA_VIOLATION
 */
export function checkedSharing(
  ceremony: Ceremony,
  { publicKey, sharing }: Pick<RegisterKey, 'publicKey' | 'sharing'>,
  keySize: KeySize,
): string {
  const digest = asCoded('SCHEMA_VIOLATION', () => {
    const key = publicKeyFromJson(publicKey, keySize);
    return sharingDigest(key, sharingFromJson(key, sharing));
  });
  const compared = [
    ['key size', ceremony.keyBits, publicKey.keyBits],
    ['holders', ceremony.holders.join(', '), sharing.holders.join(', ')],
    ['threshold', ceremony.threshold, sharing.threshold],
    ['epoch', ceremony.epoch, sharing.epoch],
    ['key', ceremony.keyId ?? publicKey.keyId, publicKey.keyId],
  ] as const;
  for (const [what, expected, came] of compared) {
    if (expected === came) continue;
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: `the ceremony’s ${what}, ${String(expected)}`,
      came: String(came),
    });
  }
  return digest;
}

/** The first registration of an attempt. */
export async function registered(
  call: Call,
  ceremony: Ceremony,
  document: RegisterKey,
  digest: string,
): Promise<Outcome> {
  await writeRegistration(call, document, digest);
  const { mspId } = call.caller;
  const { keyId } = document.publicKey;
  const registration = { keyId, sharingDigest: digest, registeredBy: mspId, acceptedBy: [mspId] };
  const after = { ...ceremony, registration };
  await writeCeremony(call, ceremony, after);
  return outcome(call, after, 'registered');
}

/** A second, different one: it cannot be known here who is wrong, so both stand, and the attempt is over. */
export async function conflict(
  call: Call,
  ceremony: Ceremony,
  {
    document,
    digest,
    consortium,
  }: {
    readonly document: RegisterKey;
    readonly digest: string;
    readonly consortium: Consortium;
  },
): Promise<Outcome> {
  await writeRegistration(call, document, digest);
  const { registeredBy: accused } = requireRegistration(ceremony);
  const fault = { attempt: ceremony.attempt, accused, reason: 'KEY_CONFLICT' } as const;
  const after = nextAttempt(call, withFault(call, ceremony, fault), 'blame', consortium);
  await writeCeremony(call, ceremony, after);
  return outcome(call, after, 'conflict');
}

/** One more holder has what is registered; the last one makes it the key. */
export async function accepted(call: Call, ceremony: Ceremony): Promise<Outcome> {
  const registration = requireRegistration(ceremony);
  const { mspId } = call.caller;
  if (registration.acceptedBy.includes(mspId))
    throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second acceptance' });
  const acceptedBy = [...registration.acceptedBy, mspId];
  const after: Ceremony = { ...ceremony, registration: { ...registration, acceptedBy } };
  if (acceptedBy.length === ceremony.holders.length) return activated(call, ceremony, after);
  await writeCeremony(call, ceremony, after);
  return outcome(call, after, 'registered');
}

async function activated(call: Call, before: Ceremony, accepting: Ceremony): Promise<Outcome> {
  const { acceptedBy, registeredBy, keyId } = requireRegistration(accepting);
  const document = await call.state.read(KEYS.keyRegistration, registrationAddress(before, registeredBy));
  if (document === undefined) throw new TypeError('a registration without its documents');
  const { publicKey, sharing, sharingDigest: digest, ceremonyId, attempt, at } = document;
  const key: AggregationKey = {
    publicKey,
    sharing,
    sharingDigest: digest,
    ceremonyId,
    attempt,
    acceptedBy,
    status: 'active',
    registeredBy,
    registeredAt: at,
    txId: call.txId,
  };
  await call.state.write(KEYS.aggregationKey, CURRENT_KEY, key);
  await call.state.write(KEYS.keyEpoch, [numberText(sharing.epoch)], key);
  const status = nextStatus('ceremony', before.status, 'finish');
  const after: Ceremony = { ...accepting, status, keyId, endedAt: call.at };
  await writeCeremony(call, before, after);
  return outcome(call, after, 'active');
}

async function writeRegistration(call: Call, document: RegisterKey, digest: string): Promise<void> {
  const { mspId } = call.caller;
  const registration: KeyRegistration = {
    ...document,
    sharingDigest: digest,
    mspId,
    at: call.at,
    txId: call.txId,
  };
  await call.state.write(KEYS.keyRegistration, registrationAddress(document, mspId), registration);
}

/** @throws CareLedgerError KEY_NOT_FOUND */
export function requireRegistration({ registration }: Ceremony): NonNullable<Ceremony['registration']> {
  if (registration !== undefined) return registration;
  throw new CareLedgerError('KEY_NOT_FOUND', {
    message: 'No holder has registered the ceremony’s key yet.',
    expected: 'RegisterKey first',
  });
}

function outcome(call: Call, ceremony: Ceremony, status: KeyRegistrationResult['outcome']): Outcome {
  const result: KeyRegistrationResult = { outcome: status, ceremony };
  if (status !== 'active') return { result, event: changed(call, ceremony) };
  const { mspId } = call.caller;
  return { result, event: { event: EVENTS.keyRegistered, id: ceremony.keyId ?? '', mspId, status } };
}
