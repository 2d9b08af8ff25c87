/**
 * Records of an opening by what they have in common: the grant and the tag, and with them the chain of edges from the
 * patient to the requester. Everything comes from this hospital's own peer.
 */
import {
  CareLedgerError,
  granteeName,
  patientName,
  type Access,
  type AccessDecision,
  type EdgeInForce,
  type EmrRecord,
  type GrantChain,
  type RecordSharing,
} from '@careledger/protocol';
import { encodeContext } from '@careledger/crypto';
import type { EdgeView, IdentityAt, SharedHeader } from '../ports/sharing-custody.js';
import { contextOf } from '../services/record-sealing.js';
import type { SharingLedger } from './sharing-ledger.js';

const WORTH_DIVIDING = 8;

export type SharedRecord = EmrRecord & { readonly sharing: RecordSharing };

/** Records that one chain of edges reaches. */
export interface Lineage {
  readonly pseudonym: string;
  readonly grantId: string;
  /** From the patient's own grant to the requester's. */
  readonly chain: GrantChain;
  /** One of each grant of the chain, in its order. */
  readonly edges: readonly EdgeInForce[];
  readonly records: readonly SharedRecord[];
}

/** Records of an opening by the chains that reach them. What one chain fails at keeps no other back. */
export interface Lineages {
  readonly inForce: readonly Lineage[];
  /** By record: why nothing reaches it. */
  readonly refused: ReadonlyMap<string, CareLedgerError>;
}

/** The decision of an entry about a record. */
export function entryOf(access: Access, { recordId }: EmrRecord): AccessDecision | undefined {
  return access.decisions.find((decision) => decision.recordId === recordId);
}

/**
 * @throws CareLedgerError RELEASE_NOT_AUTHORISED for a record that the entry does not open along edges; a chain that is
 * not in force is refused with its records
 */
export async function lineagesOf(
  access: Access,
  records: readonly EmrRecord[],
  { chain: readChain }: Pick<SharingLedger, 'chain'>,
): Promise<Lineages> {
  const groups = new Map<string, SharedRecord[]>();
  for (const record of records) {
    const { pseudonym, type } = record;
    const entry = entryOf(access, record);
    const isAlongEdges =
      entry?.outcome === 'grant' && entry.via === 're-encryption' && entry.pseudonym === pseudonym;
    if (!isAlongEdges || entry.grantId === undefined || !isShared(record))
      throw notAuthorised('a record that the entry does not open along edges');
    const key = [pseudonym, entry.grantId, type, record.sharing.sensitivity].join('/');
    groups.set(key, [...(groups.get(key) ?? []), record]);
  }
  const chains = new Map<string, Promise<GrantChain>>();
  const refused = new Map<string, CareLedgerError>();
  const found = await Promise.all(
    [...groups].flatMap(inHalves).map(async ([key, group]): Promise<Lineage[]> => {
      const [pseudonym = '', grantId = ''] = key.split('/');
      const place = `${pseudonym}/${grantId}`;
      const reading = chains.get(place) ?? inForce(readChain(pseudonym, grantId));
      chains.set(place, reading);
      try {
        const chain = await reading;
        return [{ pseudonym, grantId, chain, edges: edgesOf(chain, group), records: group }];
      } catch (error) {
        if (!isRefusal(error)) throw error;
        for (const { recordId } of group) refused.set(recordId, error);
        return [];
      }
    }),
  );
  return { inForce: found.flat(), refused };
}

/** Of one chain or record, as opposed to a ledger or store that is away: that may be asked again. */
export function isRefusal(error: unknown): error is CareLedgerError {
  return error instanceof CareLedgerError && error.code === 'RELEASE_NOT_AUTHORISED';
}

/**
 * Many records in two parts, each with a proof and an opening of its own, so that both cores are at it. Everybody who
 * is asked about the same records divides them alike.
 */
function inHalves([key, group]: [string, SharedRecord[]]): [string, SharedRecord[]][] {
  if (group.length < WORTH_DIVIDING) return [[key, group]];
  const half = Math.ceil(group.length / 2);
  return [
    [key, group.slice(0, half)],
    [key, group.slice(half)],
  ];
}

function isShared(record: EmrRecord): record is SharedRecord {
  return record.sharing !== undefined;
}

async function inForce(reading: Promise<GrantChain>): Promise<GrantChain> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof CareLedgerError)) throw error;
    if (error.code !== 'GRANT_NOT_FOUND' && error.code !== 'TRANSITION_NOT_ALLOWED') throw error;
    throw notAuthorised('a grant that is not in force');
  }
}

/** The edge of the records' tag of each grant, and of the epoch under which every one of the records is sealed. */
function edgesOf({ links }: GrantChain, records: readonly SharedRecord[]): EdgeInForce[] {
  return links.map(({ grant, edges }) => {
    const edge = edges.find((candidate) =>
      records.every(
        ({ type, sharing }) =>
          candidate.recordType === type &&
          candidate.sensitivity === sharing.sensitivity &&
          candidate.tagEpoch === sharing.tagEpoch,
      ),
    );
    if (grant.status === 'active' && edge !== undefined) return edge;
    throw notAuthorised('a chain without an edge of the record’s tag and epoch');
  });
}

/** Whom the chain reaches, from the patient on. */
export function placesOf({ pseudonym, chain, edges }: Lineage): IdentityAt[] {
  const [first] = edges;
  if (first === undefined) throw notAuthorised('a chain without edges');
  const reached = chain.links.map(({ grant }, index) => ({
    name: granteeName(grant.grantee),
    keyEpoch: edges[index]?.toKeyEpoch ?? 0,
  }));
  return [{ name: patientName(pseudonym), keyEpoch: first.fromKeyEpoch }, ...reached];
}

export async function viewOf(
  lineage: Lineage,
  ledger: Pick<SharingLedger, 'masterKey' | 'identity'>,
): Promise<EdgeView> {
  const inForce = await ledger.masterKey();
  if (inForce === undefined) throw new CareLedgerError('NOT_READY');
  const identities = await Promise.all(placesOf(lineage).map((place) => registered(place, ledger)));
  return { masterKey: inForce.masterKey, chain: lineage.edges, identities };
}

/** @throws CareLedgerError RELEASE_NOT_AUTHORISED when the ledger has no such identity */
export async function registered(
  { name, keyEpoch }: IdentityAt,
  ledger: Pick<SharingLedger, 'identity'>,
): Promise<NonNullable<Awaited<ReturnType<SharingLedger['identity']>>>> {
  const identity = await ledger.identity(name, keyEpoch);
  if (identity === undefined) throw notAuthorised('an edge to an identity that is not registered');
  return identity;
}

/** What a header of the store has to fit, from the ledger alone. */
export function sharedHeaderOf(record: SharedRecord, pre: Uint8Array): SharedHeader {
  return { bytes: pre, aad: encodeContext(contextOf(record)), handle: record.sharing.handle };
}

function notAuthorised(came: string): CareLedgerError {
  return new CareLedgerError('RELEASE_NOT_AUTHORISED', { came });
}
