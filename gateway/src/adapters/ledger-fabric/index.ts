/** The ledger of production: a Fabric 3.1 channel through this hospital's own peer. */
export { FabricLedger, type FabricLedgerOptions } from './fabric-ledger.js';
export { DEADLINES, type Deadlines, type FabricPeer } from './connection.js';
