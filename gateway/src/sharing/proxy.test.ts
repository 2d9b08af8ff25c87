import { CareLedgerError, patientName, type PatientGrant } from '@careledger/protocol';
import { expect } from 'chai';
import { DEFAULT_PROXY_OPTIONS, Proxy, type EdgeShareRow, type ProxyModules } from './proxy.js';
import { memoryTable } from './sharing.test-support.js';

const PSEUDONYM = '1a'.repeat(16);
const [OWN, RELAY, OTHER] = ['Hospital3MSP', 'Hospital1MSP', 'Hospital2MSP'] as const;

/** The edge's id stands in for its statement; what the arithmetic checks has its own tests. */
const idOf = (number: number): string => number.toString(16).padStart(64, '0');
const bodyFor = (number: number) => ({
  pseudonym: PSEUDONYM,
  edge: { recordType: 'laboratory', sensitivity: 'normal', tagEpoch: 0, statement: idOf(number), w: 'AAAA' },
  share: 'AAAA',
});

describe('a proxy', () => {
  let grants: PatientGrant[];
  let nowMs: number;
  let kept: Set<string>;
  let proxy: Proxy;

  const ledger = {
    mspId: OWN,
    masterKey: () => Promise.resolve({ masterKey: {} }),
    identity: (name: string) => Promise.resolve({ name, keyEpoch: 0 }),
    sharing: () => Promise.resolve({ pseudonym: PSEUDONYM, mspId: RELAY, status: 'enrolled' }),
    liveGrants: () => Promise.resolve(grants),
    chain: () => Promise.reject(new CareLedgerError('GRANT_NOT_FOUND')),
  } as unknown as ProxyModules['ledger'];
  const custody: ProxyModules['custody'] = {
    storeEdgeShare: ({ edgeId }) => {
      kept.add(edgeId);
      return Promise.resolve(new Uint8Array(64));
    },
    eraseEdgeShares: (edgeIds) => {
      for (const edgeId of edgeIds) kept.delete(edgeId);
      return Promise.resolve();
    },
    keptEdgeShares: () => Promise.resolve([...kept]),
  };
  const readStatement: ProxyModules['readStatement'] = (edgeId) => ({
    edgeId,
    from: { name: patientName(PSEUDONYM), keyEpoch: 0 },
    to: { name: `member/${OTHER}`, keyEpoch: 0 },
    tagEpoch: 0,
    proxies: [OWN],
  });
  const make = (maxPending: number, maxPendingPerRelay: number): Proxy => {
    const options = { ...DEFAULT_PROXY_OPTIONS, maxPending, maxPendingPerRelay };
    const table = memoryTable<EdgeShareRow>();
    return new Proxy({ ledger, custody, readStatement, table, clock: () => nowMs }, options);
  };
  /** The patient's book has a grant with the edge, whatever the relay has said. */
  const activate = (number: number): void => {
    const grant = { grantId: 'e'.repeat(32), status: 'active', edges: [{ edgeId: idOf(number) }] };
    grants.push(grant as unknown as PatientGrant);
  };
  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'kept',
      (error: unknown) => (error as CareLedgerError).code,
    );

  beforeEach(() => {
    grants = [];
    nowMs = Date.parse('2026-11-20T08:00:00.000Z');
    kept = new Set();
    proxy = make(10, 2);
  });

  it('lets one relaying hospital take its own room only, and the others go on', async () => {
    for (const number of [1, 2]) expect(await codeOf(proxy.keep(RELAY, bodyFor(number)))).to.equal('kept');
    expect(await codeOf(proxy.keep(RELAY, bodyFor(3)))).to.equal('RATE_LIMITED');
    expect(await codeOf(proxy.keep(RELAY, bodyFor(2))), 'what waits may be sent again').to.equal('kept');
    expect(await codeOf(proxy.keep(OTHER, bodyFor(3)))).to.equal('kept');
  });

  it('counts for that only what waits: what came into force makes room', async () => {
    for (const number of [1, 2]) await proxy.keep(RELAY, bodyFor(number));
    activate(1);
    await proxy.settle(PSEUDONYM);
    expect(await codeOf(proxy.keep(RELAY, bodyFor(3)))).to.equal('kept');
  });

  it('has an end of what waits for all together', async () => {
    proxy = make(2, 2);
    await proxy.keep(RELAY, bodyFor(1));
    await proxy.keep(OTHER, bodyFor(2));
    expect(await codeOf(proxy.keep(OTHER, bodyFor(3)))).to.equal('RATE_LIMITED');
  });

  it('finds an edge in force by its id in the patient’s book, and erases one that is in none when its time is over', async () => {
    for (const number of [1, 2]) await proxy.keep(RELAY, bodyFor(number));
    activate(1);
    nowMs += DEFAULT_PROXY_OPTIONS.pendingMs + 1;
    await proxy.settle(PSEUDONYM);
    expect([...kept]).to.deep.equal([idOf(1)]);
    grants = [];
    await proxy.settle(PSEUDONYM);
    expect([...kept]).to.deep.equal([]);
  });

  it('takes no grant’s id from the relay', async () => {
    const body = { ...bodyFor(1), grantId: 'f'.repeat(32) };
    expect(await codeOf(proxy.keep(RELAY, body))).to.equal('SCHEMA_VIOLATION');
  });
});
