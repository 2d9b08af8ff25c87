/** The identity master key, of which nobody knows the secret: how it is made, shared, and shared anew. */
export { beginIdentityCeremony, inspectIdentityCeremony, stepIdentityCeremony } from './machine.js';
export {
  assertIdentityShare,
  checkedIdentitySharing,
  identityKeyId,
  identitySharingDigest,
  type CheckedSharing,
} from './sharing.js';
export * from './types.js';
