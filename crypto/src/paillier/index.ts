/** Paillier without its engine: keys as data, intake, arithmetic on ciphertexts, shares. */
export { bitLength, gcd, modInverse, modPow, modProduct, type ModPow } from './arithmetic.js';
export { djnBase, djnExponentBits } from './djn.js';
export { PaillierEncryptor, type EncryptorOptions } from './encryptor.js';
export * from './homomorphic.js';
export { PaillierOwner, privateKeyOf } from './private-key.js';
export * from './proofs/index.js';
export * from './public-key.js';
export { ROW_SEED_BYTES, rowRandomness, rowRandomnessProduct, type SeededRow } from './row-randomness.js';
export * from './types.js';
