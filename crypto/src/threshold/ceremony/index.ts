/** The ceremony: how hospitals make a key that nobody holds, and share it anew. */
export { compareEchoes, type EchoParameters } from './echo.js';
export { beginCeremony, inspectCeremony, stepCeremony } from './machine.js';
export * from './message.js';
export { CEREMONY_STATE_VERSION } from './state.js';
export * from './types.js';
