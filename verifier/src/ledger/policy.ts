import { common, msp } from '@hyperledger/fabric-protos';
import type { KnownIdentity, Unit } from './identities.js';

/**
 * Evaluates `common.SignaturePolicyEnvelope` bytes as Fabric does (fabric/common/cauthdsl): depth first, in order,
 * and an endorsement that satisfied one leaf counts for no other.
 * @returns false also for bytes that are no policy: what cannot be read permits nothing
 */
export function satisfiesPolicy(policyBytes: Uint8Array, endorsers: readonly KnownIdentity[]): boolean {
  try {
    const envelope = common.SignaturePolicyEnvelope.deserializeBinary(policyBytes);
    const rule = envelope.getRule();
    if (rule === undefined || envelope.getVersion() !== 0) return false;
    const principals = envelope.getIdentitiesList();
    return usedBy(rule, { principals, endorsers }, new Set()) !== undefined;
  } catch {
    return false;
  }
}

/** A strict majority of the members, by a peer of each (`MAJORITY Endorsement` over `OR('member.peer')`). */
export function isEndorsedByMajority(
  endorsers: readonly KnownIdentity[],
  members: readonly string[],
): boolean {
  const by = new Set(endorsers.filter(({ unit }) => unit === 'peer').map(({ signer }) => signer.mspId));
  return members.filter((mspId) => by.has(mspId)).length > members.length / 2;
}

interface Judged {
  readonly principals: readonly msp.MSPPrincipal[];
  readonly endorsers: readonly KnownIdentity[];
}

/** Places of the endorsers that are used up when the rule is satisfied; undefined when it is not. */
function usedBy(
  rule: common.SignaturePolicy,
  judged: Judged,
  used: ReadonlySet<number>,
): ReadonlySet<number> | undefined {
  const nested = rule.getNOutOf();
  if (nested === undefined) return takeOne(judged.principals[rule.getSignedBy()], judged.endorsers, used);
  let soFar = used;
  let satisfied = 0;
  for (const child of nested.getRulesList()) {
    const after = usedBy(child, judged, soFar);
    if (after === undefined) continue;
    satisfied += 1;
    soFar = after;
  }
  return satisfied >= nested.getN() ? soFar : undefined;
}

function takeOne(
  principal: msp.MSPPrincipal | undefined,
  endorsers: readonly KnownIdentity[],
  used: ReadonlySet<number>,
): ReadonlySet<number> | undefined {
  const place = endorsers.findIndex((endorser, at) => !used.has(at) && isPrincipal(principal, endorser));
  return place < 0 ? undefined : new Set([...used, place]);
}

const { MEMBER, PEER, CLIENT, ADMIN, ORDERER } = msp.MSPRole.MSPRoleType;
const UNIT_OF_ROLE = new Map<number, Unit>([
  [PEER, 'peer'],
  [CLIENT, 'client'],
  [ADMIN, 'admin'],
  [ORDERER, 'orderer'],
]);

function isPrincipal(principal: msp.MSPPrincipal | undefined, { signer, unit }: KnownIdentity): boolean {
  if (principal?.getPrincipalClassification() !== msp.MSPPrincipal.Classification.ROLE) return false;
  const role = msp.MSPRole.deserializeBinary(principal.getPrincipal_asU8());
  if (role.getMspIdentifier() !== signer.mspId) return false;
  return role.getRole() === MEMBER || UNIT_OF_ROLE.get(role.getRole()) === unit;
}
