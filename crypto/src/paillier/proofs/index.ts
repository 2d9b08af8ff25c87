/** Zero-knowledge proofs about Paillier ciphertexts; docs/crypto/proofs.md. */
export * from './plaintext-proof.js';
