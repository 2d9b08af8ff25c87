import { expect } from 'chai';
import { EVENTS } from '@careledger/protocol';
import type { LedgerEvent } from '../ports/ledger.js';
import { ExpiryWorker, type ExpiryModules, type GrantEndRow } from './expiry-worker.js';

const MSP = 'Hospital1MSP';
const PATIENT = 'a1'.repeat(16);

class World {
  now = '2026-01-01T00:00:00.000Z';
  grants: { notAfter: string }[] = [];
  swept: string[] = [];
  failing = false;
  readonly rows = new Map<string, GrantEndRow>();
  readonly worker = new ExpiryWorker(MSP, {
    identity: {},
    now: () => this.now,
    ends: {
      put: (key: string, row: GrantEndRow) => Promise.resolve(void this.rows.set(key, row)),
      delete: (key: string) => Promise.resolve(void this.rows.delete(key)),
      entries: () => this.#entries(),
    },
    contracts: {
      evaluate: () => Promise.resolve({ items: this.grants }),
      submit: (
        _identity: unknown,
        _contract: string,
        _method: string,
        { pseudonym }: { pseudonym: string },
      ) => {
        if (this.failing) return Promise.reject(new Error('away'));
        this.swept.push(pseudonym);
        this.grants = this.grants.filter(({ notAfter }) => notAfter >= this.now);
        return Promise.resolve({});
      },
    },
  } as unknown as ExpiryModules);

  async *#entries(): AsyncGenerator<[string, GrantEndRow]> {
    await Promise.resolve();
    yield* [...this.rows];
  }

  take(mspId = MSP, event: string = EVENTS.grantChanged): Promise<boolean> {
    return this.worker.take({
      payload: { event, id: 'x', mspId, pseudonym: PATIENT },
    } as unknown as LedgerEvent);
  }
}

describe('grants whose time is over', () => {
  it('are ended by one transaction, the earliest first, and looked at again for the next', async () => {
    const world = new World();
    world.grants = [{ notAfter: '2026-01-03T00:00:00.000Z' }, { notAfter: '2026-01-02T00:00:00.000Z' }];
    expect(await world.take()).to.equal(true);
    await world.worker.sweep();
    expect(world.swept).to.deep.equal([]);
    world.now = '2026-01-02T00:00:00.001Z';
    await world.worker.sweep();
    await world.worker.sweep();
    expect(world.swept).to.deep.equal([PATIENT]);
    expect(world.rows.get(PATIENT)).to.deep.equal({ notAfter: '2026-01-03T00:00:00.000Z' });
    world.now = '2026-01-04T00:00:00.000Z';
    await world.worker.sweep();
    expect(world.swept).to.have.length(2);
    expect(world.rows.size).to.equal(0);
  });

  it('are nobody’s business at another hospital, nor by other events', async () => {
    const world = new World();
    world.grants = [{ notAfter: '2025-01-01T00:00:00.000Z' }];
    expect(await world.take('Hospital2MSP')).to.equal(false);
    expect(await world.take(MSP, EVENTS.accessDecided)).to.equal(false);
    expect(world.rows.size).to.equal(0);
  });

  it('are tried again after a failure, which is told', async () => {
    const world = new World();
    world.grants = [{ notAfter: '2025-01-01T00:00:00.000Z' }];
    await world.take();
    world.failing = true;
    expect(await world.worker.sweep()).to.have.length(1);
    world.failing = false;
    expect(await world.worker.sweep()).to.deep.equal([]);
    expect(world.swept).to.deep.equal([PATIENT]);
  });
});
