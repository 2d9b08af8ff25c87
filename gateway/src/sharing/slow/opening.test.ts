import { expect } from 'chai';
import type { CareLedgerError, PatientGrant } from '@careledger/protocol';
import { sealErasureParts } from '@careledger/crypto';
import type { PartialsAnswer } from '../opening-protocol.js';
import {
  FOURTH,
  KEY_SERVERS,
  OWNER,
  READER,
  SharingWorld,
  THIRD,
  dataKeyOf,
} from '../opening.test-support.js';

const CONTENTS = ['potassium', 'sodium'];
const EXPECTED = CONTENTS.map((content) => Buffer.from(dataKeyOf(content)).toString('hex'));

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'given',
    (error: unknown) => (error as CareLedgerError).code,
  );
}

describe('opening along edges', function () {
  this.timeout(20_000);

  let world: SharingWorld;
  before(async () => {
    world = await SharingWorld.make(CONTENTS);
  });
  beforeEach(() => {
    world.tamper = (_, answer) => answer;
    world.badProxies.length = 0;
    world.addAccess();
  });
  /** For the time of one test. */
  const changed = async (change: () => () => void, test: () => Promise<void>): Promise<void> => {
    const restore = change();
    try {
      await test();
    } finally {
      restore();
    }
  };
  const withGrant = (grant: Partial<PatientGrant>) => () => {
    const before = world.chain;
    const [link] = before.links;
    world.chain = { links: [{ ...link!, grant: { ...link!.grant, ...grant } }] };
    return () => {
      world.chain = before;
    };
  };

  it('gives the data keys, with two of three proxies and two of three custodians', async () => {
    expect(await world.open()).to.deep.equal(EXPECTED);
    expect(world.badProxies).to.deep.equal([]);
  });

  it('does not wait for a proxy that is slow, and names one that is away', async () => {
    world.tamper = (mspId, answer) => (mspId === THIRD ? new Promise(() => undefined) : answer);
    expect(await world.open()).to.deep.equal(EXPECTED);
    world.addAccess();
    world.tamper = (mspId, answer) => (mspId === FOURTH ? Promise.reject(new Error('away')) : answer);
    expect(await world.open()).to.deep.equal(EXPECTED);
  });

  it('leaves a proxy out whose partials were changed, and names it; with two such it opens nothing', async () => {
    const broken = (text: string): string => text.slice(0, -4) + (text.endsWith('AAAA') ? 'BBBB' : 'AAAA');
    const breaking = (...names: string[]) => {
      world.tamper = (mspId, answer) =>
        names.includes(mspId)
          ? { ...answer, partials: answer.partials.map((one) => ({ ...one, bytes: broken(one.bytes) })) }
          : new Promise((resolve) => setTimeout(resolve, 20, answer));
    };
    breaking(THIRD);
    expect(await world.open()).to.deep.equal(EXPECTED);
    expect(world.badProxies).to.deep.equal([THIRD]);
    world.addAccess();
    breaking(THIRD, FOURTH);
    for (const code of await world.open()) expect(code).to.match(/^CRYPTO_/);
  });

  it('opens with any two of the three that hold the erasure key, the owner away too, and with none alone', async () => {
    const away = (...names: string[]): void => {
      world.addAccess();
      world.tamper = (mspId, answer) =>
        names.includes(mspId) ? Promise.reject(new Error('away')) : Promise.resolve(answer);
    };
    for (const one of [OWNER, THIRD, FOURTH]) {
      away(one);
      expect(await world.open(), one).to.deep.equal(EXPECTED);
    }
    // The proxies answer: it is the key that is missing.
    for (const one of [OWNER, THIRD, FOURTH]) {
      world.addAccess();
      world.tamper = (mspId, answer) => (mspId === one ? answer : { ...answer, erasureParts: [] });
      expect(await world.open(), `${one} alone`).to.deep.equal(Array(2).fill('PEER_GATEWAY_UNAVAILABLE'));
    }
  });

  it('leaves a custodian out whose parts are of another opening, or wrong, and names it', async () => {
    const earlier = JSON.parse(await world.ask(THIRD, world.body)) as { erasureParts: never[] };
    world.addAccess();
    world.tamper = (mspId, answer) =>
      mspId === THIRD ? { ...answer, erasureParts: earlier.erasureParts } : answer;
    expect(await world.open()).to.deep.equal(EXPECTED);
    world.addAccess();
    const { accessId } = world.access;
    const { publicKey } = world.oneTime;
    const wrong = new Map([1, 3].map((place) => [place, new Uint8Array(32).fill(place)]));
    const sealed = await Promise.all(
      world.body.recordIds.map(async (recordId) => ({
        recordId,
        sealed: Buffer.from(
          await sealErasureParts({ parts: wrong, recipientPublicKey: publicKey, accessId, recordId }),
        ).toString('base64url'),
      })),
    );
    // The liar first, then the owner, then the one who shows it.
    world.tamper = (mspId, answer) =>
      mspId === THIRD
        ? { ...answer, erasureParts: sealed }
        : new Promise((resolve) => setTimeout(resolve, mspId === OWNER ? 20 : 40, answer));
    expect(await world.open()).to.deep.equal(EXPECTED);
    expect(world.badProxies).to.deep.equal([THIRD, THIRD]);
  });

  it('opens nothing from a header that was swapped in the store, whatever the ledger is told', async () => {
    const [one, other] = [...world.records.values()];
    const own = world.objects.get(one!.sharing!.headerCid)!;
    await changed(
      () => {
        world.objects.set(one!.sharing!.headerCid, world.objects.get(other!.sharing!.headerCid)!);
        return () => world.objects.set(one!.sharing!.headerCid, own);
      },
      async () => {
        expect(await codeOf(world.ask(THIRD, world.body))).to.equal('CRYPTO_AUTHENTICATION_FAILED');
        for (const code of await world.open()) expect(code).to.not.match(/^[0-9a-f]{64}$/);
      },
    );
    await changed(
      () => {
        const handle = other!.sharing!.handle;
        world.records.set(one!.recordId, { ...one!, sharing: { ...one!.sharing!, handle } });
        return () => world.records.set(one!.recordId, one!);
      },
      async () => {
        expect(await codeOf(world.ask(THIRD, world.body))).to.equal('CRYPTO_AUTHENTICATION_FAILED');
      },
    );
  });

  it('answers the same request with the same bytes, and another under the same entry not at all', async () => {
    const first = await world.ask(THIRD, world.body);
    expect(await world.ask(THIRD, world.body)).to.equal(first);
    const [recordId] = world.body.recordIds;
    const narrower = { ...world.body, recordIds: [recordId] };
    expect(await codeOf(world.ask(THIRD, narrower))).to.equal('RELEASE_REPLAYED');
  });

  it('gives nothing to another hospital, for another entry, too late, or outside what was granted', async () => {
    expect(await codeOf(world.ask(THIRD, world.body, FOURTH))).to.equal('RELEASE_NOT_AUTHORISED');
    const unknown = { ...world.body, accessId: 'f'.repeat(64) };
    expect(await codeOf(world.ask(THIRD, unknown))).to.equal('RELEASE_NOT_AUTHORISED');
    const stranger = { ...world.body, recordIds: [`${'d'.repeat(32)}.0`] };
    expect(await codeOf(world.ask(THIRD, stranger))).to.equal('RELEASE_NOT_AUTHORISED');
    expect(await codeOf(world.ask(THIRD, { ...world.body, more: 1 }))).to.equal('SCHEMA_VIOLATION');
    expect(await codeOf(world.ask(READER, world.body)), 'a hospital without a share').to.equal(
      'RELEASE_NOT_AUTHORISED',
    );
    world.addAccess({ at: new Date(world.nowMs - 700_000).toISOString() });
    expect(await codeOf(world.ask(THIRD, world.body))).to.equal('RELEASE_NOT_AUTHORISED');
    for (const change of [
      { via: 'release' },
      { grantId: 'f'.repeat(32), via: undefined },
      { outcome: 'deny' },
    ]) {
      const { decisions } = world.addAccess();
      world.addAccess({ decisions: decisions.map((entry) => ({ ...entry, ...change }) as never) });
      expect(await codeOf(world.ask(THIRD, world.body)), JSON.stringify(change)).to.equal(
        'RELEASE_NOT_AUTHORISED',
      );
    }
  });

  it('gives nothing that its own decision denies, whatever the entry says', async () => {
    const entries = [
      { purpose: 'research' },
      { requester: { mspId: READER, enrolmentId: 'x', role: 'researcher' } },
    ] as const;
    for (const entry of entries) {
      world.addAccess(entry);
      expect(await codeOf(world.ask(THIRD, world.body))).to.equal('RELEASE_NOT_AUTHORISED');
    }
    world.addAccess();
    const past = new Date(world.nowMs - 1_000).toISOString();
    for (const grant of [{ status: 'revoked' }, { notAfter: past }, { edges: [] }] as const) {
      await changed(withGrant(grant as never), async () => {
        expect(await codeOf(world.ask(THIRD, world.body)), JSON.stringify(grant)).to.equal(
          'RELEASE_NOT_AUTHORISED',
        );
      });
    }
  });

  it('gives nothing more once the grant ended, the epoch was raised, the tag was closed or the record erased, not even again', async () => {
    await world.ask(THIRD, world.body);
    const tags = (tag: object) => () => {
      const before = world.state;
      world.state = { ...before, tags: { 'laboratory/normal': { epoch: 0, sharable: true, ...tag } } };
      return () => {
        world.state = before;
      };
    };
    const [one] = [...world.records.values()];
    const erased = () => {
      world.records.set(one!.recordId, { ...one!, status: 'erased' });
      return () => world.records.set(one!.recordId, one!);
    };
    const gone = () => {
      const before = world.chain;
      world.chain = { links: [] };
      return () => {
        world.chain = before;
      };
    };
    for (const change of [
      tags({ epoch: 1 }),
      tags({ sharable: false }),
      erased,
      gone,
      withGrant({ status: 'expired' }),
    ]) {
      await changed(change, async () => {
        for (const mspId of [OWNER, THIRD])
          expect(await codeOf(world.ask(mspId, world.body))).to.equal('RELEASE_NOT_AUTHORISED');
      });
    }
    expect(await codeOf(world.ask(THIRD, world.body))).to.equal('given');
  });

  it('gives what one grant opens, though another of the opening has ended, and does not repeat what ended', async () => {
    const OTHER = 'd'.repeat(32);
    const { decisions } = world.access;
    const [first, second] = decisions;
    const addAccess = () => world.addAccess({ decisions: [first!, { ...second!, grantId: OTHER }] });
    const recordsOf = (response: string) => {
      const { partials, erasureParts } = JSON.parse(response) as PartialsAnswer;
      const named = partials.flatMap(({ recordIds }) => recordIds);
      return [...new Set([...named, ...erasureParts.map(({ recordId }) => recordId)])].sort();
    };
    const before = addAccess();
    expect(await world.open()).to.deep.equal(EXPECTED);
    const whole = await world.ask(THIRD, world.body);
    expect(recordsOf(whole)).to.deep.equal([first!.recordId, second!.recordId]);
    world.ended.add(OTHER);
    try {
      expect(recordsOf(await world.ask(THIRD, world.body)), 'repeated').to.deep.equal([first!.recordId]);
      addAccess();
      expect(recordsOf(await world.ask(THIRD, world.body))).to.deep.equal([first!.recordId]);
      world.access = before;
      expect(await world.open(), 'again').to.deep.equal([EXPECTED[0], 'RELEASE_NOT_AUTHORISED']);
      addAccess();
      expect(await world.open()).to.deep.equal([EXPECTED[0], 'RELEASE_NOT_AUTHORISED']);
      expect(await codeOf(world.ask(THIRD, world.body)), 'more than before').to.equal('RELEASE_REPLAYED');
      addAccess();
      world.ended.add(first!.grantId!);
      expect(await codeOf(world.ask(THIRD, world.body))).to.equal('RELEASE_NOT_AUTHORISED');
    } finally {
      world.ended.clear();
    }
  });

  it('gives what the store has, and the rest when it comes', async () => {
    const [first, second] = world.access.decisions;
    world.addAccess({ decisions: [first!, { ...second!, grantId: 'd'.repeat(32) }] });
    const cid = world.records.get(second!.recordId)!.sharing!.headerCid;
    const object = world.objects.get(cid)!;
    world.objects.delete(cid);
    const partialsOf = async () =>
      (JSON.parse(await world.ask(THIRD, world.body)) as PartialsAnswer).partials.length;
    try {
      expect(await partialsOf()).to.equal(1);
    } finally {
      world.objects.set(cid, object);
    }
    expect(await partialsOf()).to.equal(2);
  });

  it('opens nothing any more once two custodians have punctured the leaf, with everything else in hand', async () => {
    const [one] = [...world.records.values()];
    const { ownerMspId, pseudonym, erasureLeaf: leaf } = one!;
    const keyServers = KEY_SERVERS;
    const punctureAt = (mspId: string): Promise<void> =>
      world.hospitals
        .get(mspId)!
        .erasure.puncture({ ownerMspId, pseudonym, recordType: 'laboratory', keyServers, leaf: leaf! });
    await punctureAt(OWNER);
    expect(await codeOf(world.ask(OWNER, world.body))).to.equal('RELEASE_NOT_AUTHORISED');
    await punctureAt(FOURTH);
    world.addAccess();
    expect(await world.open()).to.not.include(EXPECTED[0]);
    // Each record has its own fate.
    world.tamper = (mspId, answer) => (mspId === OWNER ? Promise.reject(new Error('away')) : answer);
    world.addAccess();
    expect(await world.open()).to.deep.equal(['PEER_GATEWAY_UNAVAILABLE', EXPECTED[1]]);
  });
});
