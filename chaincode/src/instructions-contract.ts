import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  LIMITS,
  nextStatus,
  type MemberInstruction,
  type MemberInstructions,
  type PatientInstruction,
  type Suspension,
} from '@careledger/protocol';
import { requireActiveMember, type Call } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';
import { readGrantBook, writeGrantBook } from './shell/grant-books.js';
import { readPage } from './shell/paging.js';
import { writeRetired, type Instruction } from './shell/instructions.js';
import { assertEnrolled, readSigningPatient } from './shell/patient-authority.js';

/** Standing instructions: preset rules that the contracts execute inside the transaction that triggers them. */
export class InstructionsContract extends CareLedgerContract<'instructions'> {
  constructor() {
    super('instructions');
  }

  @Transaction()
  SetForPatient(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'SetForPatient', { argumentJson, idempotencyKey }, async (call, request) => {
      const consortium = await requireActiveMember(call);
      const patient = await readSigningPatient(call, request);
      assertEnrolled(patient);
      const { pseudonym, instructionId, rule } = request.arguments;
      const book = await readGrantBook(call, pseudonym);
      const status = await statusOfNew(call, pseudonym, instructionId, book.instructions);
      const instruction: PatientInstruction = {
        instructionId,
        status,
        rule,
        setAt: call.at,
        txId: call.txId,
      };
      const changed = { ...book, instructions: [...book.instructions, instruction] };
      await writeGrantBook(call, consortium, { book: changed, ended: [] });
      return { result: instruction, event: { ...eventOf(instruction, book.mspId), pseudonym } };
    });
  }

  @Transaction()
  RetireForPatient(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'RetireForPatient',
      { argumentJson, idempotencyKey },
      async (call, request) => {
        const consortium = await requireActiveMember(call);
        await readSigningPatient(call, request);
        const { pseudonym, instructionId } = request.arguments;
        const book = await readGrantBook(call, pseudonym);
        const retired = await retire(call, pseudonym, instructionId, book.instructions);
        const instructions = book.instructions.filter(
          (instruction) => instruction.instructionId !== instructionId,
        );
        await writeGrantBook(call, consortium, { book: { ...book, instructions }, ended: [] });
        return { result: retired, event: { ...eventOf(retired, book.mspId), pseudonym } };
      },
    );
  }

  /** For the records of the caller's own hospital. */
  @Transaction()
  SetForMember(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'SetForMember',
      { argumentJson, idempotencyKey },
      async (call, { instructionId, rule }) => {
        requireRole(call.caller, ['officer', 'admin']);
        const consortium = await requireActiveMember(call);
        const { mspId } = call.caller;
        const before = await call.state.read(KEYS.instructions, [mspId]);
        const standing = before?.instructions ?? [];
        const status = await statusOfNew(call, mspId, instructionId, standing);
        const instruction: MemberInstruction = {
          instructionId,
          status,
          rule,
          setAt: call.at,
          txId: call.txId,
        };
        const owner = { mspId, consortium, previousEpoch: before?.membersEpoch };
        await call.state.writeOwned(
          KEYS.instructions,
          [mspId],
          { mspId, instructions: [...standing, instruction] },
          owner,
        );
        return { result: instruction, event: eventOf(instruction, mspId) };
      },
    );
  }

  @Transaction()
  RetireForMember(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'RetireForMember',
      { argumentJson, idempotencyKey },
      async (call, { instructionId }) => {
        requireRole(call.caller, ['officer', 'admin']);
        const consortium = await requireActiveMember(call);
        const { mspId } = call.caller;
        const before: MemberInstructions | undefined = await call.state.read(KEYS.instructions, [mspId]);
        const standing = before?.instructions ?? [];
        const retired = await retire(call, mspId, instructionId, standing);
        const instructions = standing.filter((instruction) => instruction.instructionId !== instructionId);
        const owner = { mspId, consortium, previousEpoch: before?.membersEpoch };
        await call.state.writeOwned(KEYS.instructions, [mspId], { mspId, instructions }, owner);
        return { result: retired, event: eventOf(retired, mspId) };
      },
    );
  }

  /** By the hospital that suspended. Denials before the lifting no longer count. */
  @Transaction()
  LiftSuspension(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'LiftSuspension',
      { argumentJson, idempotencyKey },
      async (call, { requester }) => {
        requireRole(call.caller, ['officer', 'admin']);
        const consortium = await requireActiveMember(call);
        const { mspId } = call.caller;
        const standing = await readSuspension(call, mspId, requester);
        const owner = { mspId, consortium, previousEpoch: standing.membersEpoch };
        const lifted = { ...standing, liftedAt: call.at, txId: call.txId };
        const result = await call.state.writeOwned(
          KEYS.suspension,
          [mspId, requester.mspId, requester.enrolmentId],
          lifted,
          owner,
        );
        return {
          result,
          event: { event: EVENTS.suspensionLifted, id: requester.enrolmentId, mspId, status: 'lifted' },
        };
      },
    );
  }

  /** The active ones, which are few, with the first page of the retired ones; then the other pages. */
  @Transaction(false)
  List(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'List', argumentJson, async (call, { owner, ...request }) => {
      const load = async ([instructionId = '']: readonly string[]): Promise<Instruction[]> => {
        const retired = await call.state.read(KEYS.retiredInstruction, [owner, instructionId]);
        return retired === undefined ? [] : [retired];
      };
      const index = { prefix: KEYS.retiredInstruction, attributes: [owner], load };
      const page = await readPage(call.state, index, request);
      if (request.bookmark !== undefined) return page;
      const book = await call.state.read(KEYS.grantBook, [owner]);
      const ofMember = book === undefined ? await call.state.read(KEYS.instructions, [owner]) : undefined;
      return { ...page, items: [...(book?.instructions ?? ofMember?.instructions ?? []), ...page.items] };
    });
  }

  @Transaction(false)
  GetSuspension(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'GetSuspension', argumentJson, (call, { ownerMspId, requester }) =>
      readSuspension(call, ownerMspId, requester),
    );
  }
}

async function statusOfNew(
  call: Call,
  owner: string,
  instructionId: string,
  standing: readonly Instruction[],
) {
  const active = standing.find((instruction) => instruction.instructionId === instructionId);
  const retired = await call.state.read(KEYS.retiredInstruction, [owner, instructionId]);
  const status = nextStatus('instruction', (active ?? retired)?.status, 'set');
  if (standing.length < LIMITS.instructionsPerOwner) return status;
  throw new CareLedgerError('LIMIT_EXCEEDED', {
    expected: `at most ${String(LIMITS.instructionsPerOwner)} active instructions`,
  });
}

async function retire<Kind extends Instruction>(
  call: Call,
  owner: string,
  instructionId: string,
  standing: readonly Kind[],
): Promise<Kind> {
  const active = standing.find((instruction) => instruction.instructionId === instructionId);
  const instruction = active ?? (await call.state.read(KEYS.retiredInstruction, [owner, instructionId]));
  if (instruction === undefined) throw new CareLedgerError('INSTRUCTION_NOT_FOUND');
  return writeRetired(call, owner, instruction as Kind);
}

async function readSuspension(
  call: Call,
  ownerMspId: string,
  requester: Suspension['requester'],
): Promise<Suspension> {
  const suspension = await call.state.read(KEYS.suspension, [
    ownerMspId,
    requester.mspId,
    requester.enrolmentId,
  ]);
  if (suspension === undefined || suspension.liftedAt !== undefined)
    throw new CareLedgerError('SUSPENSION_NOT_FOUND');
  return suspension;
}

function eventOf({ instructionId, status }: Instruction, mspId: string) {
  return { event: EVENTS.instructionChanged, id: instructionId, mspId, status } as const;
}
