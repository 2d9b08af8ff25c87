import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { GatewayError, StaffClient, enrol, makePatientKeys, preparePseudonym } from '@careledger/client';
import type { LinkCase } from '@careledger/protocol';
import { startTestConsortium, type TestConsortium } from '../support/consortium.js';
import { randomHex } from '../support/patient.js';
import type { Person } from '../support/people.js';
import { mustBe } from '../support/world.js';

const KEY_POLL_MS = 200;

describe('scenario: a link between pseudonyms is opened', function () {
  this.timeout(110_000);

  let consortium: TestConsortium;
  let officers: readonly Person[];
  /** Two of one patient at hospitals 1 and 2, and one of somebody else. */
  let pseudonyms: readonly string[];

  before(async () => {
    consortium = await startTestConsortium();
    officers = await Promise.all([1, 2, 3, 4].map((hospital) => consortium.person(hospital, 'officer')));
    const desk = (hospital: number): StaffClient => {
      const url = consortium.gateways[hospital - 1]!.restUrl;
      return new StaffClient({ url, token: () => officers[hospital - 1]!.token });
    };
    const enrolled = async (hospital: number, keys: ReturnType<typeof makePatientKeys>) => {
      const { connection } = desk(hospital);
      const wanted = {
        mspId: officers[hospital - 1]!.mspId,
        channel: consortium.channel,
        identity: 'own',
        recoverable: false,
        custody: 'patient',
      } as const;
      const made = await untilThereIsAKey(() => preparePseudonym(connection, keys, wanted));
      await enrol(connection, made.keys, made.pseudonym);
      return made;
    };
    const first = await enrolled(1, makePatientKeys());
    const second = await enrolled(2, first.keys);
    const other = await enrolled(2, makePatientKeys());
    pseudonyms = [first.pseudonym, second.pseudonym, other.pseudonym];
  });
  after(() => consortium.stop());

  const approve = (hospital: number, linkCaseId: string) =>
    officers[hospital - 1]!.post(`/v1/link-cases/${linkCaseId}/approvals`, {});
  const outcomeOf = (linkCaseId: string) => officers[0]!.post(`/v1/link-cases/${linkCaseId}/outcome`, {});

  it('by a majority, for a reason that stays on the ledger; and by fewer not', async () => {
    const linkCaseId = randomHex(16);
    const reason = 'two medication plans contradict each other';
    mustBe(201, await officers[0]!.post('/v1/link-cases', { linkCaseId, pseudonyms, reason }));
    expect((await approve(1, linkCaseId)).body.code).to.equal('NOT_INDEPENDENT');
    for (const hospital of [2, 3]) mustBe(200, await approve(hospital, linkCaseId));
    const early = await outcomeOf(linkCaseId);
    expect(early.status, JSON.stringify(early.body)).to.be.at.least(400);
    mustBe(200, await approve(4, linkCaseId));

    mustBe(200, await outcomeOf(linkCaseId));
    const auditor = await consortium.person(4, 'auditor');
    const seen = mustBe(200, await auditor.get(`/v1/link-cases/${linkCaseId}`)).body as unknown as LinkCase;
    expect(seen.reason).to.equal(reason);
    const groups = seen.outcome!.groups.map((group) => [...group].sort()).sort((a, b) => b.length - a.length);
    expect(groups).to.deep.equal([pseudonyms.slice(0, 2).sort(), pseudonyms.slice(2)]);
    expect(seen.outcome!.unreadable).to.deep.equal([]);
  });
});

async function untilThereIsAKey<Result>(work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof GatewayError) || error.code !== 'KEY_NOT_FOUND') throw error;
    }
    await pause(KEY_POLL_MS);
  }
}
