/** The ceremony: how hospitals make a Paillier key that nobody holds, and share it anew. */
export { beginCeremony, inspectCeremony, stepCeremony } from './machine.js';
export * from './types.js';
