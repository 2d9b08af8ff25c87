import { expect } from 'chai';
import type { ProcessName } from '@careledger/network';
import { runningNetwork } from '../e2e/support/network.js';
import { until } from '../e2e/support/until.js';
import type { Person } from '../scenario/support/people.js';
import { makeWorld, mustBe, type World } from '../scenario/support/world.js';
import { leadingHospital } from './support/leader.js';
import { listed, repeat, writeAll, type Acknowledged } from './support/writer.js';

const WRITES = 10;
/** From a kill to the last acknowledgement, whatever the supervisor and the orderers have to do in between. */
const RECOVERY_MS = 90_000;
const HOSPITALS = [1, 2, 3, 4];

/** Hospital 1 writes, hospital 2 reads. */
describe('chaos: SIGKILL during writes', function () {
  this.timeout(150_000);

  const network = runningNetwork();
  let readers: Person[];
  let world: World;

  before(async () => {
    readers = await Promise.all(HOSPITALS.map((hospital) => network.person(hospital, 'auditor')));
  });
  beforeEach(async () => {
    world = await makeWorld(network);
  });

  const victims: readonly (readonly [what: string, process: ProcessName, of: () => Promise<number>])[] = [
    ['the writing hospital’s peer', 'peer', () => Promise.resolve(1)],
    ['its chaincode', 'chaincode', () => Promise.resolve(1)],
    ['its Kubo node', 'ipfs', () => Promise.resolve(1)],
    ['its gateway', 'gateway', () => Promise.resolve(1)],
    ['another hospital’s peer', 'peer', () => Promise.resolve(3)],
    ['an orderer that follows', 'orderer', async () => ((await leadingHospital(network)) % 4) + 1],
    ['the orderer that leads', 'orderer', () => leadingHospital(network)],
  ];

  for (const [what, process, of] of victims) {
    it(`${what}: every acknowledged write is there, none twice, and it is back`, async () => {
      const hospital = await of();
      const killed = network.pidOf(hospital, process);
      const acknowledged = await writeAll(world, {
        count: WRITES,
        timeoutMs: RECOVERY_MS,
        onAcknowledged: (total) => {
          if (total === 3) kill(killed);
        },
      });
      await until(`${process} of hospital ${String(hospital)}`, RECOVERY_MS, async () => {
        const isReady = (await readers[hospital - 1]!.get('/readyz')).status === 200;
        return isReady && network.pidOf(hospital, process) !== killed ? true : undefined;
      });
      await expectOnce(acknowledged);
      await expectKeysTaken(acknowledged);
    });
  }

  async function expectOnce(acknowledged: readonly Acknowledged[]): Promise<void> {
    const recordIds = acknowledged.map(({ recordId }) => recordId).sort();
    for (const reader of readers) {
      const found = await listed(reader, world.patient.pseudonym, WRITES);
      expect(found.sort(), `records at ${reader.mspId}`).to.deep.equal(recordIds);
    }
    const opened = mustBe(201, await repeat(performance.now() + RECOVERY_MS, () => world.open(recordIds)));
    expect(opened.body['failed'], 'records that could not be opened').to.deep.equal([]);
    const records = opened.body['records'] as { content: string }[];
    const contents = records.map(({ content }) => Buffer.from(content, 'base64').toString('utf8'));
    expect(contents.sort()).to.deep.equal(acknowledged.map(({ content }) => content).sort());
  }

  /** A key that stands for an acknowledged write gives its outcome again, and takes no other content. */
  async function expectKeysTaken([first]: readonly Acknowledged[]): Promise<void> {
    const headers = { 'idempotency-key': first!.idempotencyKey };
    const again = mustBe(201, await world.put([first!.content], headers));
    expect((again.body['records'] as { recordId: string }[])[0]!.recordId).to.equal(first!.recordId);
    expect((await world.put(['another content'], headers)).body.code).to.equal('IDEMPOTENCY_KEY_REUSED');
  }
});

function kill(pid: number): void {
  process.kill(pid, 'SIGKILL');
}
