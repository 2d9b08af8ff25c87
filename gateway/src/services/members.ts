import type { Member } from '@careledger/protocol';
import type { SigningIdentity } from '../ports/ledger.js';
import type { ContractCaller } from './contract-caller.js';

/** All members; they are bounded by LIMITS.members. */
export async function listOf(
  contracts: Pick<ContractCaller, 'evaluate'>,
  identity: SigningIdentity,
): Promise<Member[]> {
  return (await contracts.evaluate(identity, 'members', 'List', {})).items;
}
