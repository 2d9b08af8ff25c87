export { buildDigest, resolveChaincodeDirectory } from './build-digest.js';
export {
  type ConsortiumOptions,
  processId,
  resetConsortium,
  startConsortium,
  stopConsortium,
} from './consortium.js';
export { errorText, NetworkError, type NetworkErrorCode } from './errors.js';
export { privateKeyFingerprints } from './fingerprints.js';
export { type GatewayConfig, gatewayConfigFile, readGatewayConfig } from './gateway-config.js';
export { DEFAULT_TOPOLOGY_FILE, hospitalPaths, type HospitalPaths, resolveHome } from './home.js';
export { type LockOptions, takeLock } from './lock.js';
export { PROCESS_NAMES, type ProcessName } from './process-spec.js';
export { consortiumStatus, type ProcessStatus } from './status.js';
export { ensureTools, type ToolName, toolPath } from './tools.js';
export {
  founderOf,
  type HospitalTopology,
  KEY_BITS_VARIABLE,
  loadTopology,
  majorityOf,
  parseTopology,
  type PortName,
  toleratedFaults,
  type Topology,
} from './topology.js';
