import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import './quiet-contracts.js';
import { embeddedContracts } from '@careledger/chaincode/embedded';
import {
  createCeremonyRunner,
  createPaillierPool,
  createSharingRunner,
  type PaillierPool,
  type SharingRunner,
} from '@careledger/crypto';
import { buildDigest, DEFAULT_TOPOLOGY_FILE, loadTopology, type Topology } from '@careledger/network';
import { EmbeddedAuthority } from '../adapters/authority-embedded/index.js';
import { EmbeddedLedger } from '../adapters/ledger-embedded/index.js';
import { EmbeddedRecordStore } from '../adapters/store-embedded/index.js';
import { createFileCustody } from '../custody/index.js';
import type { CeremonyMachine, CeremonyMachines } from '../ports/ceremony-machine.js';
import type { KeyCustody } from '../ports/key-custody.js';
import type { LogOptions } from '../rest/logging.js';
import { aggregationExtension, type AggregationOptions } from './aggregation.js';
import { mapBounded } from '../services/bounded.js';
import { createGateway, type Gateway, type GatewayModules } from './gateway.js';
import { inWords, takeDataFolder } from './data-folder.js';
import type { GatewayLimits } from './options.js';
import { mutualTlsRelease } from './release-over-mtls.js';
import { sharingModules } from './sharing-modules.js';

export interface EmbeddedConsortiumOptions {
  /** Everything that lasts: ledger, stores, custodies, tables. One process at a time. */
  readonly dataDir: string;
  /** Hospitals, channel and replication; default the repository's `network/consortium.yaml`. */
  readonly topology?: Topology;
  /** `topology` listens on the topology's ports, `free` on ports that the system chooses. Default `topology`. */
  readonly ports?: 'topology' | 'free';
  readonly limits?: Partial<GatewayLimits>;
  readonly log?: LogOptions;
  /**
   * Size of the aggregation key and the hospitals' policy. With `allowTestKeySize` the contracts are those for tests,
   * which take keys too short to protect anything; no other contract, custody or gateway does.
   */
  readonly aggregation?: Omit<AggregationOptions, 'startsWith' | 'pool'>;
  /**
   * For tests and demonstrations: how long the recovery of a lost key waits, shorter than the consortium's time. These
   * embedded contracts alone take it; those of a Fabric chaincode have no such setting.
   */
  readonly recoveryWaitMs?: number;
  /** For tests: other machines for a hospital's part in ceremonies. */
  readonly machines?: (mspId: string) => Partial<CeremonyMachines>;
  readonly extend?: GatewayModules['extend'];
  /** For tests of broken parts: may replace a module of one hospital. */
  readonly wrapModules?: (mspId: string, modules: GatewayModules) => GatewayModules;
}

export interface EmbeddedConsortium {
  /** In the order of the topology. All are ready. */
  readonly gateways: readonly Gateway[];
  readonly topology: Topology;
  stop(): Promise<void>;
}

/**
 * A ceremony of this size takes seconds on one machine. It protects nothing that matters, and whoever runs the process
 * has every share anyway.
 */
export const EMBEDDED_AGGREGATION = { keyBits: 1024, allowTestKeySize: true } as const;

const HOST = '127.0.0.1';
type Hospital = Topology['hospitals'][number];

interface HospitalParts {
  readonly hospital: Hospital;
  readonly authority: EmbeddedAuthority;
  readonly store: EmbeddedRecordStore;
  readonly custody: KeyCustody;
  readonly folder: string;
}

/**
 * All hospitals in one process: one embedded ledger, and per hospital an authority, a record store, a custody and a
 * gateway with its mutual-TLS listener. For one machine: whoever runs the process holds every hospital's keys.
 * @throws DataFolderError when the folder cannot be used; CareLedgerError of the adapters; Error when a gateway does not become ready in time.
 */
export async function startEmbeddedConsortium(
  options: EmbeddedConsortiumOptions,
): Promise<EmbeddedConsortium> {
  const topology = options.topology ?? loadTopology(DEFAULT_TOPOLOGY_FILE);
  const opened: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close();
  };
  // The contracts run in this process and report the digest of the build from its environment.
  process.env['CARELEDGER_BUILD_DIGEST'] ??= buildDigest();
  const aggregation = options.aggregation ?? EMBEDDED_AGGREGATION;
  const { allowTestKeySize = false } = aggregation;
  opened.push(await takeDataFolder(options.dataDir));
  // One for all hospitals: two threads in this process, not two for each of them.
  const pool = createPaillierPool({ allowTestKeySize });
  opened.push(() => pool.close());
  const sharingMachine = createSharingRunner();
  opened.push(() => sharingMachine.close());
  const threads = { pool, sharingMachine, allowTestKeySize };
  try {
    const parts = await openParts(options, { topology, threads }, opened);
    const ledger = await openLedger(options, { topology, allowTestKeySize }, parts);
    opened.push(() => ledger.close());
    const gateways: Gateway[] = [];
    for (const part of parts) {
      const gateway = await startOne(part, parts, {
        options,
        topology,
        ledger,
        pool,
        aggregation,
        sharingMachine,
      });
      opened.push(() => gateway.stop());
      gateways.push(gateway);
    }
    await Promise.all(gateways.map(assertReady));
    return { gateways, topology, stop };
  } catch (error) {
    await stop();
    throw inWords(options.dataDir, error);
  }
}

interface Threads {
  readonly pool: PaillierPool;
  readonly sharingMachine: SharingRunner;
  readonly allowTestKeySize: boolean;
}

/** A thread of its own, as each hospital has where it runs alone; it starts with a ceremony's first step. */
function ownRunner(opened: (() => Promise<unknown>)[]): CeremonyMachine {
  const runner = createCeremonyRunner();
  opened.push(() => runner.close());
  return runner;
}

async function openParts(
  { dataDir, machines: machinesOf }: EmbeddedConsortiumOptions,
  { topology: { hospitals }, threads }: { readonly topology: Topology; readonly threads: Threads },
  opened: (() => Promise<unknown>)[],
): Promise<HospitalParts[]> {
  const stores: EmbeddedRecordStore[] = [];
  // Not Promise.all: when one cannot be opened, the others must have settled before they are closed.
  return mapBounded(hospitals, hospitals.length, async (hospital) => {
    const folder = join(dataDir, hospital.id);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const passphrase = await ownPassphrase(folder);
    const { mspId } = hospital;
    const given = machinesOf?.(mspId) ?? {};
    const machines = { ...given, paillier: given.paillier ?? ownRunner(opened) };
    // Both derive a key from the passphrase, which takes a tenth of a second each; side by side for all hospitals.
    const [authority, custody] = await Promise.all([
      EmbeddedAuthority.open({ directory: join(folder, 'authority'), mspId, passphrase }),
      createFileCustody({ dir: join(folder, 'custody'), passphrase, mspId, machines, ...threads }),
    ]);
    const neighbours = (): EmbeddedRecordStore[] => stores.filter((neighbour) => neighbour !== store);
    const store: EmbeddedRecordStore = await EmbeddedRecordStore.open({
      directory: join(folder, 'store'),
      neighbours,
    });
    stores.push(store);
    opened.push(() => store.close());
    return { hospital, authority, store, custody, folder };
  });
}

function openLedger(
  { dataDir, recoveryWaitMs }: EmbeddedConsortiumOptions,
  { topology: { channel }, allowTestKeySize }: { topology: Topology; allowTestKeySize: boolean },
  parts: readonly HospitalParts[],
): Promise<EmbeddedLedger> {
  const [first] = parts;
  if (first === undefined) throw new Error('a topology has at least one hospital');
  return EmbeddedLedger.open({
    directory: join(dataDir, 'ledger'),
    channel,
    members: parts.map(({ authority }) => ({
      mspId: authority.mspId,
      rootCertificate: authority.rootCertificate,
      peer: authority.node('peer'),
    })),
    orderer: first.authority.node('orderer'),
    contracts: embeddedContracts({
      allowTestKeySize,
      ...(recoveryWaitMs === undefined ? {} : { recoveryWaitMs }),
    }),
  });
}

interface Shared {
  readonly options: EmbeddedConsortiumOptions;
  readonly topology: Topology;
  readonly ledger: EmbeddedLedger;
  readonly pool: PaillierPool;
  readonly sharingMachine: SharingRunner;
  readonly aggregation: NonNullable<EmbeddedConsortiumOptions['aggregation']>;
}

async function startOne(
  part: HospitalParts,
  parts: readonly HospitalParts[],
  shared: Shared,
): Promise<Gateway> {
  const { hospital, authority, store, custody, folder } = part;
  const { options, topology, ledger, pool, aggregation, sharingMachine } = shared;
  const { mspId, name, ports } = hospital;
  const members = topology.hospitals.map((member) => member.mspId);
  const port = (fixed: number): number => (options.ports === 'free' ? 0 : fixed);
  const tls = await authority.issueTls({ commonName: `gateway.${hospital.id}`, hosts: [HOST, 'localhost'] });
  const release = mutualTlsRelease({
    mspId,
    host: HOST,
    port: port(ports.gatewayPeer),
    tls: { key: tls.keyPem, cert: tls.certificatePem },
    members: new Map(parts.map(({ authority: member }) => [member.mspId, [member.tlsRootCertificate]])),
    dataDir: join(folder, 'gateway'),
  });
  const modules: GatewayModules = {
    ledger,
    store,
    custody,
    authority,
    release,
    sharing: sharingModules(custody, sharingMachine),
    extend:
      options.extend ??
      aggregationExtension({
        ...aggregation,
        ...(part === parts[0] ? { startsWith: members } : {}),
        pool,
      }),
  };
  return createGateway(
    {
      hospital: { name, mspId },
      rest: { host: HOST, port: port(ports.gatewayRest) },
      dataDir: join(folder, 'gateway'),
      members,
      replicationFactor: topology.replicationFactor,
      buildDigest: process.env['CARELEDGER_BUILD_DIGEST'] ?? buildDigest(),
      // The contracts are this process's own code: starting another version of it is the decision to run it.
      approveBuild: 'always',
      limits: { joinRetryMs: 20, ...options.limits },
      log: options.log ?? { level: 'warn' },
    },
    options.wrapModules?.(mspId, modules) ?? modules,
  );
}

async function assertReady(gateway: Gateway): Promise<void> {
  if (await gateway.whenReady()) return;
  const { reason } = gateway.services.readiness;
  throw new Error(`The gateway of ${gateway.mspId} is not ready: ${reason?.detail ?? 'no reason given'}`);
}

const PASSPHRASE_FILE = 'passphrase';

/** Beside what it protects: the embedded mode guards against a lost backup of one folder, not against this machine. */
async function ownPassphrase(folder: string): Promise<string> {
  const path = join(folder, PASSPHRASE_FILE);
  if (!existsSync(path)) {
    await writeFile(`${path}.new`, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
  return (await readFile(path, 'utf8')).trim();
}
