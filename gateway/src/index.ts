/** One hospital's service: the ports, the assembly over them, and the consortium in one process. */
export type * from './ports/ceremony-custody.js';
export type * from './ports/ceremony-machine.js';
export type * from './ports/identity-authority.js';
export type * from './ports/key-custody.js';
export type * from './ports/ledger.js';
export type * from './ports/record-store.js';
export type { CeremonyProgressReport } from './ceremony/ceremony-progress.js';
export type { CeremonyLimits } from './app/ceremonies.js';
export { startFabricGateway } from './app/fabric.js';
export {
  createGateway,
  type GatewayExtension,
  type Gateway,
  type GatewayModules,
  type GatewayServices,
} from './app/gateway.js';
export { limitsOf, type GatewayLimits, type GatewayOptions } from './app/options.js';
export {
  startEmbeddedConsortium,
  type EmbeddedConsortium,
  type EmbeddedConsortiumOptions,
} from './app/embedded.js';
export { replicaHolders } from './app/replication.js';
export { ADMIN_ENROLMENT_ID, ADMIN_SECRET_FILE } from './app/first-administrator.js';
export type { Rest, RestServices, Routes } from './rest/types.js';
