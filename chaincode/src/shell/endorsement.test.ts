import { common, msp } from '@hyperledger/fabric-protos';
import { expect } from 'chai';
import { ownerPolicy } from './endorsement.js';

interface Decoded {
  readonly names: string[];
  readonly roles: number[];
  readonly rule: common.SignaturePolicy | undefined;
}

function decode(bytes: Uint8Array): Decoded {
  const envelope = common.SignaturePolicyEnvelope.deserializeBinary(bytes);
  const roles = envelope
    .getIdentitiesList()
    .map((principal) => msp.MSPRole.deserializeBinary(principal.getPrincipal_asU8()));
  return {
    names: roles.map((role) => role.getMspIdentifier()),
    roles: roles.map((role) => role.getRole()),
    rule: envelope.getRule(),
  };
}

/** Whether peers of these members satisfy the policy, as Fabric evaluates it. */
function isSatisfied({ names, rule }: Decoded, endorsers: readonly string[]): boolean {
  const evaluate = (policy: common.SignaturePolicy | undefined): boolean => {
    const nOutOf = policy?.getNOutOf();
    if (policy === undefined) return false;
    if (nOutOf === undefined) return endorsers.includes(names[policy.getSignedBy()] ?? '');
    return nOutOf.getRulesList().filter(evaluate).length >= nOutOf.getN();
  };
  return evaluate(rule);
}

describe('endorsement policy of an owner', () => {
  const members = ['A', 'B', 'C', 'D', 'E'];

  it('names peers, the owner first', () => {
    const { names, roles } = decode(ownerPolicy('C', ['D', 'A', 'C', 'B']));
    expect(names).to.deep.equal(['C', 'A', 'B', 'D']);
    expect(new Set(roles)).to.deep.equal(new Set([msp.MSPRole.MSPRoleType.PEER]));
  });

  for (let count = 1; count <= members.length; count += 1) {
    it(`is the owner and a majority, for every set of endorsers of ${String(count)}`, () => {
      const active = members.slice(0, count);
      const policy = decode(ownerPolicy('A', active));
      for (let set = 0; set < 2 ** count; set += 1) {
        const endorsers = active.filter((_, index) => (set >> index) % 2 === 1);
        const expected = endorsers.includes('A') && endorsers.length >= Math.floor(count / 2) + 1;
        expect(isSatisfied(policy, endorsers), endorsers.join()).to.equal(expected);
      }
    });
  }

  it('still asks the owner when it is no longer active', () => {
    const policy = decode(ownerPolicy('Z', ['A', 'B', 'C']));
    expect(isSatisfied(policy, ['A', 'B', 'C']), 'all but the owner').to.equal(false);
    expect(isSatisfied(policy, ['Z', 'A', 'B']), 'owner and a majority').to.equal(true);
  });

  it('is the same bytes on every peer', () => {
    expect(ownerPolicy('A', ['C', 'B', 'A'])).to.deep.equal(ownerPolicy('A', ['A', 'B', 'C']));
  });
});
