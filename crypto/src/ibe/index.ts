export * from './encryption.js';
export * from './extraction.js';
export * from './identity.js';
export * from './link.js';
export * from './registration.js';
