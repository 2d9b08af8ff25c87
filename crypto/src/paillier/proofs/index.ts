/** Zero-knowledge proofs about Paillier ciphertexts; docs/crypto/proofs.md. */
export * from './bit-proof.js';
export * from './equality-proof.js';
export { verifyBatch, type Equation, type VerifyOptions } from './equations.js';
export * from './masks.js';
export * from './one-hot-proof.js';
export { encryptOpened, type Opened } from './opened.js';
export * from './plaintext-proof.js';
export * from './product-proof.js';
export * from './range-proof.js';
