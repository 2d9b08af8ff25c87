import { common, msp } from '@hyperledger/fabric-protos';
import { majorityOf } from '@careledger/protocol';

/**
 * The owner's say: the key-level endorsement policy of an object that belongs to one hospital.
 *
 *   owner AND outOf(m - 1, the other active members),   m = floor(n / 2) + 1, n = active members with the owner
 *
 * so that a majority of hospitals without the owner cannot rewrite the owner's objects. Principals are peers, not
 * members: with MEMBER any clerk's certificate would count as an endorsement. It needs NodeOUs in the MSPs.
 * fabric-shim's `KeyEndorsementPolicy` can only AND organisations, hence the envelope is built here.
 */
export function ownerPolicy(ownerMspId: string, activeMembers: readonly string[]): Uint8Array {
  const others = activeMembers.filter((mspId) => mspId !== ownerMspId).sort();
  const othersNeeded = majorityOf(others.length + 1) - 1;
  const owner = signedBy(0);
  const rule =
    othersNeeded === 0
      ? outOf(1, [owner])
      : outOf(2, [
          owner,
          outOf(
            othersNeeded,
            others.map((_, index) => signedBy(index + 1)),
          ),
        ]);

  const envelope = new common.SignaturePolicyEnvelope();
  envelope.setVersion(0);
  envelope.setRule(rule);
  envelope.setIdentitiesList([ownerMspId, ...others].map(peerOf));
  return envelope.serializeBinary();
}

function signedBy(identityIndex: number): common.SignaturePolicy {
  const policy = new common.SignaturePolicy();
  policy.setSignedBy(identityIndex);
  return policy;
}

function outOf(needed: number, rules: common.SignaturePolicy[]): common.SignaturePolicy {
  const nOutOf = new common.SignaturePolicy.NOutOf();
  nOutOf.setN(needed);
  nOutOf.setRulesList(rules);
  const policy = new common.SignaturePolicy();
  policy.setNOutOf(nOutOf);
  return policy;
}

function peerOf(mspId: string): msp.MSPPrincipal {
  const role = new msp.MSPRole();
  role.setMspIdentifier(mspId);
  role.setRole(msp.MSPRole.MSPRoleType.PEER);
  const principal = new msp.MSPPrincipal();
  principal.setPrincipalClassification(msp.MSPPrincipal.Classification.ROLE);
  principal.setPrincipal(role.serializeBinary());
  return principal;
}
