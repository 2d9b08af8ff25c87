export * from './engine.js';
export * from './mcl.js';
export * from './noble.js';
export * from './scalar.js';
