/** Paillier without its engine: keys as data, intake, arithmetic on ciphertexts, shares. */
export { bitLength, gcd, modInverse, modPow, modProduct, type ModPow } from './arithmetic.js';
export * from './homomorphic.js';
export * from './proofs/index.js';
export * from './public-key.js';
export * from './shares.js';
export * from './types.js';
