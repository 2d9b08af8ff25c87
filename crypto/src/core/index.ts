/**
 * @careledger/crypto/core: pure, without node: imports and without top-level await, so that chaincode (CommonJS) can
 * require() it and a browser can load it. Chaincode may call only what draws no randomness.
 */
export * from './bytes.js';
export * from './cbor.js';
export * from './context.js';
export * from './decimal.js';
export * from './encode.js';
export * from './envelope.js';
export * from './errors.js';
export * from './expand.js';
export * from './header.js';
export * from './hpke.js';
export * from './key-file.js';
export * from './sharing-header.js';
export * from '../dkg/index.js';
export * from '../erasure/erasable.js';
export * from '../erasure/erasure-parts.js';
export * from '../erasure/puncturable-key.js';
export * from '../ibe/index.js';
export * from '../lockstep/index.js';
export * from '../paillier/index.js';
export * from '../pairing/index.js';
export * from '../panel/index.js';
export * from '../pre/index.js';
export * from '../sharing/index.js';
export * from '../threshold/index.js';
export * from './patient-signature.js';
export * from './random.js';
