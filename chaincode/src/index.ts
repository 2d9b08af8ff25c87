import { AccessContract } from './access-contract.js';
import { GrantsContract } from './grants-contract.js';
import { InstructionsContract } from './instructions-contract.js';
import { MembersContract } from './members-contract.js';
import { PatientsContract } from './patients-contract.js';
import { RecordsContract } from './records-contract.js';

/** What `fabric-chaincode-node` registers, and what the embedded ledger runs in process. */
export const contracts = [
  MembersContract,
  PatientsContract,
  RecordsContract,
  GrantsContract,
  AccessContract,
  InstructionsContract,
];
export { invoke } from './shell/invoke.js';
export { ownerPolicy } from './shell/endorsement.js';
