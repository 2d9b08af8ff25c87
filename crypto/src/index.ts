/**
 * @careledger/crypto: the schemes. Formats and equations: docs/crypto/formats.md.
 *
 * Everything of "./core" (pure, also for chaincode and browsers), and for Node the Paillier engine, its worker pool and
 * the encrypted key file.
 */
export * from './core/index.js';
export { checkedModPow, nativeModPow, opensslModPow } from './paillier/engine/native-mod-pow.js';
export { readKeyFile, writeKeyFile } from './node/key-file.js';
export {
  generatePaillierKeys,
  privateKeyFromPrimes,
  type KeyGenerationOptions,
} from './paillier/engine/key-generation.js';
export {
  createPaillierPool,
  MAX_BATCH_ITEMS,
  type PaillierPool,
  type PaillierPoolOptions,
} from './paillier/engine/paillier-pool.js';
export { decrypt, encrypt, encryptorOf, ownerOf } from './paillier/engine/paillier.js';
export { publicModPow } from './paillier/engine/short-power.js';
export type { RowsToProve } from './paillier/engine/row-proof-task.js';
export type { JobOptions } from './paillier/engine/worker-pool.js';
export type {
  ContributionToProve,
  PartialToProve,
  ProvenContribution,
  SeededRows,
} from './paillier/engine/proof-tasks.js';
export {
  createCeremonyRunner,
  type CeremonyRunner,
  type CeremonyStepOptions,
} from './threshold/engine/ceremony-runner.js';
export { ceremonyModPow } from './threshold/engine/one-off-mod-pow.js';
export {
  createSharingRunner,
  sharingOnThisThread,
  type SharingRunner,
  type SharingRunnerOptions,
} from './sharing/engine/sharing-runner.js';
export type { SharingTaskInput, SharingTaskKind, SharingTaskResult } from './sharing/engine/sharing-tasks.js';
