export * from './chain.js';
export {
  makeEdge,
  openEdge,
  verifyEdgeShare,
  verifyEdgeValues,
  type Delegator,
  type EdgeTerms,
  type MadeEdge,
  type PublicEdge,
  type VerifiedEdge,
} from './edge.js';
export * from './encrypt.js';
export {
  ATTESTATION_SLOTS,
  MAX_HOPS,
  MAX_PRE_HEADER_BYTES,
  handleOf,
  parseHeader as parsePreHeader,
  type PreHeader,
} from './header.js';
export * from './onward.js';
export * from './open.js';
export * from './partial.js';
export {
  MAX_PROXIES,
  MAX_STATEMENT_BYTES,
  NO_PARENT,
  parseStatement,
  signStatement,
  verifyStatementSignature,
  type EdgeStatement,
  type UnsignedStatement,
} from './statement.js';
export * from './tag.js';
