import { expect } from 'chai';
import {
  KEYS,
  MAX_CEREMONY_ATTEMPTS,
  MAX_CEREMONY_ATTEMPTS_IN_ALL,
  type Ceremony,
  type CeremonyPost,
  type Page,
} from '@careledger/protocol';
import { TestAggregate } from './testing/aggregation.js';
import { TestCeremony, oneTimeKeys } from './testing/ceremony.js';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  DELTA,
  HOSPITALS,
  admitFifth,
  fourHospitals,
  id,
  staff,
  vote,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';

const gateway = (mspId: string) => staff(mspId, 'gateway');
const admin = staff(ALPHA, 'admin');

describe('a ceremony', () => {
  let ledger: MemoryLedger;
  beforeEach(async () => {
    ledger = await fourHospitals();
  });

  const running = async (changes: object = {}) => {
    const ceremony = await new TestCeremony(ledger, changes).start();
    await ceremony.joinAll();
    return ceremony;
  };
  const blame = async (ceremony: TestCeremony, accuser: string, accused: string, changes: object = {}) => {
    const argument = await ceremony.blame(accused, changes);
    return (await ledger.submit(gateway(accuser), 'ceremonies:Blame', argument)).response as Ceremony;
  };

  describe('begins', () => {
    it('among all active members, with a majority as threshold', async () => {
      const ceremony = new TestCeremony(ledger);
      const { response, events, txId, at } = await ledger.submit(admin, 'ceremonies:Start', ceremony.plan);
      expect(response).to.deep.equal({
        ...ceremony.plan,
        threshold: 3,
        status: 'joining',
        attempt: 1,
        participants: [...HOSPITALS],
        joined: [],
        faults: [],
        interruptions: [],
        epoch: 0,
        startedBy: admin,
        startedAt: at,
        txId,
      });
      expect(events).to.deep.equal([
        {
          event: 'ceremony.changed',
          id: ceremony.ceremonyId,
          mspId: ALPHA,
          status: 'joining',
          attempt: 1,
        },
      ]);
    });

    it('to run when the last participant has joined', async () => {
      const ceremony = await new TestCeremony(ledger).start();
      const keys = oneTimeKeys();
      const argument = { ceremonyId: ceremony.ceremonyId, attempt: 1, ...keys };
      const { response, txId } = await ledger.submit(gateway(DELTA), 'ceremonies:Join', argument);
      expect(response).to.deep.include({ status: 'joining', joined: [{ mspId: DELTA, ...keys, txId }] });
      const begun = await ceremony.joinAll([CHARLIE, ALPHA, BRAVO]);
      expect(begun.status).to.equal('running');
      expect(begun.joined.map(({ mspId }) => mspId)).to.deep.equal([DELTA, CHARLIE, ALPHA, BRAVO]);
    });

    it('is listed by time', async () => {
      const first = await new TestCeremony(ledger).start();
      await ledger.submit(admin, 'ceremonies:Abandon', { ceremonyId: first.ceremonyId });
      const second = await new TestCeremony(ledger).start();
      const page = (await ledger.evaluate(admin, 'ceremonies:List', {})) as Page<Ceremony>;
      expect(page.items.map(({ ceremonyId }) => ceremonyId)).to.deep.equal([
        first.ceremonyId,
        second.ceremonyId,
      ]);
    });
  });

  describe('posts', () => {
    it('have one key for each writer and round, which no other participant reads, under its endorsement', async () => {
      const ceremony = await running();
      const argument = await ceremony.post(7);
      const [one, other] = [
        await ledger.submit(gateway(ALPHA), 'ceremonies:Post', argument),
        await ledger.submit(gateway(BRAVO), 'ceremonies:Post', argument),
      ];
      expect([...one.writes.keys()].filter((key) => other.reads.has(key))).to.deep.equal([]);
      expect([...one.policies.keys()]).to.deep.equal([...one.writes.keys()]);
      expect(one.events).to.deep.equal([
        { event: 'ceremony.posted', id: ceremony.ceremonyId, mspId: ALPHA, attempt: 1, round: 7 },
      ]);
      const read = async (round: number) => {
        const asked = { ceremonyId: ceremony.ceremonyId, attempt: 1, round };
        return ((await ledger.evaluate(admin, 'ceremonies:Posts', asked)) as { items: CeremonyPost[] }).items;
      };
      expect(await read(7)).to.deep.equal([
        { ...argument, mspId: ALPHA, at: one.at, txId: one.txId },
        { ...argument, mspId: BRAVO, at: other.at, txId: other.txId },
      ]);
      expect(await read(6)).to.deep.equal([]);
    });

    it('stay when their attempt has ended', async () => {
      const ceremony = await running();
      const argument = await ceremony.post();
      await ledger.submit(gateway(ALPHA), 'ceremonies:Post', argument);
      await blame(ceremony, ALPHA, DELTA);
      const { ceremonyId } = ceremony;
      const { items } = (await ledger.evaluate(admin, 'ceremonies:Posts', {
        ceremonyId,
        attempt: 1,
        round: 0,
      })) as { items: CeremonyPost[] };
      expect(items.map(({ mspId }) => mspId)).to.deep.equal([ALPHA]);
    });
  });

  describe('a blame', () => {
    it('names the accused and begins the next attempt, for which everyone joins with new keys', async () => {
      const ceremony = await running();
      const argument = await ceremony.blame(DELTA, { round: 3 });
      const { response, at, txId, events } = await ledger.submit(
        gateway(BRAVO),
        'ceremonies:Blame',
        argument,
      );
      expect(response).to.deep.include({
        status: 'joining',
        attempt: 2,
        joined: [],
        faults: [{ attempt: 1, round: 3, accused: DELTA, accuser: BRAVO, reason: 'SILENT', at, txId }],
      });
      expect(events[0]).to.deep.include({ status: 'joining', attempt: 2 });
      expect((await ceremony.joinAll()).status).to.equal('running');
    });

    it('counts once; what others say of the same attempt is evidence and ends no second one', async () => {
      const ceremony = await running();
      await blame(ceremony, BRAVO, DELTA);
      await blame(ceremony, CHARLIE, DELTA, { attempt: 1 });
      await ceremony.joinAll();
      const after = await blame(ceremony, DELTA, BRAVO, { attempt: 1 });
      expect(after).to.include({ status: 'running', attempt: 2 });
      expect(after.faults.map(({ accuser, accused }) => [accuser, accused])).to.deep.equal([
        [BRAVO, DELTA],
        [CHARLIE, DELTA],
        [DELTA, BRAVO],
      ]);
    });

    it('again and again ends the ceremony, until a participant resumes it, and that is bounded too', async () => {
      const ceremony = await new TestCeremony(ledger).start();
      let attempt = 0;
      while (attempt < MAX_CEREMONY_ATTEMPTS) {
        attempt += 1;
        await ceremony.joinAll();
        const { status } = await blame(ceremony, DELTA, ALPHA);
        expect(status, String(attempt)).to.equal(attempt < MAX_CEREMONY_ATTEMPTS ? 'joining' : 'failed');
      }
      const { ceremonyId } = ceremony;
      const late = await blame(ceremony, ALPHA, DELTA);
      expect(late).to.include({ status: 'failed', attempt });
      const resume = async () => {
        const argument = { ceremonyId, attempt: (await ceremony.get()).attempt };
        return (await ledger.submit(admin, 'ceremonies:Resume', argument)).response as Ceremony;
      };
      const resumed = await resume();
      expect(resumed).to.include({ status: 'joining', attempt: attempt + 1 });
      expect(resumed.endedAt).to.equal(undefined);
      for (attempt += 1; attempt < MAX_CEREMONY_ATTEMPTS_IN_ALL;) attempt = (await resume()).attempt;
      const last = await ceremony.get();
      expect(last.status).to.equal('joining');
      const argument = { ceremonyId, attempt };
      expect((await ledger.refusal(admin, 'ceremonies:Resume', argument)).code).to.equal(
        'TRANSITION_NOT_ALLOWED',
      );
      await ceremony.joinAll();
      expect((await blame(ceremony, DELTA, ALPHA)).status).to.equal('failed');
    });

    it('of an attempt whose participant was suspended ends the ceremony, and another may start without it', async () => {
      const ceremony = await running();
      await vote(ledger, DELTA, 'suspend');
      expect((await blame(ceremony, ALPHA, DELTA)).status).to.equal('failed');
      const { ceremonyId } = ceremony;
      const argument = { ceremonyId, attempt: 1 };
      expect((await ledger.refusal(admin, 'ceremonies:Resume', argument)).code).to.equal('MEMBER_NOT_ACTIVE');
      await new TestCeremony(ledger, { holders: [ALPHA, BRAVO, CHARLIE] }).start();
    });
  });

  describe('interrupted', () => {
    it('is resumed by a participant while it stands still, which stands on the ledger', async () => {
      const ceremony = await running();
      const { ceremonyId } = ceremony;
      const { response, at, txId } = await ledger.submit(gateway(CHARLIE), 'ceremonies:Resume', {
        ceremonyId,
        attempt: 1,
      });
      expect(response).to.deep.include({
        status: 'joining',
        attempt: 2,
        joined: [],
        faults: [],
        interruptions: [{ attempt: 1, kind: 'resumed', mspId: CHARLIE, at, txId }],
      });
      await ceremony.joinAll();
      const argument = { ceremonyId, attempt: 2, reason: 'inconsistent' };
      const again = (await ledger.submit(gateway(DELTA), 'ceremonies:Resume', argument)).response as Ceremony;
      expect(again.interruptions.map(({ kind, mspId }) => [kind, mspId])).to.deep.equal([
        ['resumed', CHARLIE],
        ['inconsistent', DELTA],
      ]);
    });

    it('by abandoning it makes room for another, and is resumed only when there is room', async () => {
      const ceremony = await running();
      const { ceremonyId } = ceremony;
      const { response, at, txId } = await ledger.submit(gateway(CHARLIE), 'ceremonies:Abandon', {
        ceremonyId,
      });
      expect(response).to.deep.include({
        status: 'failed',
        endedAt: at,
        interruptions: [{ attempt: 1, kind: 'abandoned', mspId: CHARLIE, at, txId }],
      });
      const other = await new TestCeremony(ledger).start();
      const argument = { ceremonyId, attempt: 1 };
      const refused = await ledger.refusal(admin, 'ceremonies:Resume', argument);
      expect(refused.code).to.equal('CEREMONY_UNFINISHED');
      await ledger.submit(admin, 'ceremonies:Abandon', { ceremonyId: other.ceremonyId });
      const resumed = await ledger.submit(admin, 'ceremonies:Resume', argument);
      expect(resumed.response).to.include({ status: 'joining', attempt: 2 });
      expect(
        (await ledger.refusal(admin, 'ceremonies:Start', { ...ceremony.plan, ceremonyId: id() })).code,
      ).to.equal('CEREMONY_UNFINISHED');
    });

    it('before the key, is not resumed once another one has made it', async () => {
      const ceremony = await running();
      const { ceremonyId } = ceremony;
      await ledger.submit(admin, 'ceremonies:Abandon', { ceremonyId });
      await new TestAggregate(ledger).setUp();
      const refused = await ledger.refusal(admin, 'ceremonies:Resume', { ceremonyId, attempt: 1 });
      expect(refused.code).to.equal('KEY_EXISTS');
    });
  });

  describe('of redistribution', () => {
    it('takes a majority of the holders as dealers, and all active members as holders', async () => {
      const aggregate = await new TestAggregate(ledger).setUp();
      await admitFifth(ledger, 'EchoMSP');
      const holders = [...HOSPITALS.slice(1), 'EchoMSP', ALPHA];
      const ceremony = await running({ purpose: 'redistribute', holders, dealers: [DELTA, ALPHA, BRAVO] });
      expect(await ceremony.get()).to.deep.include({
        status: 'running',
        threshold: 3,
        participants: holders,
        keyId: aggregate.keyId,
        epoch: 1,
      });
    });
  });

  it('leaves one mark of being unfinished, and takes it away', async () => {
    const unfinished = () => [...ledger.state.keys()].filter((key) => key.includes(KEYS.unfinishedCeremony));
    const ceremony = await running();
    expect(unfinished()).to.have.length(1);
    await ledger.submit(gateway(ALPHA), 'ceremonies:Post', { ...(await ceremony.post()), round: 1 });
    await ledger.submit(admin, 'ceremonies:Abandon', { ceremonyId: ceremony.ceremonyId });
    expect(unfinished()).to.deep.equal([]);
    expect((await ceremony.get()).status).to.equal('failed');
  });
});
