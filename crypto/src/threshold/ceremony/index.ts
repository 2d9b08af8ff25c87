/** The ceremony: how hospitals make a key that nobody holds, and share it anew. */
export * from './message.js';
export * from './types.js';
