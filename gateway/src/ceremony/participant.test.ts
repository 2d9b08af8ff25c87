import { createHash } from 'node:crypto';
import { CareLedgerError } from '@careledger/protocol';
import { expect } from 'chai';
import {
  assertIdentityShare,
  checkedIdentitySharing,
  noblePairing,
  type SharedMasterKey,
} from '@careledger/crypto';
import { refusalOf } from '../aggregate/fakes.test-support.js';
import { CEREMONY, FakeConsortium, HOSPITALS, crashEverywhere, toyMachine } from './fakes.test-support.js';

const [ALPHA, BRAVO, CHARLIE] = HOSPITALS;

describe('a hospital’s part in a ceremony', function () {
  this.timeout(20_000);
  const opened: FakeConsortium[] = [];
  const consortium = async (...args: Parameters<typeof FakeConsortium.open>): Promise<FakeConsortium> => {
    const made = await FakeConsortium.open(...args);
    opened.push(made);
    return made;
  };
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });

  const faultsOf = ({ ledger }: FakeConsortium): unknown[] =>
    ledger.ceremony.faults.map(({ attempt, accused, reason, round }) => [attempt, accused, reason, round]);

  /** The share is taken over, and nothing else of the ceremony is left. */
  async function expectAdopted(here: FakeConsortium): Promise<void> {
    const { keyId } = here.ledger.ceremony.registration!;
    for (const mspId of HOSPITALS) {
      const { custody, shares, folder } = await here.start(mspId);
      await custody.adopt(CEREMONY);
      expect(await shares.has(keyId, 0), mspId).to.equal(true);
      expect(await custody.kept()).to.deep.equal([]);
      for (const kind of ['ceremony-keys', 'ceremony-part'])
        expect(await folder.list(kind)).to.deep.equal([]);
    }
  }

  it('ends with one key that everybody holds a share of and accepted', async () => {
    const here = await consortium();
    await here.settle();
    const { status, registration, faults } = here.ledger.ceremony;
    expect([status, faults]).to.deep.equal(['finished', []]);
    expect(registration).to.deep.include({ registeredBy: ALPHA, acceptedBy: [...HOSPITALS] });
    expect(here.ledger.posted.size, 'posts').to.equal(2 * HOSPITALS.length);
    await expectAdopted(here);
  });

  describe('of the identity master key', () => {
    const identity = async (): Promise<FakeConsortium> => {
      const here = await consortium();
      here.ledger.ceremony = { ...here.ledger.ceremony, scheme: 'identity' };
      delete here.ledger.ceremony.keyBits;
      return here;
    };
    const expectKey = async (here: FakeConsortium): Promise<void> => {
      const { keyId } = here.ledger.ceremony.registration!;
      const [first, ...others] = here.ledger.registered;
      expect(others).to.deep.equal([]);
      const document = first as unknown as SharedMasterKey;
      expect(document.masterKey.keyId).to.equal(keyId);
      const sharing = checkedIdentitySharing(noblePairing, document.masterKey, document.sharing);
      for (const mspId of HOSPITALS) {
        const { custody, identityShares, shares } = await here.start(mspId);
        await custody.adopt(CEREMONY);
        expect(await shares.has(keyId, 0), 'not among the Paillier shares').to.equal(false);
        assertIdentityShare(noblePairing, sharing, await identityShares.read(keyId, 0));
        expect(await identityShares.scalar({ keyId, epoch: 0 })).to.have.length(32);
        expect(await custody.kept()).to.deep.equal([]);
      }
    };

    it('ends with one key that everybody has a fitting share of', async () => {
      const here = await identity();
      await here.settle();
      expect(here.ledger.ceremony).to.deep.include({ status: 'finished', faults: [] });
      expect(here.ledger.posted.size, 'posts').to.equal(4 * HOSPITALS.length);
      await expectKey(here);
    });

    it('goes on where a hospital was killed, and says nothing twice in two ways', async () => {
      const here = await identity();
      const { visit, crashed } = crashEverywhere('after');
      await here.settle(HOSPITALS, { [BRAVO]: visit });
      expect(here.ledger.ceremony).to.deep.include({ status: 'finished', attempt: 1, faults: [] });
      expect([...crashed]).to.include.members(['after Post #0', 'after write of ceremony-part #0']);
      await expectKey(here);
    });
  });

  for (const when of ['before', 'after'] as const) {
    it(`goes on from a crash ${when} every durable step, and says nothing twice in two ways`, async () => {
      const here = await consortium();
      const { visit, crashed } = crashEverywhere(when);
      await here.settle(HOSPITALS, { [BRAVO]: visit });
      expect(here.ledger.ceremony).to.deep.include({ status: 'finished', attempt: 1, faults: [] });
      const steps = ['write of ceremony-keys #0', 'Join #0', 'Post #0', 'Post #1', 'AcceptKey #0'];
      const parts = ['first', 'second', 'end'].map((_, index) => `write of ceremony-part #${String(index)}`);
      // What happened before a crash is not done again, so the second post is the first that is let pass.
      const isCounted = when === 'before';
      const expected = [...steps, ...parts].filter((step) => isCounted || step.endsWith('#0'));
      expect([...crashed]).to.include.members(expected.map((step) => `${when} ${step}`));
      await expectAdopted(here);
    });
  }

  it('waits for a hospital that is down when it starts, and takes it in when it comes', async () => {
    const here = await consortium();
    await here.settle([ALPHA, CHARLIE]);
    here.nowMs += 3_600_000;
    await here.settle([ALPHA, CHARLIE]);
    expect(here.ledger.ceremony).to.deep.include({ status: 'joining', faults: [] });
    await here.settle();
    expect(here.ledger.ceremony.status).to.equal('finished');
  });

  it('names who posts nothing within the time of a round, and begins anew without loss', async () => {
    const silent = await consortium();
    for (const mspId of HOSPITALS) await silent.start(mspId);
    // Bravo joins, and is not heard of again.
    await silent.settle([BRAVO]);
    await silent.settle([ALPHA, CHARLIE]);
    expect(silent.ledger.ceremony.status).to.equal('running');
    silent.nowMs += 999;
    await silent.settle([ALPHA, CHARLIE]);
    expect(faultsOf(silent)).to.deep.equal([]);
    silent.nowMs += 1;
    await silent.settle([ALPHA, CHARLIE]);
    expect(faultsOf(silent)).to.deep.equal([[1, BRAVO, 'SILENT', 0]]);
    await silent.settle();
    expect(silent.ledger.ceremony).to.deep.include({ status: 'finished', attempt: 2 });
    await expectAdopted(silent);
  });

  it('names who has posted and whose gateway does not answer, from when it posted', async () => {
    const here = await consortium();
    here.unreachable.add(CHARLIE);
    await here.settle([ALPHA, CHARLIE]);
    await here.settle([BRAVO]);
    await here.settle([ALPHA]);
    here.nowMs += 900;
    await here.settle([CHARLIE]);
    await here.settle([ALPHA]);
    here.nowMs += 900;
    await here.settle([ALPHA]);
    expect(faultsOf(here), 'posted late, but posted').to.deep.equal([]);
    here.nowMs += 100;
    await here.settle([ALPHA]);
    expect(faultsOf(here)).to.deep.equal([[1, CHARLIE, 'SILENT', 0]]);
  });

  it('gives others more time when its own steps are slow', async () => {
    const machine = toyMachine();
    const here: FakeConsortium = await consortium({
      ...machine,
      begin: (parameters) => {
        here.nowMs += 2_000;
        return machine.begin(parameters);
      },
    });
    await here.settle([BRAVO]);
    await here.settle([CHARLIE]);
    await here.settle([ALPHA]);
    here.nowMs += 9_000;
    await here.settle([ALPHA]);
    expect(faultsOf(here)).to.deep.equal([]);
    here.nowMs += 1_001;
    await here.settle([ALPHA]);
    expect(faultsOf(here)).to.have.length(1);
  });

  it('names who hands out other bytes than it posted, and who posted bytes that are no message', async () => {
    const equivocating = await consortium();
    equivocating.tamper = (from, message) =>
      from === BRAVO && equivocating.ledger.ceremony.attempt === 1
        ? message.map((byte) => byte ^ 1)
        : message;
    await equivocating.settle();
    expect(faultsOf(equivocating)).to.deep.equal([[1, BRAVO, 'EQUIVOCATION', 0]]);
    expect(equivocating.ledger.ceremony).to.deep.include({ status: 'finished', attempt: 2 });

    const twoTongued = await consortium();
    for (const mspId of HOSPITALS) await twoTongued.settle([mspId]);
    // Each message is the one that was posted for its recipient; what they say to all is not what was posted for all.
    const post = twoTongued.ledger.postsOf(1, 0).get(CHARLIE)!;
    post.digests[CHARLIE] = 'ab'.repeat(32);
    await twoTongued.settle();
    expect(faultsOf(twoTongued)).to.deep.equal([[1, CHARLIE, 'EQUIVOCATION', 0]]);

    const garbage = await consortium();
    for (const mspId of HOSPITALS) await garbage.settle([mspId]);
    // What Bravo hands out is what it posted, and was never sealed.
    const { custody } = await garbage.start(BRAVO);
    const flipped = (message: Uint8Array): Uint8Array => message.map((byte) => byte ^ 1);
    await garbage.settle([BRAVO]);
    const { digests } = garbage.ledger.postsOf(1, 0).get(BRAVO)!;
    for (const recipient of [ALPHA, CHARLIE]) {
      const of = { ceremonyId: CEREMONY, attempt: 1, round: 0, recipient };
      const message = flipped((await custody.message(of))!);
      digests[recipient] = createHash('sha256').update(message).digest('hex');
    }
    garbage.tamper = (from, message, { attempt }) =>
      from === BRAVO && attempt === 1 ? flipped(message) : message;
    await garbage.settle();
    expect(faultsOf(garbage)).to.deep.equal([[1, BRAVO, 'GARBAGE', 0]]);
    expect(garbage.ledger.ceremony).to.deep.include({ status: 'finished', attempt: 2 });
  });

  it('takes no message of another round or attempt in the place of the one that is due', async () => {
    const here = await consortium(toyMachine(3));
    const earlier = new Map<string, Uint8Array>();
    here.tamper = (from, message, { attempt, round }) => {
      if (from !== CHARLIE || attempt > 1) return message;
      const first = earlier.get(from) ?? message;
      earlier.set(from, first);
      return round === 2 ? first : message;
    };
    await here.settle();
    expect(faultsOf(here)).to.deep.equal([[1, CHARLIE, 'EQUIVOCATION', 2]]);
  });

  it('accepts no other document than its own: both stand, and the attempt is over', async () => {
    const machine = toyMachine();
    const lying = await consortium({
      ...machine,
      step: async (state, incoming) => {
        const step = await machine.step(state, incoming);
        const { result } = step;
        const isFirst = result?.share?.holder === ALPHA && lying.ledger.ceremony.attempt === 1;
        if (result === undefined || !isFirst) return step;
        const sharing = { ...result.sharing, theta: 'AQ' };
        return { ...step, result: { ...result, sharing, sharingDigest: 'ff'.repeat(32) } };
      },
    });
    await lying.settle();
    expect(faultsOf(lying)[0]).to.deep.equal([1, ALPHA, 'KEY_CONFLICT', undefined]);
    expect(lying.ledger.ceremony).to.deep.include({ status: 'finished', attempt: 2 });
  });

  it('registers in place of the first holder when that one does not', async () => {
    const here = await consortium();
    // Alpha goes through all rounds, and stops before it registers.
    const visit = (where: string): void => {
      if (where === 'before RegisterKey') throw new CareLedgerError('LEDGER_UNAVAILABLE');
    };
    await here.start(ALPHA, visit);
    expect(await refusalOf(here.settle())).to.equal('LEDGER_UNAVAILABLE');
    await here.settle([BRAVO, CHARLIE]);
    expect(here.ledger.ceremony.registration).to.equal(undefined);
    here.nowMs += 100;
    await here.settle([BRAVO, CHARLIE]);
    expect(here.ledger.ceremony.registration).to.deep.include({ registeredBy: BRAVO });
    await here.start(ALPHA);
    await here.settle();
    expect(here.ledger.ceremony.status).to.equal('finished');
  });

  it('gives an attempt up that contradicts itself, when nobody can be named', async () => {
    const machine = toyMachine();
    const here = await consortium({
      ...machine,
      step: async (state, incoming) => {
        const step = await machine.step(state, incoming);
        const isOver = here.ledger.ceremony.attempt === 1;
        const fault = { reason: 'INCONSISTENT', round: 0, detail: 'it does not add up' } as const;
        return isOver ? { state, progress: step.progress, fault } : step;
      },
    });
    await here.settle();
    expect(here.ledger.ceremony).to.deep.include({ status: 'finished', attempt: 2, faults: [] });
  });

  it('gives the attempt up, and blames nobody, when its own custody was put back to an earlier state', async () => {
    const losses: Readonly<Record<string, (here: FakeConsortium) => Promise<void>>> = {
      'the keys that it joined with': async (here) => (await here.start(BRAVO)).custody.erase(CEREMONY),
      'what it posted': async (here) => {
        const { folder } = await here.start(BRAVO);
        await folder.write('ceremony-part', CEREMONY, before!);
      },
      'what it posted in the first round': async (here) => {
        const { folder } = await here.start(BRAVO);
        await folder.remove('ceremony-part', CEREMONY);
      },
    };
    let before: Uint8Array | undefined;
    for (const [what, lose] of Object.entries(losses)) {
      const here = await consortium();
      for (const mspId of [...HOSPITALS, BRAVO]) await here.settle([mspId]);
      before = await (await here.start(BRAVO)).folder.read('ceremony-part', CEREMONY);
      await here.settle([ALPHA, BRAVO]);
      expect(here.ledger.postsOf(1, 1).has(BRAVO), 'in the second round').to.equal(true);
      await lose(here);
      await here.start(BRAVO);
      await here.settle();
      expect(here.ledger.ceremony, what).to.deep.include({ status: 'finished', attempt: 2, faults: [] });
      expect(here.told.join(), what).to.contain('this hospital does not have');
    }
  });

  it('takes part in nothing that its own configuration and the members do not allow', async () => {
    const objections: Readonly<Record<string, (here: FakeConsortium) => void>> = {
      'of 1024 bits': ({ ledger }) => (ledger.ceremony = { ...ledger.ceremony, keyBits: 1024 }),
      'no active member': ({ ledger }) => (ledger.active = [ALPHA, BRAVO]),
      'gives no share to DeltaMSP': ({ ledger }) => (ledger.active = [...HOSPITALS, 'DeltaMSP']),
    };
    for (const [words, change] of Object.entries(objections)) {
      const here = await consortium();
      change(here);
      await here.settle([BRAVO]);
      expect(here.ledger.ceremony.joined, words).to.deep.equal([]);
      expect(here.told.join(), words).to.contain(words);
    }
    const stranger = await consortium();
    await stranger.settle(['EchoMSP']);
    expect([stranger.ledger.ceremony.joined, stranger.told]).to.deep.equal([[], []]);
  });
});

describe('what other gateways get of a ceremony', function () {
  this.timeout(20_000);
  let here: FakeConsortium;
  before(async () => {
    here = await FakeConsortium.open(toyMachine(3));
    // All have joined and posted the first round.
    for (const mspId of [ALPHA, BRAVO, CHARLIE, ALPHA, BRAVO]) await here.settle([mspId]);
  });
  after(() => here.close());
  const place = { ceremonyId: CEREMONY, attempt: 1, round: 0 };

  it('the message that is sealed to them, in the rounds that both have posted', async () => {
    const message = await here.fetch(BRAVO, ALPHA, place);
    expect(message.length).to.be.greaterThan(100);
    expect(await here.fetch(CHARLIE, ALPHA, place)).not.to.deep.equal(message);
  });

  it('and nothing else: not to strangers, not before they have posted, not of another attempt or round', async () => {
    expect(await refusalOf(here.fetch('EchoMSP', ALPHA, place))).to.equal('NOT_OWNER');
    for (const other of [
      { ...place, round: 7 },
      { ...place, attempt: 2 },
    ])
      expect(await refusalOf(here.fetch(BRAVO, ALPHA, other))).to.equal('TRANSITION_NOT_ALLOWED');
    const posts = here.ledger.posted;
    const own = posts.get(`1/0/${BRAVO}`)!;
    posts.delete(`1/0/${BRAVO}`);
    expect(await refusalOf(here.fetch(BRAVO, ALPHA, place)), 'not posted').to.equal('TRANSITION_NOT_ALLOWED');
    posts.set(`1/0/${BRAVO}`, own);
    await here.fetch(BRAVO, ALPHA, place);
    expect(await refusalOf(here.fetch(ALPHA, ALPHA, place)), 'to oneself').to.equal('TRANSITION_NOT_ALLOWED');
    const bad = { ...place, round: -1 };
    expect(await refusalOf(here.fetch(BRAVO, ALPHA, bad))).to.equal('SCHEMA_VIOLATION');
  });
});
