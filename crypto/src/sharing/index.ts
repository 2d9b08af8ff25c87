/** What the parties of a sharing send each other besides edges and headers. */
export * from './edge-share.js';
export * from './erasure-release.js';
export * from './extraction.js';
export * from './label-key.js';
