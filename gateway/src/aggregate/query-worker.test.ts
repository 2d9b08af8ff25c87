import { CareLedgerError, EVENTS, type Query } from '@careledger/protocol';
import { expect } from 'chai';
import { FakeLedger, FakeTable, MEMBERS } from './fakes.test-support.js';
import { KeyedWork } from './keyed-work.js';
import { QueryWorker, type UnfinishedQuery } from './query-worker.js';

const ID = 'ab'.repeat(16);
const LIMIT_MS = 2_000;

async function until(isThere: () => boolean): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  while (!isThere()) {
    if (Date.now() > deadline) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
/** Long enough for what must not happen to happen. */
const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));

/** One hospital's worker, on a ledger of which the test says how far its one query is. */
class World {
  readonly ledger = new FakeLedger();
  readonly unfinished = new FakeTable<UnfinishedQuery>();
  readonly did: string[] = [];
  readonly problems: string[] = [];
  readonly positions: bigint[] = [];
  status: Query['status'] = 'opened';
  answered: readonly string[] = [];
  shared: readonly string[] = [];
  /** The epoch of all shares that are posted. */
  sharedIn = 0;
  suspended: readonly string[] = [];
  contribute: () => void = () => undefined;
  contributors: readonly string[] | undefined;
  sharing = { epoch: 0, threshold: 3, holders: MEMBERS as readonly string[] };
  #stop = new AbortController();
  #running = Promise.resolve();

  constructor(
    readonly mspId: string = 'AlphaMSP',
    private readonly members: readonly string[] = MEMBERS,
  ) {
    const { answers } = this.ledger;
    const by = (mspIds: readonly string[]) => mspIds.map((one) => ({ mspId: one }));
    answers['Get'] = ({ queryId }) => {
      const query = {
        queryId,
        status: this.status,
        members: this.members,
        researcher: { mspId: 'AlphaMSP' },
        contributors: this.contributors ?? this.members,
      };
      const partials = by(this.shared).map((one) => ({ epoch: this.sharedIn, ...one }));
      return { query, contributions: by(this.answered), partials };
    };
    answers['List'] = () => ({
      items: this.members.map((one) => ({
        mspId: one,
        status: this.suspended.includes(one) ? 'suspended' : 'active',
      })),
    });
    this.ledger.onSubmit = (method) => this.did.push(method);
  }

  start(): void {
    this.#stop = new AbortController();
    const aggregate = this.ledger.as(this.mspId);
    Object.defineProperty(aggregate, 'activeKey', {
      value: () => Promise.resolve({ key: { sharing: this.sharing } }),
    });
    const worker = new QueryWorker({
      aggregate,
      contributor: {
        answer: () => {
          this.contribute();
          this.did.push('answer');
          this.answered = [...this.answered, this.mspId];
          return Promise.resolve();
        },
      },
      shareHolder: {
        answer: () => {
          this.did.push('share');
          this.shared = this.sharedIn === this.sharing.epoch ? [...this.shared, this.mspId] : [this.mspId];
          this.sharedIn = this.sharing.epoch;
          return Promise.resolve();
        },
      },
      position: {
        load: () => Promise.resolve({ blockNumber: 0n }),
        save: ({ blockNumber }) => Promise.resolve(void this.positions.push(blockNumber)),
      },
      unfinished: this.unfinished,
      onProblem: ({ error }) => this.problems.push((error as Error).message),
      retry: { firstMs: 2, lastMs: 20 },
    });
    this.#running = worker.run(this.#stop.signal);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  event(name: string = EVENTS.queryOpened): void {
    this.ledger.emit(name, ID);
  }

  times(what: string): number {
    return this.did.filter((one) => one === what).length;
  }
}

describe('the worker on queries', () => {
  const worlds: World[] = [];
  const worldOf = (...args: ConstructorParameters<typeof World>): World => {
    const world = new World(...args);
    worlds.push(world);
    return world;
  };
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.stop();
  });

  it('answers once, however often it hears of a query', async () => {
    const world = worldOf('BravoMSP');
    world.start();
    for (let index = 0; index < 5; index += 1) world.event();
    await until(() => world.positions.length === 5);
    await aWhile();
    expect(world.did).to.deep.equal(['answer']);
    expect([...world.unfinished.rows.keys()]).to.deep.equal([]);
  });

  it('answers nothing that it was not asked, or has answered, or that has ended', async () => {
    const stranger = worldOf('EchoMSP', MEMBERS);
    const done = worldOf('BravoMSP');
    done.answered = ['BravoMSP'];
    const ended = worldOf('BravoMSP');
    ended.status = 'refused';
    for (const world of [stranger, done, ended]) {
      world.start();
      world.event();
      await until(() => world.positions.length === 1);
      await aWhile();
      expect(world.did).to.deep.equal([]);
    }
  });

  it('goes by the state, not by the event: a share is posted though the event told of an opening', async () => {
    const world = worldOf('BravoMSP');
    world.status = 'contributed';
    world.start();
    world.event(EVENTS.queryOpened);
    await until(() => world.did.includes('share'));
    expect(world.did).not.to.include('answer');
  });

  it('the researcher’s hospital completes and publishes, and only when all have answered', async () => {
    const leader = worldOf('AlphaMSP');
    const follower = worldOf('BravoMSP');
    for (const world of [leader, follower]) {
      world.answered = MEMBERS.slice(0, 3);
      world.start();
      world.event();
      await until(() => world.positions.length === 1);
    }
    await aWhile();
    expect(leader.did).to.deep.equal([]);
    leader.answered = follower.answered = MEMBERS;
    for (const world of [leader, follower]) world.event(EVENTS.queryContributed);
    await until(() => leader.did.includes('Complete'));
    leader.status = follower.status = 'contributed';
    leader.shared = follower.shared = MEMBERS;
    for (const world of [leader, follower]) world.event(EVENTS.queryShared);
    await until(() => leader.did.includes('Publish'));
    await aWhile();
    expect(follower.did).to.deep.equal([]);
  });

  it('does not wait for a hospital that was suspended meanwhile, and needs no event to see it', async () => {
    const world = worldOf('AlphaMSP');
    world.answered = MEMBERS.slice(0, 3);
    world.start();
    world.event();
    await aWhile();
    expect(world.did).not.to.include('Complete');
    world.suspended = [MEMBERS[3]];
    await until(() => world.did.includes('Complete'));
  });

  it('tries again until it gets through, while the events go on', async () => {
    const world = worldOf('BravoMSP');
    let failures = 0;
    world.contribute = () => {
      failures += 1;
      if (failures < 12) throw new CareLedgerError('LEDGER_UNAVAILABLE');
    };
    world.start();
    world.event();
    await until(() => world.positions.length === 1);
    await until(() => world.times('answer') === 1);
    expect(failures).to.equal(12);
    expect(world.problems, 'told once').to.have.length(1);
    await until(() => world.unfinished.rows.size === 0);
  });

  it('what could not be done is noted before the position is saved, and done after a restart', async () => {
    const world = worldOf('BravoMSP');
    world.contribute = () => {
      throw new CareLedgerError('STORE_UNAVAILABLE');
    };
    world.start();
    world.event();
    await until(() => world.positions.length === 1);
    await world.stop();
    expect([...world.unfinished.rows.keys()]).to.deep.equal([ID]);

    const events = world.ledger.events.bind(world.ledger);
    // The restart hears of nothing: its position is past the event.
    world.ledger.events = async function* (identity, from, signal) {
      const nothing = new FakeLedger();
      yield* nothing.events(identity, from, signal);
    };
    world.contribute = () => undefined;
    world.start();
    await until(() => world.times('answer') === 1);
    await until(() => world.unfinished.rows.size === 0);
    world.ledger.events = events;
  });

  it('another gateway that was quicker, or itself before a crash, is no problem', async () => {
    const world = worldOf('BravoMSP');
    world.contribute = () => {
      world.answered = [...world.answered, 'BravoMSP'];
      throw new CareLedgerError('ALREADY_EXISTS');
    };
    world.start();
    world.event();
    await until(() => world.unfinished.rows.size === 1 && world.answered.length === 1);
    await until(() => world.unfinished.rows.size === 0);
    expect([world.problems, world.times('answer')]).to.deep.equal([[], 0]);
  });

  it('tells of a defect once, not at every attempt', async () => {
    const world = worldOf('BravoMSP');
    let attempts = 0;
    world.contribute = () => {
      attempts += 1;
      throw new Error('a defect');
    };
    world.start();
    world.event();
    await until(() => attempts > 4);
    expect(world.problems).to.deep.equal(['a defect']);
  });

  it('publishes with every contributor and a majority of the holders, and does not wait for the rest', async () => {
    const publishes = async (
      contributors: readonly string[],
      shared: readonly string[],
    ): Promise<boolean> => {
      const world = worldOf('AlphaMSP');
      world.status = 'contributed';
      Object.assign(world, { contributors, shared });
      world.start();
      world.event(EVENTS.queryShared);
      await until(() => world.positions.length === 1);
      await aWhile();
      return world.did.includes('Publish');
    };
    const [alpha, bravo, charlie, delta] = MEMBERS;
    expect(await publishes([alpha, bravo, charlie], [alpha, bravo, charlie]), 'delta only holds').to.equal(
      true,
    );
    expect(await publishes([alpha, bravo, delta], [alpha, bravo, charlie]), 'delta contributed').to.equal(
      false,
    );
    expect(await publishes([alpha, bravo], [alpha, bravo]), 'two of four').to.equal(false);
  });

  it('shares again when the key is shared anew meanwhile, though it was done with the query', async () => {
    const world = worldOf('BravoMSP');
    world.status = 'contributed';
    world.start();
    world.event(EVENTS.queryCompleted);
    await until(() => world.times('share') === 1);
    await aWhile();
    expect(world.times('share')).to.equal(1);
    world.sharing = { ...world.sharing, epoch: 1 };
    world.event(EVENTS.keyRegistered);
    await until(() => world.times('share') === 2);
    world.status = 'decrypted';
    world.event(EVENTS.queryEnded);
    await until(() => world.unfinished.rows.size === 0);
  });
});

describe('work by key', () => {
  it('runs one at a time for each key and a few in all, and once more when asked meanwhile', async () => {
    const running = new Set<string>();
    let most = 0;
    const ran: string[] = [];
    const releases = new Map<string, () => void>();
    const work = new KeyedWork(2, async (key) => {
      expect(running.has(key), key).to.equal(false);
      running.add(key);
      most = Math.max(most, running.size);
      ran.push(key);
      await new Promise<void>((resolve) => releases.set(key, resolve));
      running.delete(key);
    });
    for (const key of ['a', 'b', 'c', 'a', 'a']) work.ask(key);
    expect(ran).to.deep.equal(['a', 'b']);
    releases.get('b')?.();
    await until(() => ran.length === 3);
    releases.get('a')?.();
    await until(() => ran.length === 4);
    expect([ran, most]).to.deep.equal([['a', 'b', 'c', 'a'], 2]);
    const stopped = work.stop();
    work.ask('a');
    for (const release of releases.values()) release();
    await until(() => ran.length === 5);
    for (const release of releases.values()) release();
    await stopped;
    expect([...running]).to.deep.equal([]);
  });
});
