/** @careledger/crypto/testing: keys whose secrets are known. For tests and benchmarks; lint keeps it out of the rest. */
export { dealMasterKey, type DealtMasterKey } from './dkg/engine/dealer.js';
export { dealThresholdKey, type DealOptions, type DealtThresholdKey } from './threshold/engine/dealer.js';
export { factorFromShares, type KeySecrets } from './threshold/engine/factor.js';
export {
  runCeremonyLocally,
  type LocalCeremony,
  type LocalCeremonyOptions,
  type LocalMessage,
} from './threshold/engine/local-ceremony.js';
export { dealMaster, type DealtMaster } from './ibe/ibe.test-support.js';
export { World as SharingWorld } from './pre/pre.test-support.js';
