import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  MAX_CEREMONY_ATTEMPTS_IN_ALL,
  nextStatus,
  type Ceremony,
  type CeremonyParticipant,
  type CeremonyPost,
  type StartCeremony,
} from '@careledger/protocol';
import type { KeySize } from './aggregate/arithmetic.js';
import {
  assertAccusation,
  assertAttempt,
  assertParticipant,
  failed,
  nextAttempt,
  savedCeremony,
  withFault,
  withInterruption,
} from './ceremony/attempts.js';
import { postAddress, readCeremony, readPosts, readRegistrations } from './ceremony/reading.js';
import { assertPossible, startedCeremony } from './ceremony/starting.js';
import { requireActiveMember } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';
import { readPage } from './shell/paging.js';
import { assertPatientKeys } from './shell/patient-authority.js';

/**
 * The making of the consortium's keys, and their sharing anew, as far as everyone has to agree on it: who takes part, the
 * digests of what each one sent, who was named and why. The messages themselves travel between the gateways.
 */
export class CeremoniesContract extends CareLedgerContract<'ceremonies'> {
  constructor(private readonly keySize: KeySize = {}) {
    super('ceremonies');
  }

  @Transaction()
  Start(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Start', { argumentJson, idempotencyKey }, async (call, plan) => {
      requireRole(call.caller, ['admin', 'gateway']);
      const consortium = await requireActiveMember(call);
      const ceremony = await startedCeremony(call, plan, { consortium, keySize: this.keySize });
      await call.state.mark(KEYS.ceremoniesByTime, [call.at, ceremony.ceremonyId]);
      return savedCeremony(call, undefined, ceremony);
    });
  }

  /** By each participant, with keys that it makes for this attempt; with the last one the attempt runs. */
  @Transaction()
  Join(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Join', { argumentJson, idempotencyKey }, async (call, argument) => {
      const { ceremonyId, attempt, encryptionKey, signingKey } = argument;
      requireRole(call.caller, ['gateway']);
      await requireActiveMember(call);
      const ceremony = await readCeremony(call, ceremonyId);
      const { mspId } = call.caller;
      assertParticipant(call, ceremony);
      nextStatus('ceremony', ceremony.status, 'join');
      assertAttempt(ceremony, attempt);
      assertPatientKeys({ signing: signingKey, encryption: encryptionKey });
      const participant = { mspId, encryptionKey, signingKey, txId: call.txId };
      assertNew(ceremony, participant);
      const joined = [...ceremony.joined, participant];
      const step = joined.length === ceremony.participants.length ? 'begin' : 'join';
      const status = nextStatus('ceremony', ceremony.status, step);
      return savedCeremony(call, ceremony, { ...ceremony, joined, status });
    });
  }

  /** Once by each participant and round, under a key of its own, so that all may post at once. */
  @Transaction()
  Post(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Post', { argumentJson, idempotencyKey }, async (call, argument) => {
      requireRole(call.caller, ['gateway']);
      const consortium = await requireActiveMember(call);
      const ceremony = await readCeremony(call, argument.ceremonyId);
      const { mspId } = call.caller;
      assertParticipant(call, ceremony);
      nextStatus('ceremony', ceremony.status, 'post');
      assertAttempt(ceremony, argument.attempt);
      assertDigests(ceremony, argument.digests);
      const address = postAddress(argument, mspId);
      if (await call.state.exists(KEYS.ceremonyPost, address))
        throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second post of this round' });
      const post: CeremonyPost = { ...argument, mspId, at: call.at, txId: call.txId };
      await call.state.write(KEYS.ceremonyPost, address, post);
      await call.state.setOwner(KEYS.ceremonyPost, address, mspId, consortium);
      const { ceremonyId: id, attempt, round } = post;
      return { result: post, event: { event: EVENTS.ceremonyPosted, id, mspId, attempt, round } };
    });
  }

  /** The first blame of a running attempt ends it. About the attempt that ended last, others may say the same or else. */
  @Transaction()
  Blame(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Blame', { argumentJson, idempotencyKey }, async (call, argument) => {
      const { ceremonyId, ...accusation } = argument;
      requireRole(call.caller, ['gateway']);
      const consortium = await requireActiveMember(call);
      const ceremony = await readCeremony(call, ceremonyId);
      assertParticipant(call, ceremony);
      const isRunning = ceremony.status === 'running' && accusation.attempt === ceremony.attempt;
      nextStatus('ceremony', ceremony.status, isRunning ? 'blame' : 'testify');
      if (!isRunning) assertEndedLast(ceremony, accusation.attempt);
      await assertAccusation(call, ceremony, accusation);
      const accused = withFault(call, ceremony, accusation);
      return savedCeremony(
        call,
        ceremony,
        isRunning ? nextAttempt(call, accused, 'blame', consortium) : accused,
      );
    });
  }

  /** A new attempt: the one before stands still, or contradicts itself with nobody to blame, or the ceremony has failed. */
  @Transaction()
  Resume(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Resume', { argumentJson, idempotencyKey }, async (call, argument) => {
      requireRole(call.caller, ['admin', 'gateway']);
      const consortium = await requireActiveMember(call);
      const ceremony = await readCeremony(call, argument.ceremonyId);
      assertParticipant(call, ceremony);
      nextStatus('ceremony', ceremony.status, 'resume');
      assertAttempt(ceremony, argument.attempt);
      if (ceremony.attempt === MAX_CEREMONY_ATTEMPTS_IN_ALL) throw noAttemptLeft();
      const possible =
        ceremony.status === 'failed' ? await assertPossible(call, planOf(ceremony), consortium) : {};
      const given = withInterruption(call, ceremony, argument.reason ?? 'resumed');
      return savedCeremony(call, ceremony, {
        ...nextAttempt(call, given, 'resume', consortium),
        ...possible,
      });
    });
  }

  /** By a participant, each of whom could stop the ceremony by its silence too; only here it says so. */
  @Transaction()
  Abandon(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Abandon', { argumentJson, idempotencyKey }, async (call, argument) => {
      requireRole(call.caller, ['admin', 'gateway']);
      await requireActiveMember(call);
      const ceremony = await readCeremony(call, argument.ceremonyId);
      assertParticipant(call, ceremony);
      const given = withInterruption(call, ceremony, 'abandoned');
      return savedCeremony(call, ceremony, failed(call, given, 'abandon'));
    });
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, (call, { ceremonyId }) =>
      readCeremony(call, ceremonyId),
    );
  }

  @Transaction(false)
  Posts(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Posts', argumentJson, async (call, round) => ({
      items: await readPosts(call, await readCeremony(call, round.ceremonyId), round),
    }));
  }

  @Transaction(false)
  Registrations(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Registrations', argumentJson, async (call, { ceremonyId, attempt }) => ({
      items: await readRegistrations(call, await readCeremony(call, ceremonyId), attempt),
    }));
  }

  @Transaction(false)
  List(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'List', argumentJson, (call, request) => {
      const load = async ([, ceremonyId = '']: readonly string[]) => [await readCeremony(call, ceremonyId)];
      return readPage(call.state, { prefix: KEYS.ceremoniesByTime, attributes: [], load }, request);
    });
  }
}

/** @throws CareLedgerError ALREADY_EXISTS for a second joining, and for a key that another participant uses. */
function assertNew({ joined }: Ceremony, participant: CeremonyParticipant): void {
  const isTaken = joined.some(
    (other) =>
      other.mspId === participant.mspId ||
      other.encryptionKey === participant.encryptionKey ||
      other.signingKey === participant.signingKey,
  );
  if (isTaken) throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second use of a hospital or a key' });
}

/** @throws CareLedgerError SCHEMA_VIOLATION unless there is one digest of each participant, and of nobody else. */
function assertDigests({ participants }: Ceremony, digests: CeremonyPost['digests']): void {
  const named = Object.keys(digests);
  if (named.length === participants.length && participants.every((mspId) => Object.hasOwn(digests, mspId)))
    return;
  throw new CareLedgerError('SCHEMA_VIOLATION', {
    expected: `a digest of each of ${participants.join(', ')}`,
    came: named.join(', ').slice(0, 200),
  });
}

/** @throws CareLedgerError TRANSITION_NOT_ALLOWED */
function assertEndedLast({ status, attempt }: Ceremony, about: number): void {
  const endedLast = status === 'failed' ? attempt : attempt - 1;
  if (about === endedLast) return;
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    expected: `a running attempt, or attempt ${String(endedLast)}, which ended last`,
    came: `attempt ${String(about)}`,
  });
}

function noAttemptLeft(): CareLedgerError {
  return new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    message: `A ceremony has at most ${String(MAX_CEREMONY_ATTEMPTS_IN_ALL)} attempts.`,
    expected: 'another ceremony',
  });
}

function planOf({ ceremonyId, scheme, purpose, keyBits, holders, dealers }: Ceremony): StartCeremony {
  return {
    ceremonyId,
    scheme,
    purpose,
    holders,
    ...(keyBits === undefined ? {} : { keyBits }),
    ...(dealers === undefined ? {} : { dealers }),
  };
}
