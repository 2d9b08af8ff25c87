import { AccessContract } from './access-contract.js';
import { CeremoniesContract } from './ceremonies-contract.js';
import { EmergenciesContract } from './emergencies-contract.js';
import { ErasuresContract } from './erasures-contract.js';
import { GrantsContract } from './grants-contract.js';
import { IdentitiesContract } from './identities-contract.js';
import { InstructionsContract } from './instructions-contract.js';
import { LinksContract } from './links-contract.js';
import { MembersContract } from './members-contract.js';
import { PanelsContract } from './panels-contract.js';
import { PatientsContract } from './patients-contract.js';
import { QueriesContract } from './queries-contract.js';
import { RecordsContract } from './records-contract.js';

/**
 * What `fabric-chaincode-node` registers: with keys of at least 2048 bits. Its process sees this module alone, so that no
 * configuration of it can choose shorter ones; see embedded.ts.
 */
export const contracts = [
  MembersContract,
  PatientsContract,
  RecordsContract,
  GrantsContract,
  AccessContract,
  InstructionsContract,
  PanelsContract,
  CeremoniesContract,
  IdentitiesContract,
  QueriesContract,
  ErasuresContract,
  EmergenciesContract,
  LinksContract,
];
