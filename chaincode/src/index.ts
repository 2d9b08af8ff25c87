import { AccessContract } from './access-contract.js';
import { GrantsContract } from './grants-contract.js';
import { InstructionsContract } from './instructions-contract.js';
import { MembersContract } from './members-contract.js';
import { PanelsContract } from './panels-contract.js';
import { PatientsContract } from './patients-contract.js';
import { QueriesContract } from './queries-contract.js';
import { RecordsContract } from './records-contract.js';

/** What `fabric-chaincode-node` registers, and what the embedded ledger runs in process. */
export const contracts = [
  MembersContract,
  PatientsContract,
  RecordsContract,
  GrantsContract,
  AccessContract,
  InstructionsContract,
  PanelsContract,
  QueriesContract,
];

class QueriesWithTestKeys extends QueriesContract {
  constructor() {
    super({ allowTestKeySize: true });
  }
}

/** The same, but taking aggregation keys of test size. Never deployed. */
export const contractsForTests = contracts.map((contract) =>
  contract === QueriesContract ? QueriesWithTestKeys : contract,
);
