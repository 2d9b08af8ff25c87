import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hospitalPaths } from './home.js';

/**
 * What a hospital's gateway process is told, in `<home>/<hospital>/gateway/config.json` (mode 0600).
 * Keys are named by file, never contained.
 */
export interface GatewayConfig {
  mode: 'fabric';
  hospital: { id: string; name: string; mspId: string };
  channel: string;
  /** Name of the chaincode on the channel. */
  chaincode: string;
  /** Where clients of this hospital reach it, plain HTTP on the loopback unless the gateway is told otherwise. */
  rest: { host: string; port: number };
  /** Where other hospitals' gateways reach it, under mutual TLS. */
  peerToPeer: {
    host: string;
    port: number;
    tlsKeyFile: string;
    tlsCertFile: string;
    /** TLS root certificates of every hospital, the own one included, in the order of `members`. */
    clientCaFiles: string[];
  };
  /** The hospital's own Fabric peer. */
  peer: {
    /** `host:port` */
    endpoint: string;
    /** The name in the peer's certificate: gRPC's `ssl_target_name_override`. */
    hostAlias: string;
    tlsRootFile: string;
  };
  /** The hospital's own Fabric CA. */
  ca: {
    url: string;
    /** Name of the authority that signs ledger identities. */
    name: string;
    tlsRootFile: string;
    /** May register clients with the attributes careledger.role and careledger.department. */
    registrar: { certFile: string; keyFile: string };
  };
  /** The gateway's own ledger identity; its certificate carries careledger.role=gateway. */
  serviceIdentity: { certFile: string; keyFile: string };
  ipfs: { rpcUrl: string };
  members: { id: string; name: string; mspId: string; gatewayUrl: string }[];
  /** How many hospitals keep each ciphertext pinned, the owner included. */
  replicationFactor: number;
  aggregation: {
    /** Of the key that this hospital takes part in making. */
    keyBits: number;
    /** This hospital starts the ceremony when all are active: one of them has to. */
    startsCeremony: boolean;
  };
  /** `passphraseFile` holds the passphrase of the key custody in `dir`. */
  custody: { dir: string; passphraseFile: string };
  dataDir: string;
  /** Digest of the chaincode build this hospital runs: see `buildDigest`. */
  buildDigest: string;
}

export function gatewayConfigFile(home: string, hospitalId: string): string {
  return join(hospitalPaths(home, hospitalId).gateway, 'config.json');
}

export function readGatewayConfig(home: string, hospitalId: string): GatewayConfig {
  return JSON.parse(readFileSync(gatewayConfigFile(home, hospitalId), 'utf8')) as GatewayConfig;
}
