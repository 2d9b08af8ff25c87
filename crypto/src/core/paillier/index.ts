/** Paillier without its engine: keys as data, intake, arithmetic on ciphertexts, shares, panels, statistics. */
export { bitLength, gcd, modInverse, modPow, modProduct } from './arithmetic.js';
export * from './contribution.js';
export * from './homomorphic.js';
export * from './panel-layout.js';
export * from './panel.js';
export * from './panel-block.js';
export * from './public-key.js';
export * from './shares.js';
export * from './statistics.js';
export * from './types.js';
