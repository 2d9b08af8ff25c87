/**
 * The ledger for one machine: the contract classes in process over LevelDB, with Fabric's transaction flow
 * (simulate, endorse, order, validate, commit) and Fabric's block format. It is not a second Fabric and grows no
 * further: no private data, no rich queries, no history, no channel reconfiguration; one machine, one process.
 *
 * Where things are: `simulation` answers the stub and records, `validation` decides what is valid, `ordering` cuts
 * and writes blocks, `store` is the LevelDB, `membership` knows whom to believe.
 */
export { EmbeddedLedger, type EmbeddedLedgerOptions, type EmbeddedMember } from './embedded-ledger.js';
export type { ContractClass } from './chaincode-runtime.js';
export type { NodeIdentity } from './transaction.js';
