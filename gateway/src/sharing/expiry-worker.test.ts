import { expect } from 'chai';
import { EVENTS, LIMITS, addMs, type Emergency } from '@careledger/protocol';
import type { LedgerEvent, SigningIdentity } from '../ports/ledger.js';
import {
  ExpiryWorker,
  expiringEmergencies,
  expiringGrants,
  type EndRow,
  type ExpiryModules,
} from './expiry-worker.js';

const MSP = 'Hospital1MSP';
const IDENTITY = {} as SigningIdentity;
const PATIENT = 'a1'.repeat(16);

class World {
  now = '2026-01-01T00:00:00.000Z';
  grants: { notAfter: string; openings?: number; lastOpenedAt?: string }[] = [];
  instructions: object[] = [];
  swept: string[] = [];
  failing = false;
  readonly rows = new Map<string, EndRow>();
  readonly worker = new ExpiryWorker(expiringGrants(MSP, this.#contracts(), IDENTITY), this.modules());

  modules(): ExpiryModules {
    return {
      now: () => this.now,
      ends: {
        put: (key: string, row: EndRow) => Promise.resolve(void this.rows.set(key, row)),
        delete: (key: string) => Promise.resolve(void this.rows.delete(key)),
        entries: () => this.#entries(),
      },
    };
  }

  #contracts(): Parameters<typeof expiringGrants>[1] {
    return {
      evaluate: (_: unknown, contract: string, method: string, of: { pseudonym?: string }) => {
        const mspId = of.pseudonym === PATIENT ? MSP : 'Hospital2MSP';
        if (method === 'GetSharing') return Promise.resolve({ mspId });
        return Promise.resolve({ items: contract === 'grants' ? this.grants : this.instructions });
      },
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
    } as unknown as Parameters<typeof expiringGrants>[1];
  }

  async *#entries(): AsyncGenerator<[string, EndRow]> {
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

  it('are those too that were opened as often as the patient allows, when the last opening was served', async () => {
    const world = new World();
    const lastOpenedAt = '2026-01-01T00:00:00.000Z';
    const notAfter = '2026-01-03T00:00:00.000Z';
    world.grants = [{ notAfter, openings: 2, lastOpenedAt }];
    const payload = { event: EVENTS.accessDecided, id: 'x', mspId: 'Hospital3MSP' };
    const opened = (...pseudonyms: string[]) => world.worker.take({ payload: { ...payload, pseudonyms } });
    expect(await opened(PATIENT)).to.equal(true);
    expect(world.rows.get(PATIENT), 'without a rule').to.deep.equal({ notAfter });
    const rule = { kind: 'expire-grant', afterOpenings: 2 };
    world.instructions = [{ status: 'active', rule }];
    expect(await world.take(MSP, EVENTS.instructionChanged)).to.equal(true);
    const served = addMs(lastOpenedAt, LIMITS.usedUpGrantKeptMs);
    expect(world.rows.get(PATIENT)).to.deep.equal({ notAfter: served });
    world.instructions = [{ status: 'active', rule: { ...rule, afterOpenings: 3 } }];
    await opened('b2'.repeat(16), PATIENT);
    expect([...world.rows], 'of this hospital’s patients only').to.deep.equal([[PATIENT, { notAfter }]]);
    expect(await opened()).to.equal(false);
  });

  it('are nobody’s business at another hospital, nor by other events', async () => {
    const world = new World();
    world.grants = [{ notAfter: '2025-01-01T00:00:00.000Z' }];
    expect(await world.take('Hospital2MSP')).to.equal(false);
    expect(await world.take(MSP, EVENTS.recordChanged)).to.equal(false);
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

describe('cases of break glass that time ended', () => {
  const CASE = 'c1'.repeat(16);
  const OVER = '2026-01-01T04:00:00.000Z';
  const openCase = {
    status: 'provisional',
    endsAt: OVER,
    changedAt: '2026-01-01T00:00:00.000Z',
    openedBy: { mspId: 'Hospital2MSP' },
    patientMspId: MSP,
  };

  /** @param emergency as the contract shows it @returns how often the ledger was asked to write down what is over */
  async function sweptAt(now: string, emergency: object, mspId = MSP): Promise<number> {
    const world = new World();
    let swept = 0;
    const contracts = {
      evaluate: () => Promise.resolve(emergency),
      submit: (_identity: unknown, contract: string, method: string) => {
        swept += Number(contract === 'emergencies' && method === 'Sweep');
        return Promise.resolve({});
      },
    } as unknown as Parameters<typeof expiringEmergencies>[1];
    const worker = new ExpiryWorker(expiringEmergencies(mspId, contracts, IDENTITY), world.modules());
    const payload = { event: EVENTS.emergencyChanged, id: CASE, mspId: 'Hospital2MSP' };
    expect(await worker.take({ payload })).to.equal(true);
    world.now = now;
    expect(await worker.sweep()).to.deep.equal([]);
    return swept;
  }

  const AFTER = '2026-01-01T04:00:00.001Z';
  const lapsed: Partial<Emergency> = { status: 'lapsed' };

  it('are written down by the patient’s hospital, once, also when it learnt of them late', async () => {
    expect(await sweptAt(AFTER, openCase)).to.equal(1);
    expect(await sweptAt(AFTER, { ...openCase, ...lapsed })).to.equal(1);
  });

  it('are not before their time, nor when they are written down already or somebody ended them', async () => {
    expect(await sweptAt(OVER, openCase)).to.equal(0);
    expect(await sweptAt(AFTER, { ...openCase, ...lapsed, changedAt: AFTER })).to.equal(0);
    expect(await sweptAt(AFTER, { ...openCase, status: 'withdrawn' })).to.equal(0);
    expect(await sweptAt(AFTER, { ...openCase, status: 'reviewed' })).to.equal(0);
  });

  it('are the asking hospital’s to write down only while the patient is unknown', async () => {
    const unknown = { ...openCase, status: 'unidentified', patientMspId: undefined };
    expect(await sweptAt(AFTER, unknown, 'Hospital2MSP')).to.equal(1);
    expect(await sweptAt(AFTER, unknown)).to.equal(0);
    expect(await sweptAt(AFTER, openCase, 'Hospital2MSP')).to.equal(0);
  });
});
