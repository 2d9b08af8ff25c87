/**
 * npm run bench:ledger: what the contracts cost over an empty put, on a real four-hospital network.
 *
 * Starts its own network (the product's contracts and an empty put in one chaincode), measures, and takes it down again.
 * Prints JSON lines: anchor_vs_empty_put (committed per second), batch500_vs_single (records per second) and
 * release_vs_empty_put_latency (one opening across hospitals, request to plaintext, a grant exists).
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesToHex, randomBytes } from '@careledger/crypto';
import { FabricLedger, type SigningIdentity } from '@careledger/gateway/adapters';
import {
  DemoState,
  GatewayClient,
  demoPatient,
  enrol,
  enrolmentIdOf,
  signInStaff,
  signed,
  type DemoHospital,
  type DemoPatient,
  type Tokens,
} from '@careledger/gateway/demo';
import { readGatewayConfig, startConsortium, stopConsortium, type GatewayConfig } from '@careledger/network';
import { identityFromFiles } from './support/identity.js';
import { elapsedMs, interleave, rateOf, report } from './support/measure.js';

const CHAINCODE = fileURLToPath(new URL('../chaincode', import.meta.url));
const ROUNDS = 5;
const IN_FLIGHT = 60;
const PUTS_PER_ROUND = 240;
const BATCHES_PER_ROUND = 6;
const BATCHES_IN_FLIGHT = 3;
const BATCH_RECORDS = 500;
const PATIENTS = 25;
const LATENCY_ROUNDS = 15;
interface World {
  readonly ledger: FabricLedger;
  readonly identity: SigningIdentity;
  readonly patients: readonly DemoPatient[];
  readonly owner: DemoHospital;
  readonly reader: DemoHospital;
  readonly tokens: ReadonlyMap<string, Tokens>;
  readonly channel: string;
  /** One record that is really stored: every anchoring names its objects, so that replicas find them. */
  readonly stored: StoredRecord;
}

interface StoredRecord {
  readonly recordId: string;
  readonly contentCid: string;
  readonly headerCid: string;
}

async function main(): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'careledger-bench-'));
  const options = { home, chaincode: CHAINCODE, quiet: true };
  const topologyFile = process.env['CARELEDGER_TOPOLOGY'];
  const network = topologyFile === undefined ? options : { ...options, topology: topologyFile };
  try {
    await startConsortium(network);
    const world = await prepare(home);
    // First, while the network is idle: afterwards the hospitals still pin what the throughput rounds anchored.
    await latency(world);
    await throughput(world);
    await world.ledger.close();
  } finally {
    await stopConsortium(network);
    rmSync(home, { recursive: true, force: true });
  }
}

async function prepare(home: string): Promise<World> {
  const [owner, reader] = ['h1', 'h2'].map((id) => hospitalOf(readGatewayConfig(home, id)));
  if (owner === undefined || reader === undefined)
    throw new Error('the topology has fewer than two hospitals');
  const config = readGatewayConfig(home, 'h1');
  const state = new DemoState(join(home, 'bench.json'));
  const tokens = new Map<string, Tokens>();
  for (const hospital of [owner, reader])
    tokens.set(hospital.client.hospital.id, await signInStaff(hospital, state));
  const patients: DemoPatient[] = [];
  for (let index = 0; index < PATIENTS; index += 1) {
    const patient = demoPatient(state, `bench-${index}`);
    await enrol(owner.client, tokens.get('h1')?.officer ?? '', config.channel, patient);
    patients.push(patient);
  }
  const world = { owner, reader, tokens, patients, channel: config.channel };
  const stored = await grantedRecord(world);
  return { ...world, stored, ledger: ledgerOf(config), identity: identityFromFiles(config) };
}

function hospitalOf({ hospital, rest, dataDir }: GatewayConfig): DemoHospital {
  return {
    client: new GatewayClient(hospital, `http://${rest.host}:${rest.port}`),
    adminSecretFile: join(dataDir, 'admin-secret'),
  };
}

function ledgerOf({ channel, chaincode, hospital, peer }: GatewayConfig): FabricLedger {
  const tlsRootCertificate = readFileSync(peer.tlsRootFile, 'utf8');
  const { endpoint, hostAlias } = peer;
  return new FabricLedger({
    channel,
    chaincode,
    mspId: hospital.mspId,
    peer: { endpoint, hostAlias, tlsRootCertificate },
  });
}

async function throughput(world: World): Promise<void> {
  const rounds = await interleave(ROUNDS, {
    empty_puts_per_second: () => rateOf(PUTS_PER_ROUND, IN_FLIGHT, () => emptyPut(world)),
    anchorings_per_second: () => rateOf(PUTS_PER_ROUND, IN_FLIGHT, (index) => anchor(world, 1, index)),
    batched_records_per_second: async () =>
      BATCH_RECORDS *
      (await rateOf(BATCHES_PER_ROUND, BATCHES_IN_FLIGHT, (index) => anchor(world, BATCH_RECORDS, index))),
  });
  report('anchor_vs_empty_put', 'transactions/s', rounds, ['anchorings_per_second', 'empty_puts_per_second']);
  report('batch500_vs_single', 'records/s', rounds, ['batched_records_per_second', 'anchorings_per_second']);
}

async function latency(world: World): Promise<void> {
  const { recordId } = world.stored;
  const token = world.tokens.get('h2')?.clinician ?? '';
  const open = () =>
    world.reader.client.post('/v1/openings', { recordIds: [recordId], purpose: 'treatment' }, { token });
  await open();
  const rounds = await interleave(LATENCY_ROUNDS, {
    opening_ms: () => elapsedMs(open),
    empty_put_ms: () => elapsedMs(() => emptyPut(world)),
  });
  report('release_vs_empty_put_latency', 'ms', rounds, ['opening_ms', 'empty_put_ms']);
}

/** One record of hospital 1 that the clinician of hospital 2 may open. */
async function grantedRecord({
  owner,
  reader,
  tokens,
  patients,
  channel,
}: Omit<World, 'stored' | 'ledger' | 'identity'>): Promise<StoredRecord> {
  const [patient] = patients;
  const token = tokens.get('h1')?.clinician ?? '';
  if (patient === undefined) throw new Error('no patient is enrolled');
  const content = Buffer.from(randomBytes(4096)).toString('base64');
  const record = {
    pseudonym: patient.pseudonym,
    type: 'laboratory',
    contentType: 'application/octet-stream',
    content,
  };
  const put = (await owner.client.post('/v1/records', { records: [record] }, { token })) as {
    records: StoredRecord[];
  };
  const args = {
    grantId: bytesToHex(randomBytes(16)),
    pseudonym: patient.pseudonym,
    grantee: {
      kind: 'person',
      mspId: reader.client.hospital.mspId,
      enrolmentId: enrolmentIdOf('h2', 'clinician'),
    },
    recordTypes: ['laboratory'],
    purposes: ['treatment'],
    notBefore: new Date(Date.now() - 60_000).toISOString(),
    notAfter: new Date(Date.now() + 3_600_000).toISOString(),
    maxHops: 0,
  };
  await owner.client.post('/v1/grants', signed(patient, channel, ['grants', 'Grant'], args), { token });
  const [stored] = put.records;
  if (stored === undefined) throw new Error('the gateway stored no record');
  return stored;
}

function emptyPut({ ledger, identity }: World): Promise<unknown> {
  // The benchmark's own contract is not in the catalogue of the product's.
  return ledger.submit(identity, 'bench' as 'records', 'Put' as 'Anchor', {
    key: bytesToHex(randomBytes(16)),
  });
}

function anchor(
  { ledger, identity, patients, stored }: World,
  records: number,
  index: number,
): Promise<unknown> {
  const entries = Array.from({ length: records }, (_, entry) => ({
    pseudonym: patients[(index + entry) % patients.length]?.pseudonym ?? '',
    type: 'laboratory',
    contentCid: stored.contentCid,
    headerCid: stored.headerCid,
    digest: bytesToHex(randomBytes(32)),
    sizeBytes: 4096,
    headerVersion: 1,
    sharable: true,
  }));
  return ledger.submit(identity, 'records', 'Anchor', {
    batchId: bytesToHex(randomBytes(16)),
    records: entries,
  });
}

await main();
