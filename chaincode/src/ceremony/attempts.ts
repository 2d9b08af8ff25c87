import {
  CareLedgerError,
  EVENTS,
  KEYS,
  MAX_CEREMONY_ATTEMPTS,
  nextStatus,
  type Ceremony,
  type CeremonyFault,
  type Consortium,
  type LedgerEventPayload,
} from '@careledger/protocol';
import type { Call, Outcome } from '../shell/call.js';
import { postAddress } from './reading.js';

/** @throws CareLedgerError NOT_OWNER unless the caller's hospital takes part. */
export function assertParticipant(call: Call, { participants }: Ceremony): void {
  const { mspId } = call.caller;
  if (participants.includes(mspId)) return;
  throw new CareLedgerError('NOT_OWNER', { message: 'Only a participant may do this.', came: mspId });
}

/** @throws CareLedgerError TRANSITION_NOT_ALLOWED for what was meant for another attempt. */
export function assertAttempt(ceremony: Ceremony, attempt: number): void {
  if (ceremony.attempt === attempt) return;
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    expected: `attempt ${String(ceremony.attempt)}`,
    came: `attempt ${String(attempt)}`,
  });
}

/**
 * The ceremony after its attempt was given up: everyone joins again, with new keys. It has failed instead when a row of
 * attempts is over, or when somebody who is needed is no longer an active member.
 */
export function nextAttempt(
  call: Call,
  ceremony: Ceremony,
  step: 'blame' | 'resume',
  { activeMembers }: Consortium,
): Ceremony {
  const isRowOver = ceremony.status !== 'failed' && ceremony.attempt % MAX_CEREMONY_ATTEMPTS === 0;
  const isComplete = ceremony.participants.every((mspId) => activeMembers.includes(mspId));
  if (isRowOver || !isComplete) return failed(call, ceremony, 'exhaust');
  const status = nextStatus('ceremony', ceremony.status, step);
  return { ...withoutEnding(ceremony), status, attempt: ceremony.attempt + 1, joined: [] };
}

export function failed(call: Call, ceremony: Ceremony, step: 'exhaust' | 'abandon'): Ceremony {
  const status = nextStatus('ceremony', ceremony.status, step);
  return { ...withoutEnding(ceremony), status, endedAt: call.at };
}

function withoutEnding(ceremony: Ceremony): Ceremony {
  const copy = { ...ceremony };
  delete copy.registration;
  delete copy.endedAt;
  return copy;
}

export type Accusation = Pick<CeremonyFault, 'attempt' | 'accused' | 'reason'> & { readonly round: number };

/**
 * What an accusation must be before it counts. Whether it is true the contract cannot see: messages travel between the
 * gateways. It stands with its accuser's name, and each accuser has one in an attempt.
 * @throws CareLedgerError SCHEMA_VIOLATION, ALREADY_EXISTS, TRANSITION_NOT_ALLOWED
 */
export async function assertAccusation(
  call: Call,
  ceremony: Ceremony,
  accusation: Accusation,
): Promise<void> {
  const { accused, attempt, round, reason } = accusation;
  const accuser = call.caller.mspId;
  if (accused === accuser || !ceremony.participants.includes(accused))
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'another participant', came: accused });
  if (ceremony.faults.some((fault) => fault.attempt === attempt && fault.accuser === accuser))
    throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second blame by this hospital in one attempt' });
  if (reason === 'SILENT') return;
  const address = postAddress({ ceremonyId: ceremony.ceremonyId, attempt, round }, accused);
  if (await call.state.exists(KEYS.ceremonyPost, address)) return;
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    message: 'A message is at fault only when its sender has posted the digests of its round.',
    expected: 'the round of the message',
    came: `round ${String(round)}, which ${accused} has not posted`,
  });
}

export function withFault(
  call: Call,
  ceremony: Ceremony,
  fault: Omit<CeremonyFault, 'accuser' | 'at' | 'txId'>,
): Ceremony {
  const entry = { ...fault, accuser: call.caller.mspId, at: call.at, txId: call.txId };
  return { ...ceremony, faults: [...ceremony.faults, entry] };
}

export function withInterruption(
  call: Call,
  ceremony: Ceremony,
  kind: Ceremony['interruptions'][number]['kind'],
): Ceremony {
  const { attempt, interruptions } = ceremony;
  const entry = { attempt, kind, mspId: call.caller.mspId, at: call.at, txId: call.txId };
  return { ...ceremony, interruptions: [...interruptions, entry] };
}

/** Writes the ceremony, and keeps the one place of its scheme up to date that says which one has not ended. */
export async function writeCeremony(
  call: Call,
  before: Ceremony | undefined,
  after: Ceremony,
): Promise<void> {
  await call.state.write(KEYS.ceremony, [after.ceremonyId], after);
  if (isUnfinished(before) === isUnfinished(after)) return;
  if (isUnfinished(after))
    await call.state.write(KEYS.unfinishedCeremony, [after.scheme], { ceremonyId: after.ceremonyId });
  else await call.state.remove(KEYS.unfinishedCeremony, [after.scheme]);
}

function isUnfinished(ceremony: Ceremony | undefined): boolean {
  return ceremony?.status === 'joining' || ceremony?.status === 'running';
}

export async function savedCeremony(
  call: Call,
  before: Ceremony | undefined,
  after: Ceremony,
): Promise<Outcome> {
  await writeCeremony(call, before, after);
  return { result: after, event: changed(call, after) };
}

export function changed(call: Call, { ceremonyId: id, status, attempt }: Ceremony): LedgerEventPayload {
  return { event: EVENTS.ceremonyChanged, id, mspId: call.caller.mspId, status, attempt };
}
