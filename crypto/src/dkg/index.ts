/** The identity master key, of which nobody knows the secret: how it is made, shared, and shared anew. */
export * from './sharing.js';
export * from './types.js';
