import { readFile } from 'node:fs/promises';
import { createCeremonyRunner, createPaillierPool, createSharingRunner } from '@careledger/crypto';
import type { GatewayConfig } from '@careledger/network';
import { FabricCaAuthority } from '../adapters/authority-fabric-ca/index.js';
import { FabricLedger } from '../adapters/ledger-fabric/index.js';
import { KuboRecordStore } from '../adapters/store-kubo/index.js';
import { createFileCustody } from '../custody/index.js';
import { aggregationExtension } from './aggregation.js';
import type { CeremonyOptions } from './ceremonies.js';
import { createGateway, type Gateway, type GatewayModules } from './gateway.js';
import type { GatewayOptions } from './options.js';
import { mutualTlsRelease } from './release-over-mtls.js';
import { sharingModules } from './sharing-modules.js';

export interface FabricGatewayOptions extends Pick<GatewayOptions, 'approveBuild' | 'limits' | 'log'> {
  readonly extend?: GatewayModules['extend'];
}

/**
 * Starts one hospital's gateway on its Fabric peer, its Kubo node and its Fabric CA. Stopping it closes them too.
 * @throws CareLedgerError of the adapters; Error when a file that the configuration names cannot be read.
 */
export async function startFabricGateway(
  config: GatewayConfig,
  options: FabricGatewayOptions = {},
): Promise<Gateway> {
  const { mspId } = config.hospital;
  const passphrase = (await text(config.custody.passphraseFile)).trim();
  const pool = createPaillierPool();
  const paillier = createCeremonyRunner();
  const machines = { paillier };
  const sharingMachine = createSharingRunner();
  const { dir } = config.custody;
  const custody = await createFileCustody({ dir, passphrase, mspId, pool, machines, sharingMachine });
  const { release, authority, enrolledIdentity } = await identitiesOf(config);
  const { endpoint, hostAlias, tlsRootFile } = config.peer;
  const peer = { endpoint, hostAlias, tlsRootCertificate: await text(tlsRootFile) };
  const ledger = new FabricLedger({ channel: config.channel, chaincode: config.chaincode, mspId, peer });
  const store = new KuboRecordStore({ rpcUrl: config.ipfs.rpcUrl });
  const closeAll = async (): Promise<void> => {
    await ledger.close();
    await store.close();
    await pool.close();
    await paillier.close();
    await sharingMachine.close();
  };
  const { approveBuild, limits, log, extend } = options;
  try {
    const gateway = await createGateway(
      {
        hospital: config.hospital,
        rest: config.rest,
        dataDir: config.dataDir,
        members: config.members.map((member) => member.mspId),
        replicationFactor: config.replicationFactor,
        buildDigest: config.buildDigest,
        ...(approveBuild === undefined ? {} : { approveBuild }),
        ...(limits === undefined ? {} : { limits }),
        ...(log === undefined ? {} : { log }),
      },
      {
        ledger,
        store,
        custody,
        authority,
        release,
        sharing: sharingModules(custody, sharingMachine),
        enrolledIdentity,
        extend: extend ?? aggregationExtension({ ...ceremonyOptions(config), pool }),
      },
    );
    const stop = async (): Promise<void> => {
      await gateway.stop();
      await closeAll();
    };
    return { ...gateway, stop };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function ceremonyOptions({
  aggregation: { keyBits, startsCeremony },
  members,
}: GatewayConfig): CeremonyOptions {
  return startsCeremony ? { keyBits, startsWith: members.map(({ mspId }) => mspId) } : { keyBits };
}

async function identitiesOf(config: GatewayConfig) {
  const { ca, peerToPeer, serviceIdentity, hospital } = config;
  const authority = new FabricCaAuthority({
    url: ca.url,
    caName: ca.name,
    tlsRootCertificate: await text(ca.tlsRootFile),
    registrar: { certificate: await text(ca.registrar.certFile), keyPem: await text(ca.registrar.keyFile) },
  });
  const enrolledIdentity = {
    keyPem: await text(serviceIdentity.keyFile),
    certificatePem: await text(serviceIdentity.certFile),
  };
  const release = mutualTlsRelease({
    mspId: hospital.mspId,
    host: peerToPeer.host,
    port: peerToPeer.port,
    tls: { key: await text(peerToPeer.tlsKeyFile), cert: await text(peerToPeer.tlsCertFile) },
    members: await memberRoots(config),
    dataDir: config.dataDir,
  });
  return { authority, enrolledIdentity, release };
}

/** The configuration lists the roots in the order of its members. */
async function memberRoots({
  members,
  peerToPeer,
}: GatewayConfig): Promise<ReadonlyMap<string, readonly string[]>> {
  const roots = await Promise.all(peerToPeer.clientCaFiles.map(text));
  const entries = members.map(({ mspId }, index): [string, string[]] => {
    const root = roots[index];
    if (root === undefined) throw new Error(`the configuration names no TLS root of ${mspId}`);
    return [mspId, [root]];
  });
  return new Map(entries);
}

function text(path: string): Promise<string> {
  return readFile(path, 'utf8');
}
