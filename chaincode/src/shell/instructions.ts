import { KEYS, nextStatus, type MemberInstruction, type PatientInstruction } from '@careledger/protocol';
import type { Call } from './call.js';

export type Instruction = PatientInstruction | MemberInstruction;

/**
 * Writes a retired instruction under its own key; whoever calls takes it out of what is active.
 * @throws CareLedgerError TRANSITION_NOT_ALLOWED
 */
export async function writeRetired<Kind extends Instruction>(
  call: Call,
  owner: string,
  instruction: Kind,
): Promise<Kind> {
  const status = nextStatus('instruction', instruction.status, 'retire');
  const retired = { ...instruction, status, retiredAt: call.at, txId: call.txId };
  await call.state.write(KEYS.retiredInstruction, [owner, instruction.instructionId], retired);
  return retired;
}
