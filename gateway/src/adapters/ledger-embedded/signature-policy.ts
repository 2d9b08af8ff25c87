import { common, msp } from '@hyperledger/fabric-protos';

/** Who endorsed: an embedded peer per member. */
export interface Endorser {
  readonly mspId: string;
}

/**
 * Evaluates `common.SignaturePolicyEnvelope` bytes as Fabric does (fabric/common/cauthdsl): depth first, in order,
 * and an endorsement that satisfied one leaf counts for no other.
 * @returns false also for bytes that are no policy: what cannot be read permits nothing.
 */
export function satisfiesPolicy(policyBytes: Uint8Array, endorsers: readonly Endorser[]): boolean {
  try {
    const envelope = common.SignaturePolicyEnvelope.deserializeBinary(policyBytes);
    const rule = envelope.getRule();
    if (rule === undefined || envelope.getVersion() !== 0) return false;
    const leaves = envelope
      .getIdentitiesList()
      .map((principal) => (endorser: Endorser) => isPrincipal(principal, endorser));
    return evaluate(
      rule,
      leaves,
      endorsers,
      endorsers.map(() => false),
    );
  } catch {
    return false;
  }
}

type Leaf = (endorser: Endorser) => boolean;

function evaluate(
  rule: common.SignaturePolicy,
  leaves: readonly Leaf[],
  endorsers: readonly Endorser[],
  used: boolean[],
): boolean {
  const nested = rule.getNOutOf();
  if (nested === undefined) return takeOne(leaves[rule.getSignedBy()], endorsers, used);
  let satisfied = 0;
  for (const child of nested.getRulesList()) {
    const trial = [...used];
    if (!evaluate(child, leaves, endorsers, trial)) continue;
    satisfied += 1;
    trial.forEach((isUsed, index) => (used[index] = isUsed));
  }
  return satisfied >= nested.getN();
}

function takeOne(leaf: Leaf | undefined, endorsers: readonly Endorser[], used: boolean[]): boolean {
  const index = endorsers.findIndex(
    (endorser, position) => used[position] !== true && leaf?.(endorser) === true,
  );
  if (index >= 0) used[index] = true;
  return index >= 0;
}

function isPrincipal(principal: msp.MSPPrincipal, endorser: Endorser): boolean {
  if (principal.getPrincipalClassification() !== msp.MSPPrincipal.Classification.ROLE) return false;
  const role = msp.MSPRole.deserializeBinary(principal.getPrincipal_asU8());
  const { MEMBER, PEER } = msp.MSPRole.MSPRoleType;
  return role.getMspIdentifier() === endorser.mspId && (role.getRole() === MEMBER || role.getRole() === PEER);
}
