import type { AggregationKey } from '@careledger/protocol';
import { expect } from 'chai';
import type { KeyCustody } from '../ports/key-custody.js';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';
import { AggregateLedger } from './aggregate-ledger.js';
import { DealerKeyHolders } from './dealer-key-holders.js';

const MEMBERS = ['AlphaMSP', 'BravoMSP', 'CharlieMSP'];
const AT = '2026-11-20T00:00:00.000Z';

type Registration = Pick<AggregationKey, 'publicKey' | 'origin' | 'holders'>;

/** A ledger with three active members on which one key is registered, at first by somebody who is not the dealer. */
class FakeLedger {
  key: AggregationKey;

  constructor(status: AggregationKey['status']) {
    const publicKey = {
      scheme: 'paillier',
      version: 1,
      keyBits: 256,
      n: 'AQ',
      keyId: 'ab'.repeat(32),
    } as const;
    const stamp = { registeredAt: AT, txId: 'cd'.repeat(32) };
    const registeredBy = 'CharlieMSP';
    this.key = {
      publicKey,
      origin: 'dealer',
      holders: MEMBERS,
      acceptedBy: [],
      status,
      registeredBy,
      ...stamp,
    };
  }

  evaluate(_identity: unknown, _contract: string, method: string): Promise<unknown> {
    const items = MEMBERS.map((mspId) => ({ mspId, status: 'active' }));
    return Promise.resolve(method === 'GetKey' ? this.key : { items });
  }

  submit({ mspId }: SigningIdentity, _contract: string, method: string, argument: object): Promise<unknown> {
    if (method === 'RegisterKey')
      this.key = { ...this.key, ...(argument as Registration), acceptedBy: [], registeredBy: mspId };
    if (method === 'AcceptKey') this.key = { ...this.key, acceptedBy: [...this.key.acceptedBy, mspId] };
    return Promise.resolve({});
  }
}

function holdersOf(mspId: string, ledger: FakeLedger): DealerKeyHolders {
  const sign = (): Promise<never> => Promise.reject(new Error('nothing is signed here'));
  const identity = { mspId, certificate: '', sign };
  const held = new Set<string>();
  const custody = {
    storeKeyShare: ({ keyId }: { keyId: string }) => Promise.resolve(void held.add(keyId)),
    hasKeyShare: (keyId: string) => Promise.resolve(held.has(keyId)),
  };
  return new DealerKeyHolders({
    aggregate: new AggregateLedger({
      ledger: ledger as unknown as Ledger,
      identity,
      allowTestKeySize: true,
    }),
    custody: custody as unknown as KeyCustody,
    dealerMspId: 'AlphaMSP',
    memberMspIds: MEMBERS,
    keyBits: 256,
    allowTestKeySize: true,
    deliver: () => Promise.resolve(),
  });
}

describe('the dealer', () => {
  const { signal } = new AbortController();

  it('registers its key over one that another member registered, and that nobody accepts', async () => {
    const ledger = new FakeLedger('registered');
    await holdersOf('BravoMSP', ledger).ensureKey(signal);
    expect(ledger.key).to.deep.include({ registeredBy: 'CharlieMSP', acceptedBy: [] });
    await holdersOf('AlphaMSP', ledger).ensureKey(signal);
    expect(ledger.key).to.deep.include({ registeredBy: 'AlphaMSP', acceptedBy: ['AlphaMSP'] });
  });

  it('leaves an active key alone', async () => {
    const ledger = new FakeLedger('active');
    await holdersOf('AlphaMSP', ledger).ensureKey(signal);
    expect(ledger.key.registeredBy).to.equal('CharlieMSP');
  });
});
