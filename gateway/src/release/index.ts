export type { MemberTlsRoots } from './member-certificates.js';
export {
  connectPeer,
  type PeerConnection,
  type PeerGateway,
  type PeerRequest,
  type PeerResponse,
} from './peer-client.js';
export type { PeerRoute, PeerServer } from './peer-server.js';
export { DEFAULT_RELEASE_LIMITS, type ReleaseLimits } from './release-authority.js';
export {
  createReleaseClient,
  requestRelease,
  type ReleaseClient,
  type ReleaseQuestion,
  type RequestReleaseOptions,
} from './release-client.js';
export type { TlsIdentity } from './release-protocol.js';
export { createReleaseServer, type ReleaseServerOptions } from './release-server.js';
