import { CareLedgerError, EVENTS, type AggregationKey, type Ceremony } from '@careledger/protocol';
import { expect } from 'chai';
import { FakeLedger as EventSource } from '../aggregate/fakes.test-support.js';
import { CeremonyWorker, type CeremonyWorkerOptions } from './ceremony-worker.js';
import { CEREMONY, FakeLedger, HOSPITALS } from './fakes.test-support.js';

const KEY = 'cd'.repeat(32);
const key = (epoch: number): AggregationKey =>
  ({ publicKey: { keyId: KEY, keyBits: 512 }, sharing: { keyId: KEY, epoch } }) as unknown as AggregationKey;

async function until(isThere: () => boolean): Promise<void> {
  const deadline = Date.now() + 2_000;
  while (!isThere()) {
    if (Date.now() > deadline) throw new Error('it never came');
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));

/** One hospital's worker over a ledger on which at most one ceremony stands. */
class World {
  readonly ledger = new FakeLedger();
  readonly events = new EventSource();
  readonly did: string[] = [];
  readonly problems: string[] = [];
  kept: string[] = [];
  advance: () => void = () => undefined;
  /** None, until one is started. */
  ceremonies: () => Ceremony[] = () => [];
  readonly #stop = new AbortController();
  #running = Promise.resolve();

  start(options: Partial<CeremonyWorkerOptions> = {}): void {
    const view = this.ledger.as(HOSPITALS[0]);
    Object.assign(view, { all: () => Promise.resolve(this.ceremonies()) });
    const worker = new CeremonyWorker(
      { keyBits: 512, recheckMs: 10_000, ...options },
      {
        ledger: view,
        events: this.events,
        custody: {
          ceremonies: {
            kept: () => Promise.resolve(this.kept),
            adopt: (id: string) => this.settle(`adopt ${id}`),
            erase: (id: string) => this.settle(`erase ${id}`),
          } as never,
          eraseKeyShares: ({ keyId, beforeEpoch }) =>
            Promise.resolve(void this.did.push(`forget ${keyId} before ${String(beforeEpoch)}`)),
        },
        participant: {
          advance: ({ status }) => {
            this.did.push(`advance ${status}`);
            this.advance();
            return Promise.resolve({ waitMs: undefined });
          },
        },
        tell: (text) => this.did.push(text),
        onKey: ({ sharing }) => this.did.push(`key of epoch ${String(sharing.epoch)}`),
        onProblem: (error) => this.problems.push((error as Error).message),
      },
    );
    this.#running = worker.run(this.#stop.signal);
  }

  settle(what: string): Promise<void> {
    this.kept = [];
    this.did.push(what);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  times(what: string): number {
    return this.did.filter((one) => one.startsWith(what)).length;
  }
}

describe('the worker on ceremonies', () => {
  const worlds: World[] = [];
  const worldOf = (): World => {
    const world = new World();
    worlds.push(world);
    return world;
  };
  afterEach(async () => {
    for (const world of worlds.splice(0)) await world.stop();
  });

  it('starts the first ceremony once everybody is a member, and only where it is to', async () => {
    const [starter, other] = [worldOf(), worldOf()];
    for (const world of [starter, other]) {
      world.ledger.active = HOSPITALS.slice(0, 2);
      world.ceremonies = () => (world.times('started') > 0 ? [world.ledger.ceremony] : []);
    }
    starter.start({ startsWith: HOSPITALS, keyBits: 1024 });
    other.start();
    await aWhile();
    expect(starter.times('started'), 'one is missing').to.equal(0);
    for (const world of [starter, other]) {
      world.ledger.active = ['DeltaMSP', ...HOSPITALS];
      world.events.emit(EVENTS.memberChanged, HOSPITALS[2]);
    }
    await until(() => starter.times('started') === 1);
    const { keyBits, holders, purpose } = starter.ledger.ceremony;
    expect([keyBits, purpose]).to.deep.equal([1024, 'generate']);
    expect(holders, 'in the order of the topology, then whoever else is a member').to.deep.equal([
      ...HOSPITALS,
      'DeltaMSP',
    ]);
    starter.events.emit(EVENTS.memberChanged, HOSPITALS[2]);
    await aWhile();
    expect([starter.times('started'), other.times('started')]).to.deep.equal([1, 0]);
  });

  it('starts none where there is a key, or where one was tried', async () => {
    const [keyed, tried] = [worldOf(), worldOf()];
    keyed.ledger.key = key(0);
    tried.ledger.ceremony = { ...tried.ledger.ceremony, status: 'failed' };
    tried.ceremonies = () => [tried.ledger.ceremony];
    for (const world of [keyed, tried]) world.start({ startsWith: HOSPITALS });
    await aWhile();
    expect([keyed.times('started'), tried.times('started')]).to.deep.equal([0, 0]);
  });

  it('goes by the state at every event, also one that comes while it looks', async () => {
    const world = worldOf();
    world.ceremonies = () => [world.ledger.ceremony];
    world.start();
    await until(() => world.times('advance joining') === 1);
    world.ledger.ceremony = { ...world.ledger.ceremony, status: 'running' };
    world.advance = () => {
      if (world.times('advance running') === 1) world.events.emit(EVENTS.ceremonyPosted, CEREMONY);
    };
    world.events.emit(EVENTS.ceremonyChanged, CEREMONY);
    await until(() => world.times('advance running') >= 2);
    const before = world.did.length;
    world.events.emit(EVENTS.panelAnchored, 'ab');
    await aWhile();
    expect(world.did).to.have.length(before);
  });

  it('takes over what a finished ceremony made, and forgets what a failed one left', async () => {
    for (const [status, expected] of [
      ['finished', `adopt ${CEREMONY}`],
      ['failed', `erase ${CEREMONY}`],
    ] as const) {
      const world = worldOf();
      world.kept = [CEREMONY, 'ef'.repeat(16)];
      world.ledger.ceremony = { ...world.ledger.ceremony, status };
      world.ceremonies = () => [world.ledger.ceremony];
      world.start();
      await until(() => world.did.includes(expected));
      expect(
        world.did.filter((one) => one.includes('ef'.repeat(16))),
        'not on the ledger',
      ).to.deep.equal([]);
      await world.stop();
    }
  });

  it('keeps what a ceremony under way needs', async () => {
    const world = worldOf();
    world.kept = [CEREMONY];
    world.ceremonies = () => [world.ledger.ceremony];
    world.start();
    await until(() => world.times('advance') === 1);
    expect(world.kept).to.deep.equal([CEREMONY]);
  });

  it('forgets shares of earlier epochs as soon as a later one is in force', async () => {
    const world = worldOf();
    world.ledger.key = key(2);
    world.start();
    await until(() => world.did.includes(`forget ${KEY} before 2`));
    expect(world.did).to.include('key of epoch 2');
  });

  it('tries again after a failure, and tells of it once, unless the ledger had only moved on', async () => {
    const world = worldOf();
    world.ceremonies = () => [world.ledger.ceremony];
    const failures = [
      new CareLedgerError('TRANSITION_NOT_ALLOWED'),
      new CareLedgerError('LEDGER_UNAVAILABLE', { message: 'no answer' }),
      new CareLedgerError('LEDGER_UNAVAILABLE', { message: 'still no answer' }),
    ];
    world.advance = () => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
    };
    world.start({ recheckMs: 5 });
    await until(() => world.times('advance') >= 4);
    expect(world.problems).to.deep.equal(['no answer']);
  });
});
