import { expect } from 'chai';
import { EVENTS, type EventName, type LedgerEventPayload } from '@careledger/protocol';
import { followForProxy, type ProxyWorkerModules } from './proxy-worker.js';

const PATIENT = 'a1'.repeat(16);

/** Pseudonyms whose shares the proxy compares with the ledger because of an event. */
async function settledAfter(payload: LedgerEventPayload): Promise<string[]> {
  const settled: string[] = [];
  const stop = new AbortController();
  const modules = {
    events: {
      async *events() {
        await Promise.resolve();
        yield { payload };
        // What was asked for begins at once, and nothing comes after it.
        stop.abort();
      },
    },
    identity: {},
    proxy: {
      settle: (pseudonym?: string) => {
        if (pseudonym !== undefined) settled.push(pseudonym);
        return Promise.resolve();
      },
    },
    onProblem: (error: unknown) => {
      throw error;
    },
  } as unknown as ProxyWorkerModules;
  await followForProxy(modules, stop.signal, { recheckMs: 60_000, concurrency: 1, retryMs: 1 });
  return settled;
}

describe('a proxy that follows the ledger', () => {
  const raising: readonly EventName[] = [
    EVENTS.grantChanged,
    EVENTS.patientChanged,
    EVENTS.identityRegistered,
    EVENTS.recoveryChanged,
    EVENTS.instructionChanged,
    EVENTS.accessDecided,
  ];
  for (const event of raising) {
    it(`compares a patient’s shares with the ledger after ${event}, and not after the next look only`, async () => {
      expect(await settledAfter({ event, id: 'x', pseudonym: PATIENT })).to.deep.equal([PATIENT]);
    });
  }

  it('does so for every patient whose grant book an opening changed', async () => {
    const pseudonyms = [PATIENT, 'b2'.repeat(16)];
    expect(await settledAfter({ event: EVENTS.accessDecided, id: 'x', pseudonyms })).to.deep.equal(
      pseudonyms,
    );
  });

  it('does so after no event that ends nothing, and after none that names no patient', async () => {
    expect(await settledAfter({ event: EVENTS.recordsAnchored, id: 'x', pseudonym: PATIENT })).to.deep.equal(
      [],
    );
    expect(await settledAfter({ event: EVENTS.recoveryChanged, id: 'x' })).to.deep.equal([]);
  });
});
