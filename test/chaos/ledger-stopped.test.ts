import { expect } from 'chai';
import type { Access, Page } from '@careledger/protocol';
import { runningNetwork } from '../e2e/support/network.js';
import { randomHex } from '../scenario/support/patient.js';
import type { Person } from '../scenario/support/people.js';
import { makeWorld, mustBe, recordIdsOf, type World } from '../scenario/support/world.js';
import { repeat } from './support/writer.js';

const RECOVERY_MS = 90_000;

describe('chaos: a ledger that cannot be written', function () {
  this.timeout(240_000);

  const network = runningNetwork();
  let world: World;
  let auditor: Person;
  let recordIds: string[];
  let stopped: number[] = [];

  before(async () => {
    world = await makeWorld(network);
    auditor = await network.person(4, 'auditor');
    recordIds = recordIdsOf(await world.put(['haemoglobin 9 mmol/L']));
  });
  afterEach(() => {
    for (const pid of stopped.splice(0)) process.kill(pid, 'SIGCONT');
  });

  /** Two of four: less than ordering, or endorsing, needs. */
  const halt = (name: 'orderer' | 'peer'): void => {
    stopped = [3, 4].map((hospital) => network.pidOf(hospital, name));
    for (const pid of stopped) process.kill(pid, 'SIGSTOP');
  };
  const resume = (): void => {
    for (const pid of stopped.splice(0)) process.kill(pid, 'SIGCONT');
  };
  const entries = async (): Promise<Access[]> => {
    const path = `/v1/access?by=patient&value=${world.patient.pseudonym}`;
    return (mustBe(200, await auditor.get(path)).body as unknown as Page<Access>).items;
  };

  for (const part of ['peer', 'orderer'] as const) {
    it(`two ${part}s stopped: nothing is released, the code says so, and the same request works afterwards`, async () => {
      const before = (await entries()).length;
      const headers = { 'idempotency-key': randomHex(16) };
      halt(part);
      const refused = await world.open(recordIds, headers);
      resume();
      expect(refused.status, JSON.stringify(refused.body).slice(0, 300)).to.be.oneOf([503, 504]);
      expect(refused.body.code).to.be.oneOf(['LEDGER_UNAVAILABLE', 'COMMIT_UNKNOWN']);
      expect(refused.body).to.not.have.property('records');
      const opened = mustBe(
        201,
        await repeat(performance.now() + RECOVERY_MS, () => world.open(recordIds, headers)),
      );
      const [record] = opened.body['records'] as { content: string }[];
      expect(Buffer.from(record!.content, 'base64').toString('utf8')).to.equal('haemoglobin 9 mmol/L');
      const after = (await entries()).map(({ accessId }) => accessId);
      expect(after).to.include(opened.body['accessId']);
      expect(after.length, 'entries of one request').to.equal(before + 1);
    });
  }
});
