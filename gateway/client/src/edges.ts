/** Edges of a grant, made where the patient's keys are: their secret leaves here in shares only, each sealed to a proxy. */
import {
  CareLedgerError,
  LIMITS,
  granteeName,
  tagName,
  tagStateOf,
  type Edge,
  type Grantee,
  type Member,
  type RecordType,
  type Sensitivity,
  type SharingState,
} from '@careledger/protocol';
import {
  base64UrlToBytes,
  bytesToBase64Url,
  hexToBytes,
  labelOf,
  makeEdge,
  sealEdgeShare,
  type Delegator,
  type IdentityPublicKey,
} from '@careledger/crypto/core';
import type { PseudonymKeys } from './patient-keys.js';

/** A share of an edge's re-key, sealed to its proxy, as the gateway relays it. */
export interface SealedShare {
  readonly edgeId: string;
  readonly mspId: string;
  readonly share: string;
}

export interface Tag {
  readonly recordType: RecordType;
  readonly sensitivity: Sensitivity;
}

/** Each type with each sensitivity. */
export function tagsFor(recordTypes: readonly RecordType[], sensitivities: readonly Sensitivity[]): Tag[] {
  return recordTypes.flatMap((recordType) =>
    sensitivities.map((sensitivity) => ({ recordType, sensitivity })),
  );
}

export interface EdgesWanted {
  /** One edge for each. */
  readonly tags: readonly Tag[];
  /** Present registration of the grantee. */
  readonly to: IdentityPublicKey;
  readonly proxies: readonly Pick<Member, 'mspId' | 'encryptionKey'>[];
  /** Proxies that have to help. */
  readonly threshold: number;
  readonly maxHops: number;
  /** The patient's word that the tree may reach identities that a majority of hospitals can open. */
  readonly allowsRecoverable: boolean;
}

/**
 * Every active member but the grantee's keeps a share, and a majority of them has to help. Who is away when the edge is made
 * keeps none; how many have to help stays what it is, so that nobody gains by it.
 * @throws CareLedgerError MEMBER_NOT_ACTIVE, PROXY_UNAVAILABLE when too few are left
 */
export function proxiesFor(
  members: readonly Member[],
  grantee: Grantee,
  { single = false, away = [] }: { readonly single?: boolean; readonly away?: readonly string[] } = {},
): { readonly proxies: Member[]; readonly threshold: number } {
  const all = members.filter(({ mspId }) => mspId !== grantee.mspId).slice(0, LIMITS.proxiesPerEdge);
  if (all.length === 0) {
    throw new CareLedgerError('MEMBER_NOT_ACTIVE', {
      expected: `an active hospital besides the one of ${granteeName(grantee)}`,
    });
  }
  const threshold = single ? 1 : Math.floor(all.length / 2) + 1;
  const proxies = all.filter(({ mspId }) => !away.includes(mspId));
  if (proxies.length >= threshold) return { proxies, threshold };
  throw new CareLedgerError('PROXY_UNAVAILABLE', {
    expected: `${String(threshold)} of ${String(all.length)} hospitals as proxies`,
    came: `no answer of ${away.join(', ')}`,
    extensions: { proxies: [...away] },
  });
}

/** Edges at the present epoch of their tags. @throws CareLedgerError TAG_CLOSED */
export async function makeEdges(
  keys: PseudonymKeys,
  sharing: Pick<SharingState, 'tags'>,
  wanted: EdgesWanted,
): Promise<{ readonly edges: Edge[]; readonly shares: SealedShare[] }> {
  const delegator = delegatorOf(keys);
  const labelKey = base64UrlToBytes(keys.labelKey);
  const edges: Edge[] = [];
  const shares: SealedShare[] = [];
  for (const { recordType, sensitivity } of wanted.tags) {
    const { epoch: tagEpoch, sharable } = tagStateOf(sharing, tagName(recordType, sensitivity));
    if (!sharable) throw new CareLedgerError('TAG_CLOSED', { came: tagName(recordType, sensitivity) });
    const made = makeEdge(delegator, {
      to: wanted.to,
      tag: {
        typeLabel: labelOf(labelKey, 'type', recordType),
        conditionLabel: labelOf(labelKey, 'condition', sensitivity),
        tagEpoch,
      },
      proxies: wanted.proxies.map(({ mspId }) => mspId),
      threshold: wanted.threshold,
      sharable: wanted.maxHops > 0,
      maxDepth: wanted.maxHops,
      allowsRecoverable: wanted.allowsRecoverable,
    });
    const { statement, w } = made;
    edges.push({
      ...{ recordType, sensitivity, tagEpoch },
      statement: bytesToBase64Url(statement),
      w: bytesToBase64Url(w),
    });
    shares.push(...(await sealedShares(made, wanted.proxies)));
  }
  return { edges, shares };
}

function sealedShares(
  { edgeId, shares }: { readonly edgeId: string; readonly shares: ReadonlyMap<string, Uint8Array> },
  proxies: EdgesWanted['proxies'],
): Promise<SealedShare[]> {
  return Promise.all(
    proxies.map(async ({ mspId, encryptionKey }) => {
      const share = shares.get(mspId) ?? new Uint8Array();
      const sealed = await sealEdgeShare({
        edgeId: hexToBytes(edgeId),
        proxyMspId: mspId,
        encryptionKey: base64UrlToBytes(encryptionKey),
        share,
      });
      share.fill(0);
      return { edgeId, mspId, share: bytesToBase64Url(sealed) };
    }),
  );
}

function delegatorOf({ identity, signing }: PseudonymKeys): Delegator {
  if (identity?.key === undefined)
    throw new CareLedgerError('IDENTITY_NOT_FOUND', { came: 'no extracted key' });
  return {
    identity: identity.registration,
    identityKey: base64UrlToBytes(identity.key),
    signingKey: base64UrlToBytes(signing.privateKey),
  };
}
