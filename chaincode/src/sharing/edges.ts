import { NO_PARENT, base64UrlToBytes, edgeAckMessage, type EdgeStatement } from '@careledger/crypto/core';
import {
  CareLedgerError,
  KEYS,
  assertPresentTags,
  granteeName,
  memberName,
  tagOfEdge,
  type Consortium,
  type Edge,
  type EdgeAck,
  type EdgeInForce,
  type GrantBook,
  type Grantee,
  type Identity,
  type PatientGrant,
} from '@careledger/protocol';
import { readIdentity } from '../identity/reading.js';
import type { Call } from '../shell/call.js';
import { isSignedBy } from '../shell/patient-authority.js';
import { assertSigned, readStatement } from './statement.js';

/** Edges that are to come into force with one transaction, and all that they have to fit. */
export interface EdgeOffer {
  readonly book: GrantBook;
  readonly edges: readonly Edge[];
  readonly acks: readonly EdgeAck[];
  /** The patient's identity. */
  readonly owner: Identity;
  /** Name of the identity that the edges go on from: the owner's, or that of the parent's grantee. */
  readonly delegator: string;
  readonly grantee: Grantee;
  /** Onward hops that the grant allows. */
  readonly maxHops: number;
  /** The edge of the parent grant for the tag of an edge; above a patient's own grant stands nothing. */
  readonly parentOf: (edge: Edge) => EdgeInForce | undefined;
}

/**
 * Edges as they come into force: each statement signed by its delegator and made for exactly this place, every share
 * acknowledged by its proxy. What needs pairings is verified by the proxies before they acknowledge.
 *
 * Serials are taken for ever: an edge that was in force once does not come back with another grant.
 * @throws CareLedgerError TAG_CLOSED, EPOCH_STALE, EDGE_INVALID, EDGE_NOT_ACKNOWLEDGED, IDENTITY_NOT_FOUND,
 * MEMBER_NOT_ACTIVE, ALREADY_EXISTS
 */
export async function acceptedEdges(
  call: Call,
  consortium: Consortium,
  offer: EdgeOffer,
): Promise<EdgeInForce[]> {
  assertPresentTags(offer.book, offer.edges);
  const to = await readIdentity(call, granteeName(offer.grantee));
  const acks = new Acknowledgements(call, consortium, offer);
  const accepted: EdgeInForce[] = [];
  for (const edge of offer.edges) {
    const statement = readStatement(edge);
    const parent = offer.parentOf(edge);
    const from = await readIdentity(call, offer.delegator, parent?.toKeyEpoch ?? offer.owner.keyEpoch);
    assertFits(offer, edge, { statement, parent, from, to });
    assertSigned(edge, statement, from.signingKey);
    await takeSerial(call, statement, accepted);
    const { recordType, sensitivity, tagEpoch, w } = edge;
    accepted.push({
      ...{ recordType, sensitivity, tagEpoch, statement: edge.statement, w },
      edgeId: statement.edgeId,
      fromKeyEpoch: statement.from.keyEpoch,
      toKeyEpoch: statement.to.keyEpoch,
      proxies: await acks.of(edge, statement),
      txId: call.txId,
    });
  }
  acks.assertNoneLeft();
  return accepted;
}

/** Under keys of their own, so that the book stays small; under the owner's endorsement, and never changed. */
export async function writeEdges(
  call: Call,
  { consortium, mspId }: { readonly consortium: Consortium; readonly mspId: string },
  { pseudonym, grantId }: PatientGrant,
  edges: readonly EdgeInForce[],
): Promise<void> {
  for (const edge of edges) {
    const address = addressOf(pseudonym, grantId, edge);
    await call.state.write(KEYS.edge, address, edge);
    await call.state.setOwner(KEYS.edge, address, mspId, consortium);
  }
}

/** The edges of a grant as its book names them. */
export async function readEdges(
  call: Call,
  { pseudonym, grantId, edges = [] }: PatientGrant,
): Promise<EdgeInForce[]> {
  const found: EdgeInForce[] = [];
  for (const named of edges) {
    const edge = await call.state.read(KEYS.edge, addressOf(pseudonym, grantId, named));
    if (edge?.edgeId !== named.edgeId) throw new TypeError('a grant without the edge that its book names');
    found.push(edge);
  }
  return found;
}

function addressOf(
  pseudonym: string,
  grantId: string,
  edge: Pick<Edge, 'recordType' | 'sensitivity' | 'tagEpoch'>,
): string[] {
  return [pseudonym, grantId, tagOfEdge(edge), String(edge.tagEpoch)];
}

interface Place {
  readonly statement: EdgeStatement;
  readonly parent: EdgeInForce | undefined;
  readonly from: Identity;
  readonly to: Identity;
}

/** @throws CareLedgerError EDGE_INVALID naming what differs */
function assertFits(
  { owner, maxHops, grantee }: EdgeOffer,
  edge: Edge,
  { statement, parent, from, to }: Place,
): void {
  const above = parent === undefined ? statement : readStatement(parent);
  const compared: readonly (readonly [string, string, string])[] = [
    ['owner', nameOf(owner), nameOf(statement.owner)],
    ['delegator', nameOf(from), nameOf(statement.from)],
    ['grantee', nameOf(to), nameOf(statement.to)],
    ['epoch of the tag', String(edge.tagEpoch), String(statement.tagEpoch)],
    ['type label', above.typeLabel, statement.typeLabel],
    ['condition label', above.conditionLabel, statement.conditionLabel],
    ['parent', parent?.edgeId ?? NO_PARENT, statement.parent],
    ['onward hops', String(maxHops), String(statement.maxDepth)],
    ['sharable flag', String(maxHops > 0), String(statement.sharable)],
    [
      'allowance of recoverable grantees',
      String(above.allowsRecoverable),
      String(statement.allowsRecoverable),
    ],
    ['recoverable grantee', String(mayReach(owner, to, statement)), 'true'],
    ['proxies beside the grantee', String(!statement.proxies.includes(grantee.mspId)), 'true'],
  ];
  const differing = compared.find(([, expected, came]) => expected !== came);
  if (differing === undefined) return;
  const [what, expected, came] = differing;
  throw new CareLedgerError('EDGE_INVALID', {
    message: `The statement for ${tagOfEdge(edge)} has another ${what}.`,
    expected,
    came,
  });
}

/** What reaches a recoverable identity can be opened by a majority of hospitals: the owner's signed word decides. */
function mayReach(owner: Identity, to: Identity, { allowsRecoverable }: EdgeStatement): boolean {
  return owner.recoverable || !to.recoverable || allowsRecoverable;
}

function nameOf({ name, keyEpoch }: Pick<Identity, 'name' | 'keyEpoch'>): string {
  return `${name} of epoch ${String(keyEpoch)}`;
}

async function takeSerial(
  call: Call,
  { from, serial }: EdgeStatement,
  accepted: readonly EdgeInForce[],
): Promise<void> {
  const taken = accepted.some((edge) => readStatement(edge).serial === serial);
  if (taken || (await call.state.exists(KEYS.edgeSerial, [from.name, serial])))
    throw new CareLedgerError('ALREADY_EXISTS', { came: 'the serial of an earlier edge' });
  await call.state.mark(KEYS.edgeSerial, [from.name, serial]);
}

/** Acknowledgements of the proxies, each verified under the key that its hospital registered for itself. */
class Acknowledgements {
  readonly #left: Map<string, EdgeAck>;
  readonly #proxies = new Map<string, Identity>();

  constructor(
    private readonly call: Call,
    private readonly consortium: Consortium,
    { acks }: EdgeOffer,
  ) {
    this.#left = new Map(acks.map((ack) => [`${ack.edgeId}/${ack.mspId}`, ack]));
    if (this.#left.size !== acks.length)
      throw new CareLedgerError('EDGE_NOT_ACKNOWLEDGED', { came: 'two acknowledgements of one proxy' });
  }

  async of(edge: Edge, { edgeId, proxies }: EdgeStatement): Promise<EdgeInForce['proxies']> {
    const acknowledged: EdgeInForce['proxies'] = [];
    for (const [index, mspId] of proxies.entries()) {
      const { keyEpoch, signingKey } = await this.#proxy(mspId);
      const ack = this.#left.get(`${edgeId}/${mspId}`);
      this.#left.delete(`${edgeId}/${mspId}`);
      const message = edgeAckMessage({
        edgeId: Buffer.from(edgeId, 'hex'),
        statement: base64UrlToBytes(edge.statement),
        point: index + 1,
      });
      if (ack === undefined || !isSignedBy(signingKey, message, ack.signature))
        throw new CareLedgerError('EDGE_NOT_ACKNOWLEDGED', {
          message: `${mspId} did not acknowledge its share.`,
        });
      acknowledged.push({ mspId, keyEpoch });
    }
    return acknowledged;
  }

  assertNoneLeft(): void {
    if (this.#left.size === 0) return;
    throw new CareLedgerError('EDGE_NOT_ACKNOWLEDGED', { came: 'an acknowledgement of no edge here' });
  }

  async #proxy(mspId: string): Promise<Identity> {
    if (!this.consortium.activeMembers.includes(mspId))
      throw new CareLedgerError('MEMBER_NOT_ACTIVE', { came: `the proxy ${mspId}` });
    const known = this.#proxies.get(mspId) ?? (await readIdentity(this.call, memberName(mspId)));
    this.#proxies.set(mspId, known);
    return known;
  }
}
