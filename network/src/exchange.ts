import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { authorityRootFile } from './ca.js';
import type { HospitalContext } from './context.js';
import { PUBLIC_FILE_MODE, readTextIfExists, writeFileIfChanged } from './files.js';
import { identityFiles } from './identities.js';
import type { HospitalTopology } from './topology.js';
import { waitFor } from './wait.js';

/** What a hospital tells the others about itself. Every field is public. */
export interface PublicHospital {
  id: string;
  mspId: string;
  /** Root certificate of the CA that signs ledger identities, PEM. */
  identityRoot: string;
  /** Root certificate of the CA that signs TLS certificates, PEM. */
  tlsRoot: string;
  orderer: {
    address: string;
    clusterHost: string;
    clusterPort: number;
    /** Certificate that signs blocks, PEM. */
    identity: string;
    tlsCertificate: string;
  };
  peerAddress: string;
  gatewayUrl: string;
  ipfs: { peerId: string; address: string };
}

const PUBLIC_FILE = 'hospital.json';
/** A person may have to carry files between hosts, so the others get a quarter of an hour. */
const EXCHANGE_TIMEOUT_MS = 15 * 60_000;

export function gatewayUrl(hospital: HospitalTopology): string {
  return `https://${hospital.host}:${String(hospital.ports.gatewayPeer)}`;
}

/** Writes this hospital's public file. */
export function publish(context: HospitalContext, ipfsPeerId: string): void {
  const { id, mspId, host, ports } = context.hospital;
  const read = (file: string): string => readFileSync(file, 'utf8');
  const own: PublicHospital = {
    id,
    mspId,
    identityRoot: read(authorityRootFile(context, 'identity')),
    tlsRoot: read(authorityRootFile(context, 'tls')),
    orderer: {
      address: `${host}:${String(ports.orderer)}`,
      clusterHost: host,
      clusterPort: ports.ordererCluster,
      identity: read(identityFiles(context, 'orderer').certificate),
      tlsCertificate: read(identityFiles(context, 'orderer-tls').certificate),
    },
    peerAddress: `${host}:${String(ports.peer)}`,
    gatewayUrl: gatewayUrl(context.hospital),
    ipfs: { peerId: ipfsPeerId, address: ipfsAddress(context.hospital) },
  };
  writeFileIfChanged(
    join(context.paths.exchange, PUBLIC_FILE),
    `${JSON.stringify(own, null, 2)}\n`,
    PUBLIC_FILE_MODE,
  );
}

function ipfsAddress(hospital: HospitalTopology): string {
  const kind = /^[0-9.]+$/.test(hospital.host) ? 'ip4' : 'dns';
  return `/${kind}/${hospital.host}/tcp/${String(hospital.ports.ipfsSwarm)}`;
}

/** Waits until every hospital's public file is here. In the order of the topology. */
export async function awaitHospitals(context: HospitalContext): Promise<PublicHospital[]> {
  const missing = (): string[] =>
    context.topology.hospitals
      .map((hospital) => hospital.id)
      .filter((id) => !existsSync(publicFile(context, id)));
  await waitFor(() => (missing().length === 0 ? true : undefined), {
    what: `the public files of every hospital in ${context.paths.exchangeRoot}`,
    timeoutMs: EXCHANGE_TIMEOUT_MS,
    hint: () => `still missing: ${missing().join(', ')}`,
  });
  return context.topology.hospitals.map((hospital) => readPublicHospital(context, hospital));
}

function readPublicHospital(context: HospitalContext, hospital: HospitalTopology): PublicHospital {
  const file = publicFile(context, hospital.id);
  const value = JSON.parse(readFileSync(file, 'utf8')) as PublicHospital;
  if (value.id !== hospital.id || value.mspId !== hospital.mspId) {
    throw new Error(
      `${file} speaks of ${value.id} (${value.mspId}), the topology of ${hospital.id} (${hospital.mspId})`,
    );
  }
  return value;
}

function publicFile(context: HospitalContext, hospitalId: string): string {
  return join(context.paths.exchangeRoot, hospitalId, PUBLIC_FILE);
}

/** Waits for a file that another hospital publishes. @returns its path. */
export async function awaitExchangeFile(
  context: HospitalContext,
  hospitalId: string,
  name: string,
): Promise<string> {
  const file = join(context.paths.exchangeRoot, hospitalId, name);
  return waitFor(() => (readTextIfExists(file) === undefined ? undefined : file), {
    what: `${hospitalId} to publish ${name}`,
    timeoutMs: EXCHANGE_TIMEOUT_MS,
    hint: () => `looked for ${file}`,
  });
}
