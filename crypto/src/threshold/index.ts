/** A Paillier key that nobody holds: shares, partial decryptions with proofs, the ceremony that makes and moves it. */
export * from './ceremony/index.js';
export * from './codec.js';
export * from './derived.js';
export * from './integer-sharing.js';
export * from './partial-decryption.js';
export * from './redistribution.js';
export * from './types.js';
