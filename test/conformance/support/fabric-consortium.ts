import { readFileSync } from 'node:fs';
import { FabricCaAuthority, FabricLedger, type FabricLedgerOptions } from '@careledger/gateway/adapters';
import {
  DEFAULT_TOPOLOGY_FILE,
  loadTopology,
  readGatewayConfig,
  type GatewayConfig,
} from '@careledger/network';

/** The running network, as each hospital's gateway is told of it. */
export interface FabricConsortium {
  readonly configs: readonly GatewayConfig[];
  authority(mspId: string): FabricCaAuthority;
  open(mspId: string, options?: Partial<FabricLedgerOptions>): FabricLedger;
}

/** Fails with the sentence that mends it when no network is named: these suites never skip. */
export function runningConsortium(): FabricConsortium {
  const home = process.env['CARELEDGER_HOME'];
  if (home === undefined)
    throw new Error("set CARELEDGER_HOME to the home of a running network ('npm run network -- up')");
  const topology = loadTopology(process.env['CARELEDGER_TOPOLOGY'] ?? DEFAULT_TOPOLOGY_FILE);
  const configs = topology.hospitals.map((hospital) => readGatewayConfig(home, hospital.id));
  const configOf = (mspId: string): GatewayConfig => {
    const found = configs.find((config) => config.hospital.mspId === mspId);
    if (found === undefined) throw new Error(`no hospital has the MSP id ${mspId}`);
    return found;
  };
  return {
    configs,
    authority(mspId) {
      const { ca } = configOf(mspId);
      return new FabricCaAuthority({
        url: ca.url,
        caName: ca.name,
        tlsRootCertificate: readFileSync(ca.tlsRootFile, 'utf8'),
        registrar: {
          certificate: readFileSync(ca.registrar.certFile, 'utf8'),
          keyPem: readFileSync(ca.registrar.keyFile, 'utf8'),
        },
      });
    },
    open(mspId, options = {}) {
      const { peer, channel, chaincode } = configOf(mspId);
      const { endpoint, hostAlias } = peer;
      const tlsRootCertificate = readFileSync(peer.tlsRootFile, 'utf8');
      return new FabricLedger({
        channel,
        chaincode,
        mspId,
        peer: { endpoint, hostAlias, tlsRootCertificate },
        ...options,
      });
    },
  };
}
