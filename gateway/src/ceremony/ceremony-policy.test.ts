import type { AggregationKey, Ceremony, MasterKey } from '@careledger/protocol';
import { expect } from 'chai';
import { whyNotJoin, type JoiningFacts } from './ceremony-policy.js';

const MEMBERS = ['AlphaMSP', 'BravoMSP', 'CharlieMSP', 'DeltaMSP'];
const KEY = 'ab'.repeat(32);
const key = {
  publicKey: { keyId: KEY },
  sharing: { epoch: 1, threshold: 3, holders: MEMBERS },
} as unknown as AggregationKey;

const facts = (ceremony: Partial<Ceremony>, others: Partial<JoiningFacts> = {}): JoiningFacts => ({
  ceremony: {
    scheme: 'paillier',
    purpose: 'generate',
    keyBits: 3072,
    holders: MEMBERS,
    ...ceremony,
  } as Ceremony,
  key: undefined,
  activeMembers: MEMBERS,
  keyBits: 3072,
  ...others,
});
const redistribution: Partial<Ceremony> = {
  purpose: 'redistribute',
  holders: MEMBERS.slice(0, 3),
  dealers: MEMBERS.slice(0, 3),
  keyId: KEY,
  epoch: 2,
};
const withoutDelta = { key, activeMembers: MEMBERS.slice(0, 3) };

describe('whether a hospital takes part in a ceremony', () => {
  it('makes the key that it is configured for, with every member', () => {
    expect(whyNotJoin(facts({}))).to.equal(undefined);
    expect(whyNotJoin(facts({ holders: [...MEMBERS].reverse() }))).to.equal(undefined);
    const many = [...Array(12).keys()].map((index) => `M${String(index)}`);
    expect(whyNotJoin(facts({ holders: many.slice(0, 10) }, { activeMembers: many }))).to.equal(undefined);
  });

  it('but no smaller one, none without a member, none with a stranger, and none beside another', () => {
    expect(whyNotJoin(facts({ keyBits: 2048 }))).to.match(/2048 bits.*3072/);
    expect(whyNotJoin(facts({ holders: MEMBERS.slice(1) }))).to.match(/no share to AlphaMSP/);
    expect(whyNotJoin(facts({ holders: [...MEMBERS, 'EchoMSP'] }))).to.match(/EchoMSP, no active member/);
    expect(whyNotJoin(facts({}, { key }))).to.match(/a key already/);
  });

  it('an identity key has no size to agree on', () => {
    const ceremony = facts({ scheme: 'identity' }).ceremony;
    delete ceremony.keyBits;
    expect(whyNotJoin({ ...facts({}), ceremony })).to.equal(undefined);
    expect(whyNotJoin(facts({ scheme: 'identity', holders: MEMBERS.slice(1) }))).to.match(/no share to/);
    const present = {
      masterKey: { keyId: KEY },
      sharing: { epoch: 1, threshold: 3, holders: MEMBERS },
    } as unknown as MasterKey;
    const moved = { ...redistribution, scheme: 'identity' as const };
    expect(whyNotJoin(facts(moved, { ...withoutDelta, key: present }))).to.equal(undefined);
    const other = { ...moved, keyId: 'cd'.repeat(32) };
    expect(whyNotJoin(facts(other, { ...withoutDelta, key: present }))).to.match(/another key/);
    expect(whyNotJoin(facts({ scheme: 'identity' }, { key: present }))).to.match(/a key already/);
  });

  it('shares the key in force anew, whatever its size, with as many dealers as it takes', () => {
    expect(whyNotJoin(facts(redistribution, withoutDelta))).to.equal(undefined);
    expect(whyNotJoin(facts({ ...redistribution, keyBits: 2048 }, withoutDelta))).to.equal(undefined);
  });

  it('but no other key, no epoch but the next, not with too few or too many dealers', () => {
    const refused: Readonly<Record<string, Partial<Ceremony>>> = {
      'another key': { keyId: 'cd'.repeat(32) },
      'does not follow': { epoch: 3 },
      '2 dealers, and 3': { dealers: MEMBERS.slice(0, 2) },
      '4 dealers, and 3': { dealers: MEMBERS },
    };
    for (const [words, changes] of Object.entries(refused))
      expect(whyNotJoin(facts({ ...redistribution, ...changes }, withoutDelta)), words).to.contain(words);
    expect(whyNotJoin(facts(redistribution, { ...withoutDelta, key: undefined }))).to.contain('another key');
  });
});
