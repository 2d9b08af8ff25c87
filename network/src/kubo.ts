import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type HospitalContext, logHint } from './context.js';
import { awaitExchangeFile, type PublicHospital } from './exchange.js';
import { PUBLIC_FILE_MODE, writeFileAtomic, writeFileIfChanged } from './files.js';
import { probeHttp } from './probe.js';
import { configDigest } from './process-spec.js';
import { startProcess } from './start-process.js';
import { run } from './run.js';
import { toolPath } from './tools.js';
import { founderOf } from './topology.js';
import { waitFor } from './wait.js';

const IPFS_START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 15_000;
const SWARM_KEY_FILE = 'swarm.key';
const SWARM_KEY_BYTES = 32;

interface KuboConfiguration extends Record<string, unknown> {
  Identity: { PeerID: string };
  Datastore: Record<string, unknown> & { Spec: { mounts: Record<string, unknown>[] } };
  Swarm: Record<string, unknown>;
}

/** Makes the node's key and folder. @returns its peer id. */
export async function initialiseKubo(context: HospitalContext): Promise<string> {
  const folder = context.paths.ipfs;
  if (!existsSync(join(folder, 'config'))) {
    const scratch = `${folder}.new`;
    rmSync(scratch, { recursive: true, force: true });
    await run(toolPath('ipfs'), ['init', '--empty-repo'], { env: kuboEnvironment(scratch) });
    renameSync(scratch, folder);
  }
  return readConfiguration(context).Identity.PeerID;
}

/** Starts the node in the private swarm, connected to every other hospital's. */
export async function startKubo(
  context: HospitalContext,
  hospitals: readonly PublicHospital[],
): Promise<void> {
  const { id, host, ports } = context.hospital;
  const swarmKey = readFileSync(await swarmKeyFile(context), 'utf8');
  writeFileIfChanged(join(context.paths.ipfs, SWARM_KEY_FILE), swarmKey);
  const configuration = `${JSON.stringify(privateSwarm(context, hospitals), null, 2)}\n`;
  writeFileIfChanged(join(context.paths.ipfs, 'config'), configuration);
  await startProcess(context, {
    name: 'ipfs',
    command: toolPath('ipfs'),
    args: ['daemon', '--migrate=false', '--enable-gc=false'],
    cwd: context.paths.ipfs,
    env: kuboEnvironment(context.paths.ipfs),
    listens: [
      { host, port: ports.ipfsSwarm },
      { host: '127.0.0.1', port: ports.ipfsRpc },
    ],
    stopGraceMs: STOP_GRACE_MS,
    configDigest: configDigest(swarmKey, configuration),
  });
  await waitFor(
    () => probeHttp({ host: '127.0.0.1', port: ports.ipfsRpc, path: '/api/v0/id', method: 'POST' }),
    {
      what: `${id}'s IPFS node to answer`,
      timeoutMs: IPFS_START_TIMEOUT_MS,
      hint: logHint(context, 'ipfs'),
    },
  );
}

/**
 * The key of the private swarm is known to every member by nature: it keeps strangers' nodes out of the
 * swarm and protects nothing else (records are ciphertext). The founder makes it; it travels with the
 * exchange, over the same channel that the hospitals use for the other files.
 */
async function swarmKeyFile(context: HospitalContext): Promise<string> {
  const founder = founderOf(context.topology);
  const own = join(context.paths.exchange, SWARM_KEY_FILE);
  if (founder.id === context.hospital.id && !existsSync(own)) {
    writeFileAtomic(
      own,
      `/key/swarm/psk/1.0.0/\n/base16/\n${randomBytes(SWARM_KEY_BYTES).toString('hex')}\n`,
      PUBLIC_FILE_MODE,
    );
  }
  return awaitExchangeFile(context, founder.id, SWARM_KEY_FILE);
}

function kuboEnvironment(folder: string): Record<string, string> {
  // Without the variable a node whose key file is missing would join the public network.
  return { IPFS_PATH: folder, LIBP2P_FORCE_PNET: '1', IPFS_TELEMETRY: 'off' };
}

function readConfiguration(context: HospitalContext): KuboConfiguration {
  return JSON.parse(readFileSync(join(context.paths.ipfs, 'config'), 'utf8')) as KuboConfiguration;
}

function privateSwarm(context: HospitalContext, hospitals: readonly PublicHospital[]): KuboConfiguration {
  const { id, ports } = context.hospital;
  const configuration = readConfiguration(context);
  const own = hospitals.find((hospital) => hospital.id === id);
  return {
    ...configuration,
    Addresses: {
      Swarm: [own?.ipfs.address ?? `/ip4/127.0.0.1/tcp/${String(ports.ipfsSwarm)}`],
      Announce: [],
      AppendAnnounce: [],
      NoAnnounce: [],
      API: `/ip4/127.0.0.1/tcp/${String(ports.ipfsRpc)}`,
      Gateway: [],
    },
    // Nothing of the public network: no bootstrap, no delegated routing, no DNS, no relays, no updates.
    AutoConf: { Enabled: false },
    AutoTLS: { Enabled: false },
    AutoNAT: { ServiceMode: 'disabled' },
    Bootstrap: [],
    DNS: { Resolvers: {} },
    Discovery: { MDNS: { Enabled: false } },
    HTTPRetrieval: { Enabled: false },
    Ipns: { DelegatedPublishers: [] },
    Plugins: { Plugins: { telemetry: { Config: { Mode: 'off' } } } },
    Provide: { Enabled: false },
    // Every node is connected to every other, so Bitswap finds a block by asking them: no DHT is needed.
    Routing: { Type: 'none', DelegatedRouters: [] },
    Version: { SwarmCheckEnabled: false },
    Peering: {
      Peers: hospitals
        .filter((hospital) => hospital.id !== id)
        .map((hospital) => ({ ID: hospital.ipfs.peerId, Addrs: [hospital.ipfs.address] })),
    },
    Swarm: {
      ...configuration.Swarm,
      DisableNatPortMap: true,
      RelayClient: { Enabled: false },
      RelayService: { Enabled: false },
      EnableHolePunching: false,
    },
    Datastore: { ...configuration.Datastore, HashOnRead: true, Spec: durable(configuration.Datastore.Spec) },
  };
}

/** A block that was acknowledged has reached the disk. */
function durable(spec: { mounts: Record<string, unknown>[] }): { mounts: Record<string, unknown>[] } {
  return {
    ...spec,
    mounts: spec.mounts.map((mount) => (mount['type'] === 'flatfs' ? { ...mount, sync: true } : mount)),
  };
}
