/**
 * Openings along a patient's edge on a real network: a patient of hospital 1, a clinician of hospital 2, proxies at
 * hospitals 1, 3 and 4. The empty put is the one of `npm run bench:ledger`, in the same chaincode process.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  GatewayError,
  PatientClient,
  StaffClient,
  enrol,
  makePatientKeys,
  preparePseudonym,
  pseudonymKeys,
} from '@careledger/client';
import { bytesToHex, randomBytes } from '@careledger/crypto';
import { FabricLedger, type SigningIdentity } from '@careledger/gateway/adapters';
import { DemoState, GatewayClient, signInStaff, type DemoHospital } from '@careledger/gateway/demo';
import { readGatewayConfig, startConsortium, stopConsortium, type GatewayConfig } from '@careledger/network';
import { identityFromFiles } from './identity.js';
import { elapsedMs, interleave, median, report, rounded } from './measure.js';

const CHAINCODE = fileURLToPath(new URL('../../chaincode', import.meta.url));
const LATENCY_ROUNDS = 15;
const MEGABYTE = 2 ** 20;
const BATCH = 200;
const SMALL_BYTES = 1024;
const KEY_WAIT_MS = 600_000;
const KEY_POLL_MS = 1000;
const PUT_AT_ONCE = 50;

interface World {
  readonly ledger: FabricLedger;
  readonly identity: SigningIdentity;
  readonly reader: StaffClient;
  readonly readerUrl: string;
  /** One megabyte each; none is opened twice, so nothing of it is cached. */
  readonly large: string[];
  readonly putSmall: (records: number) => Promise<string[]>;
}

/** @param rounds of the batch; latency takes more of them */
export async function openings(rounds: number): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'careledger-bench-'));
  const options = { home, chaincode: CHAINCODE, quiet: true };
  const topologyFile = process.env['CARELEDGER_TOPOLOGY'];
  const network = topologyFile === undefined ? options : { ...options, topology: topologyFile };
  try {
    await startConsortium(network);
    const world = await prepare(home);
    await latency(world);
    await batches(world, rounds);
    await world.ledger.close();
  } finally {
    await stopConsortium(network);
    rmSync(home, { recursive: true, force: true });
  }
}

async function prepare(home: string): Promise<World> {
  const [ownerConfig, readerConfig] = ['h1', 'h2'].map((id) => readGatewayConfig(home, id));
  if (ownerConfig === undefined || readerConfig === undefined)
    throw new Error('the topology has fewer than two hospitals');
  const state = new DemoState(join(home, 'bench.json'));
  const [owner, reader] = [await staffOf(ownerConfig, state), await staffOf(readerConfig, state)];
  const wanted = {
    mspId: ownerConfig.hospital.mspId,
    channel: ownerConfig.channel,
    identity: 'own',
    recoverable: false,
    custody: 'patient',
  } as const;
  const { keys, pseudonym } = await untilThereIsAKey(() =>
    preparePseudonym(owner.officer.connection, makePatientKeys(), wanted),
  );
  await enrol(owner.officer.connection, keys, pseudonym);
  // The ceremony of the statistics' key takes both cores for a minute or more: it would be measured with the openings.
  await untilThereIsAKey(() => owner.officer.connection.get('/v1/aggregation-key'));
  const large = await put(owner.clinician, pseudonym, LATENCY_ROUNDS + 1, MEGABYTE);
  await untilThereIsAKey(() =>
    new PatientClient(pseudonymKeys(keys, pseudonym)).grant({
      grantee: { kind: 'role', mspId: readerConfig.hospital.mspId, role: 'clinician' },
      recordTypes: ['laboratory'],
      purposes: ['treatment'],
      notAfter: new Date(Date.now() + 3_600_000).toISOString(),
    }),
  );
  const { url } = reader.clinician.connection;
  const ledger = { ledger: ledgerOf(ownerConfig), identity: identityFromFiles(ownerConfig) };
  // After the latency is measured: every node copies what is put, for a minute or more.
  const putSmall = (records: number): Promise<string[]> =>
    put(owner.clinician, pseudonym, records, SMALL_BYTES);
  return { ...ledger, reader: reader.clinician, readerUrl: url, large, putSmall };
}

async function staffOf(
  config: GatewayConfig,
  state: DemoState,
): Promise<{ readonly officer: StaffClient; readonly clinician: StaffClient }> {
  const { hospital, rest, dataDir } = config;
  const url = `http://${rest.host}:${rest.port}`;
  const demo: DemoHospital = {
    client: new GatewayClient(hospital, url),
    adminSecretFile: join(dataDir, 'admin-secret'),
  };
  const tokens = await signInStaff(demo, state);
  const as = (role: 'officer' | 'clinician'): StaffClient =>
    new StaffClient({ url, token: () => tokens[role] });
  return { officer: as('officer'), clinician: as('clinician') };
}

/** The identity master key, and the keys of the grantee, come some seconds after the network. */
async function untilThereIsAKey<Result>(work: () => Promise<Result>): Promise<Result> {
  const untilMs = performance.now() + KEY_WAIT_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isEarly =
        error instanceof GatewayError && ['KEY_NOT_FOUND', 'IDENTITY_NOT_FOUND'].includes(error.code);
      if (!isEarly || performance.now() > untilMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, KEY_POLL_MS));
  }
}

/** The ids of records of random bytes, put a few megabytes at a time. */
async function put(
  staff: StaffClient,
  pseudonym: string,
  records: number,
  sizeBytes: number,
): Promise<string[]> {
  const ids: string[] = [];
  const atOnce = sizeBytes >= MEGABYTE ? 4 : PUT_AT_ONCE;
  while (ids.length < records) {
    const batch = Array.from({ length: Math.min(atOnce, records - ids.length) }, () => ({
      ...{ pseudonym, type: 'laboratory', contentType: 'application/octet-stream' },
      content: Buffer.from(randomBytes(sizeBytes)).toString('base64'),
    }));
    const answer = await staff.connection.post<{ records: { recordId: string }[] }>('/v1/records', {
      records: batch,
    });
    ids.push(...answer.records.map(({ recordId }) => recordId));
  }
  return ids;
}

function ledgerOf({ channel, chaincode, hospital, peer }: GatewayConfig): FabricLedger {
  const tlsRootCertificate = readFileSync(peer.tlsRootFile, 'utf8');
  const { endpoint, hostAlias } = peer;
  const { mspId } = hospital;
  return new FabricLedger({ channel, chaincode, mspId, peer: { endpoint, hostAlias, tlsRootCertificate } });
}

function emptyPut({ ledger, identity }: World): Promise<unknown> {
  // The benchmark's own contract is not in the catalogue of the product's.
  return ledger.submit(identity, 'bench' as 'records', 'Put' as 'Anchor', {
    key: bytesToHex(randomBytes(16)),
  });
}

async function open({ reader }: World, recordIds: readonly string[]): Promise<void> {
  const { records } = await reader.open(recordIds, 'treatment');
  if (records.length !== recordIds.length)
    throw new Error(`${records.length} of ${recordIds.length} records opened`);
}

async function latency(world: World): Promise<void> {
  const next = (): string[] => world.large.splice(0, 1);
  // The reader's identity key is extracted and its edges verified once, at somebody's first opening.
  await open(world, next());
  const before = await stages(world);
  const rounds = await interleave(LATENCY_ROUNDS, {
    opening_ms: () => elapsedMs(() => open(world, next())),
    empty_put_ms: () => elapsedMs(() => emptyPut(world)),
  });
  const stageMs = meanStages(before, await stages(world));
  report('open_1mb_vs_empty_put', 'ms', rounds, ['opening_ms', 'empty_put_ms'], { stage_ms: stageMs });
}

async function batches(world: World, rounds: number): Promise<void> {
  const small = await world.putSmall((BATCH + 1) * (rounds + 1));
  const perSecond = async (records: number): Promise<number> => {
    const ids = small.splice(0, records);
    return (records * 1000) / (await elapsedMs(() => open(world, ids)));
  };
  await perSecond(1);
  const figures = await interleave(rounds, {
    batched_records_per_second: () => perSecond(BATCH),
    single_records_per_second: async () => median([await perSecond(1)]),
  });
  report('open_batch200_vs_single', 'records/s', figures, [
    'batched_records_per_second',
    'single_records_per_second',
  ]);
}

type Stages = ReadonlyMap<string, { readonly sum: number; readonly count: number }>;
const STAGE = /^careledger_opening_stage_seconds_(sum|count)\{[^}]*stage="([a-z-]+)"[^}]*\} ([0-9.e+-]+)$/gm;

/** What the reader's gateway says of its openings, so far. */
async function stages({ readerUrl }: World): Promise<Stages> {
  const text = await (await fetch(`${readerUrl}/metrics`)).text();
  const found = new Map<string, { sum: number; count: number }>();
  for (const [, kind = '', stage = '', value = ''] of text.matchAll(STAGE)) {
    const entry = found.get(stage) ?? { sum: 0, count: 0 };
    found.set(stage, { ...entry, [kind]: Number(value) });
  }
  return found;
}

function meanStages(before: Stages, after: Stages): Record<string, number> {
  const means = [...after].map(([stage, { sum, count }]) => {
    const earlier = before.get(stage) ?? { sum: 0, count: 0 };
    return [stage, rounded(((sum - earlier.sum) * 1000) / (count - earlier.count))] as const;
  });
  return Object.fromEntries(means.filter(([, mean]) => !Number.isNaN(mean)));
}
