/** What the ceremonies have in common: messages between their parties, and the machine's inputs and outputs. */
export { compareEchoes, type EchoParameters } from './echo.js';
export * from './message.js';
export { CEREMONY_STATE_VERSION } from './state.js';
export * from './types.js';
