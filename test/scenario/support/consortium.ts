import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  startEmbeddedConsortium,
  type EmbeddedConsortiumOptions,
  type Gateway,
  type GatewayModules,
} from '@careledger/gateway';
import { dealtMachines } from './dealt-machine.js';
import { peopleOf, type People } from './people.js';

export type { Answer, AnswerBody, Person } from './people.js';

/** Too short to protect anything: the consortium of these tests runs the contracts for tests. */
export const TEST_KEY = { keyBits: 512, allowTestKeySize: true } as const;

export interface TestConsortiumOptions extends Partial<Omit<EmbeddedConsortiumOptions, 'ports'>> {
  /** The key comes from a ceremony among the gateways, which takes seconds; otherwise from a dealer, at once. */
  readonly realCeremony?: boolean;
}

export interface TestConsortium extends People {
  readonly channel: string;
  readonly gateways: readonly Gateway[];
  /** `id` names the hospital's folder. */
  readonly hospitals: readonly { readonly id: string; readonly mspId: string }[];
  gateway(hospital: number): Gateway;
  storeOf(hospital: number): GatewayModules['store'];
  custodyOf(hospital: number): GatewayModules['custody'];
  /** CIDs that the hospital's gateway stored during the work. */
  recordingPuts(hospital: number, work: () => Promise<void>): Promise<string[]>;
  stop(): Promise<void>;
}

/** Four hospitals in this process on free ports. A folder of their own, unless one is given, goes with them. */
export async function startTestConsortium({
  realCeremony = false,
  ...options
}: TestConsortiumOptions = {}): Promise<TestConsortium> {
  const machines = dealtMachines();
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'careledger-scenario-')));
  const originals: GatewayModules[] = [];
  const consortium = await startEmbeddedConsortium({
    log: { level: 'silent' },
    aggregation: TEST_KEY,
    ...(realCeremony ? {} : { machines: () => machines }),
    ...options,
    dataDir,
    ports: 'free',
    wrapModules(mspId, modules) {
      originals.push(modules);
      return options.wrapModules?.(mspId, modules) ?? modules;
    },
  });
  const { gateways, topology } = consortium;
  const gateway = (hospital: number): Gateway => gateways[hospital - 1]!;
  const people = peopleOf(
    gateways.map(({ mspId, restUrl }, index) => ({
      mspId,
      restUrl,
      adminSecretFile: join(dataDir, topology.hospitals[index]!.id, 'gateway', 'admin-secret'),
    })),
  );

  return {
    channel: topology.channel,
    gateways,
    hospitals: topology.hospitals,
    gateway,
    storeOf: (hospital) => originals[hospital - 1]!.store,
    custodyOf: (hospital) => originals[hospital - 1]!.custody,
    async recordingPuts(hospital, work) {
      const { store } = originals[hospital - 1]!;
      const original = store.put.bind(store);
      const cids: string[] = [];
      store.put = async (bytes) => {
        const cid = await original(bytes);
        cids.push(cid);
        return cid;
      };
      try {
        await work();
      } finally {
        store.put = original;
      }
      return cids;
    },
    ...people,
    async stop() {
      await consortium.stop();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}
