import {
  CareLedgerError,
  addGrant,
  assertEdgesCover,
  assertForward,
  assertForwardStands,
  assertGrantPeriod,
  assertRenewable,
  granteeName,
  liveGrant,
  liveLineage,
  nextStatus,
  patientName,
  tagOfEdge,
  withEdges,
  withGrant,
  type ArgumentOf,
  type Consortium,
  type Edge,
  type EdgeInForce,
  type GrantBook,
  type Identity,
  type Patient,
  type PatientGrant,
} from '@careledger/protocol';
import { readIdentity } from '../identity/reading.js';
import { assertActive, type Call } from '../shell/call.js';
import { requireRole } from '../shell/caller.js';
import { readEndedGrant, readGrantBook, writeGrantBook } from '../shell/grant-books.js';
import { writeNotice } from '../shell/notices.js';
import { assertEnrolled, readSigningPatient } from '../shell/patient-authority.js';
import { acceptedEdges, readEdges, writeEdges, type EdgeOffer } from './edges.js';

type Argument<Method extends 'Grant' | 'Forward' | 'Renew' | 'RenewForward'> = ArgumentOf<'grants', Method>;

/** A grant as it now stands, and the book that it stands in. */
export interface Granted {
  readonly grant: PatientGrant;
  readonly book: GrantBook;
}

/** A patient's own grant: by edges when the patient has an identity key, released by the owner when not. */
export async function granted(
  call: Call,
  consortium: Consortium,
  request: Argument<'Grant'>,
): Promise<Granted> {
  const patient = await readSigningPatient(call, request);
  assertEnrolled(patient);
  const { edges, ...terms } = request.arguments;
  assertGrantPeriod(terms, call.at);
  assertActive(consortium, terms.grantee.mspId);
  const book = await readGrantBook(call, terms.pseudonym);
  const ended = await readEndedGrant(call, terms.pseudonym, terms.grantId);
  const status = nextStatus('grant', ended?.status, 'grant');
  const grant: PatientGrant = { ...terms, status, basis: 'patient', createdAt: call.at, txId: call.txId };
  if (book.identityEpoch === undefined) {
    assertWithoutEdges(request);
    return added(call, consortium, { book, grant, edges: [] });
  }
  if (edges === undefined || request.acks === undefined)
    throw new CareLedgerError('EDGE_INVALID', {
      expected: 'edges and acks: the patient has an identity key',
    });
  assertEdgesCover(terms.recordTypes, edges);
  const owner = await readOwner(call, book, patient);
  const offer = {
    ...terms,
    book,
    edges,
    acks: request.acks,
    owner,
    delegator: owner.name,
    parentOf: () => undefined,
  };
  return added(call, consortium, { book, grant, edges: await acceptedEdges(call, consortium, offer) });
}

/** New edges for a patient's own grant, after an epoch of its tags was raised. */
export async function renewed(
  call: Call,
  consortium: Consortium,
  request: Argument<'Renew'>,
): Promise<Granted> {
  const patient = await readSigningPatient(call, request);
  assertEnrolled(patient);
  const { pseudonym, grantId, edges } = request.arguments;
  const book = await readGrantBook(call, pseudonym);
  const grant = liveGrant(book, grantId);
  if (grant.basis !== 'patient') {
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
      expected: 'a grant that the patient signed',
      came: 'a grant of a hospital or of an instruction',
    });
  }
  liveLineage(book, grantId, call.at);
  assertActive(consortium, grant.grantee.mspId);
  const owner = await readOwner(call, book, patient);
  const offer = {
    ...grant,
    book,
    edges,
    acks: request.acks,
    owner,
    delegator: owner.name,
    parentOf: () => undefined,
  };
  return replaced(call, consortium, offer, grant);
}

/** An onward grant, by the grantee of the grant that it stands on. */
export async function forwarded(
  call: Call,
  consortium: Consortium,
  request: Argument<'Forward'>,
): Promise<Granted> {
  requireRole(call.caller, ['clinician', 'officer', 'researcher']);
  const { edges, acks, parentId, ...terms } = request;
  const book = await readGrantBook(call, terms.pseudonym);
  assertEnrolled(book);
  assertGrantPeriod(terms, call.at);
  assertActive(consortium, terms.grantee.mspId);
  const parent = assertForward(liveLineage(book, parentId, call.at), terms, call.caller);
  assertEdgesCover(terms.recordTypes, edges);
  const ended = await readEndedGrant(call, terms.pseudonym, terms.grantId);
  const grant: PatientGrant = {
    ...terms,
    status: nextStatus('grant', ended?.status, 'grant'),
    basis: { parentId, by: call.caller },
    createdAt: call.at,
    txId: call.txId,
  };
  const from = await onwardFrom(call, book, parent);
  const offer = { ...terms, book, edges, acks, ...from };
  return added(call, consortium, { book, grant, edges: await acceptedEdges(call, consortium, offer) });
}

/** New edges for an onward grant, after its parent got new ones; a hospital's own may be its gateway's doing. */
export async function forwardRenewed(
  call: Call,
  consortium: Consortium,
  { pseudonym, grantId, edges, acks }: Argument<'RenewForward'>,
): Promise<Granted> {
  const book = await readGrantBook(call, pseudonym);
  assertEnrolled(book);
  const lineage = liveLineage(book, grantId, call.at);
  const grant = liveGrant(book, grantId);
  const parent = lineage.at(-2);
  if (parent === undefined) {
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
      expected: 'an onward grant',
      came: 'a grant of the patient',
    });
  }
  assertForwardStands(lineage.slice(0, -1), grant, call.caller);
  assertActive(consortium, grant.grantee.mspId);
  const from = await onwardFrom(call, book, parent);
  return replaced(call, consortium, { ...grant, book, edges, acks, ...from }, grant);
}

async function added(
  call: Call,
  consortium: Consortium,
  {
    book,
    grant,
    edges,
  }: { readonly book: GrantBook; readonly grant: PatientGrant; readonly edges: readonly EdgeInForce[] },
): Promise<Granted> {
  const complete = edges.length === 0 ? grant : withEdges(grant, edges);
  const change = addGrant(book, complete, call.at, call.txId);
  await writeGrantBook(call, consortium, change);
  await writeEdges(call, { consortium, mspId: book.mspId }, complete, edges);
  return { grant: complete, book: change.book };
}

async function replaced(
  call: Call,
  consortium: Consortium,
  offer: EdgeOffer,
  grant: PatientGrant,
): Promise<Granted> {
  assertRenewable(offer.book, grant, offer.edges);
  const edges = await acceptedEdges(call, consortium, offer);
  const status = nextStatus('grant', grant.status, 'renew');
  const complete = withEdges({ ...grant, status }, edges);
  const book = withGrant(offer.book, complete);
  await writeGrantBook(call, consortium, { book, ended: [] });
  await writeEdges(call, { consortium, mspId: book.mspId }, complete, edges);
  const { pseudonym, grantId } = grant;
  const about = granteeName(grant.grantee);
  const notice = { pseudonym, kind: 'renewal', caseId: grantId, status: 'renewed', about } as const;
  await writeNotice(call, notice, grant.basis === 'patient' ? undefined : call.caller.mspId);
  return { grant: complete, book };
}

/**
 * The patient's identity at its present epoch.
 * @throws CareLedgerError EPOCH_STALE after the pseudonym's key was replaced, until the identity follows
 */
async function readOwner(call: Call, book: GrantBook, patient: Patient): Promise<Identity> {
  if (book.identityEpoch === undefined)
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', { expected: 'a patient with an identity key' });
  const owner = await readIdentity(call, patientName(patient.pseudonym), book.identityEpoch);
  if (owner.signingKey === patient.keys.signing) return owner;
  throw new CareLedgerError('EPOCH_STALE', {
    expected: 'the identity’s next epoch, registered with the pseudonym’s present key',
  });
}

/**
 * What onward edges go on from: the parent's own edges.
 * @throws CareLedgerError EPOCH_STALE where the parent waits for new edges itself
 */
async function onwardFrom(
  call: Call,
  book: GrantBook,
  parent: PatientGrant,
): Promise<Pick<EdgeOffer, 'owner' | 'delegator' | 'parentOf'>> {
  if (book.identityEpoch === undefined)
    throw new CareLedgerError('TRANSITION_NOT_ALLOWED', { expected: 'a patient with an identity key' });
  const owner = await readIdentity(call, patientName(book.pseudonym), book.identityEpoch);
  const above = await readEdges(call, parent);
  const parentOf = (edge: Edge): EdgeInForce => {
    const found = above.find((candidate) => tagOfEdge(candidate) === tagOfEdge(edge));
    if (found === undefined)
      throw new CareLedgerError('FORWARD_EXCEEDS_GRANT', {
        message: `The parent does not cover ${tagOfEdge(edge)}.`,
      });
    if (found.tagEpoch === edge.tagEpoch) return found;
    throw new CareLedgerError('EPOCH_STALE', { expected: 'a parent with edges of the present epoch' });
  };
  return { owner, delegator: granteeName(parent.grantee), parentOf };
}

/** Without an identity key there is nothing that edges could start from, and nobody to hand anything on. */
function assertWithoutEdges({ arguments: { edges, maxHops }, acks }: Argument<'Grant'>): void {
  if (edges === undefined && acks === undefined && maxHops === 0) return;
  throw new CareLedgerError('SCHEMA_VIOLATION', {
    expected: 'no edges, no acks and no onward hops: the patient has no identity key',
  });
}
