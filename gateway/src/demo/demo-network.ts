/** The four hospitals that the demonstration talks to: started in this process, or running on Fabric already. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  DEFAULT_TOPOLOGY_FILE,
  gatewayConfigFile,
  loadTopology,
  readGatewayConfig,
  resolveHome,
} from '@careledger/network';
import {
  EMBEDDED_AGGREGATION,
  startEmbeddedConsortium,
  type EmbeddedConsortiumOptions,
} from '../app/embedded.js';
import type { DemoHospital } from './demo-staff.js';
import { GatewayClient } from './gateway-client.js';

export interface DemoNetwork {
  readonly hospitals: readonly DemoHospital[];
  readonly channel: string;
  /** Size of the consortium's Paillier modulus. */
  readonly keyBits: number;
  readonly stateFile: string;
  readonly home: string;
  readonly banner: string;
  /** What is smaller here than in a consortium. */
  readonly notice?: string;
  readonly printsTokens: boolean;
  stop(): Promise<void>;
}

export interface DemoNetworkOptions extends Pick<EmbeddedConsortiumOptions, 'aggregation' | 'ports'> {
  readonly ledger: 'embedded' | 'fabric';
  readonly dataDir: string;
}

export async function demoNetwork(options: DemoNetworkOptions): Promise<DemoNetwork> {
  return options.ledger === 'fabric' ? fabricNetwork() : embeddedNetwork(options);
}

async function embeddedNetwork({ dataDir, aggregation, ports }: DemoNetworkOptions): Promise<DemoNetwork> {
  const starting = startEmbeddedConsortium({
    dataDir,
    ...(aggregation === undefined ? {} : { aggregation }),
    ...(ports === undefined ? {} : { ports }),
  });
  const consortium = await starting.catch(inWords);
  const { keyBits } = aggregation ?? EMBEDDED_AGGREGATION;
  const { gateways, topology } = consortium;
  const hospitals = topology.hospitals.map((hospital, index): DemoHospital => ({
    client: new GatewayClient(hospital, gateways[index]?.restUrl ?? ''),
    adminSecretFile: join(dataDir, hospital.id, 'gateway', 'admin-secret'),
  }));
  return {
    hospitals,
    channel: topology.channel,
    keyBits,
    stateFile: join(dataDir, 'demonstration.json'),
    home: dataDir,
    banner:
      'EMBEDDED MODE: one process, one machine, every hospital’s keys in one place. For looking and testing; a consortium runs on Fabric (npm run network -- up).',
    notice: `The key for statistics has ${keyBits} bits here: a TEST SIZE, which the hospitals make in seconds. A consortium's has 3072.`,
    printsTokens: true,
    stop: () => consortium.stop(),
  };
}

/** What people run into: a second start beside the first, the network on Fabric, or a stranger at a port. */
function inWords(error: unknown): never {
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code !== 'EADDRINUSE') throw error;
  const message =
    `Port ${String(port)} is in use by another program, or by another CareLedger. Stop it (Ctrl-C where another npm start ` +
    'runs, npm run network -- down for a network on Fabric), or choose other ports in network/consortium.yaml.';
  throw new Error(message, { cause: error });
}

async function fabricNetwork(): Promise<DemoNetwork> {
  const home = resolveHome();
  const topology = loadTopology(DEFAULT_TOPOLOGY_FILE);
  const keyBits = new Set<number>();
  const hospitals = topology.hospitals.map(({ id }): DemoHospital => {
    if (!existsSync(gatewayConfigFile(home, id))) {
      throw new Error(`No network was started in ${home}. Run: npm run network -- up`);
    }
    const { hospital, rest, dataDir, aggregation } = readGatewayConfig(home, id);
    keyBits.add(aggregation.keyBits);
    const client = new GatewayClient(hospital, `http://${rest.host}:${rest.port}`);
    return { client, adminSecretFile: join(dataDir, 'admin-secret') };
  });
  await Promise.all(hospitals.map(assertReady));
  return {
    hospitals,
    channel: topology.channel,
    keyBits: Math.max(...keyBits),
    // `npm run network -- reset` removes it together with the network that it is about.
    stateFile: join(home, 'demonstration', 'state.json'),
    home,
    banner: 'On Hyperledger Fabric and Kubo: npm run network -- status shows the processes.',
    printsTokens: false,
    stop: () => Promise.resolve(),
  };
}

async function assertReady({ client }: DemoHospital): Promise<void> {
  try {
    await client.get('/readyz');
  } catch (cause) {
    const message = `The gateway of ${client.hospital.id} at ${client.url} is not ready. Run: npm run network -- status`;
    throw new Error(message, { cause });
  }
}
