/** Every adapter, for whoever assembles a gateway or tests one. */
export * from './authority-embedded/index.js';
export * from './authority-fabric-ca/index.js';
export * from './fabric-protocol/decode-block.js';
export * from './ledger-embedded/index.js';
export * from './ledger-fabric/index.js';
export * from './store-embedded/index.js';
export * from './store-kubo/index.js';
export { CONFLICT_RETRY, type ConflictRetryPolicy } from './retry.js';
export type * from '../ports/identity-authority.js';
export type * from '../ports/ledger.js';
export type * from '../ports/record-store.js';
