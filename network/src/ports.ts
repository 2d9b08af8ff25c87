import type { HospitalContext } from './context.js';
import { NetworkError } from './errors.js';
import { isRunning, readPidFile } from './pid.js';
import { isListening } from './probe.js';
import { processFiles, type ProcessName } from './process-spec.js';
import type { PortName } from './topology.js';

const PORT_OWNERS: Record<PortName, ProcessName> = {
  ca: 'ca',
  peer: 'peer',
  peerChaincode: 'peer',
  peerOperations: 'peer',
  orderer: 'orderer',
  ordererAdmin: 'orderer',
  ordererCluster: 'orderer',
  ordererOperations: 'orderer',
  ipfsSwarm: 'ipfs',
  ipfsRpc: 'ipfs',
  chaincode: 'chaincode',
  gatewayRest: 'gateway',
  gatewayPeer: 'gateway',
};

/** Fails at once, rather than after a wait, when a stranger listens where one of our processes should. */
export async function refuseStrangers(context: HospitalContext): Promise<void> {
  const { id, host, ports } = context.hospital;
  for (const [port, owner] of Object.entries(PORT_OWNERS) as [PortName, ProcessName][]) {
    const own = readPidFile(processFiles(context.paths, owner).pid);
    if (own && isRunning(own)) continue;
    const address = port === 'ipfsRpc' ? '127.0.0.1' : host;
    if (!(await isListening(address, ports[port]))) continue;
    throw new NetworkError('NET_PORT_TAKEN', {
      expected: `${address}:${String(ports[port])} (${port} of ${id}) to be free`,
      came: 'another process listens there',
      remedy: `stop it (a network under another home: 'npm run network -- down --home DIR'), or give ${id} other ports in the topology file`,
    });
  }
}
