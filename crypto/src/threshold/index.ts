/** A Paillier key that nobody holds: shares, partial decryptions with proofs, the ceremony that makes and moves it. */
export * from './types.js';
