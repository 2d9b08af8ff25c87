/**
 * What this hospital gives to an opening along edges: as a proxy its partials, as a custodian its
 * parts of the records' erasure keys.
 *
 * It believes the entry no more than a release does (`gateway/src/release/release-authority.ts`): VALID on its own peer,
 * of the hospital whose certificate asks, in time; and it decides again from its own peer's copy of the grants. Other
 * than a release, this also ends with the grant: from the block that ends it, or raises the epoch, nothing more is given,
 * not even again, because a chain of edges is given in parts and every part has its own say.
 */
import { createHash } from 'node:crypto';
import {
  CareLedgerError,
  canonicalJson,
  custodiansOf,
  decide,
  validate,
  type Access,
  type EdgeInForce,
  type EmrRecord,
  type SharingState,
} from '@careledger/protocol';
import { MAX_SHARING_HEADER_BYTES, parseSharingHeader } from '@careledger/crypto';
import type { ErasureCustody } from '../ports/erasure-custody.js';
import type { SharedHeader, SharingCustody } from '../ports/sharing-custody.js';
import type { RecordStore } from '../ports/record-store.js';
import {
  assertAge,
  assertRequester,
  findAccess,
  notAuthorised,
  unless,
  within,
  type EvidenceLimits,
  type EvidenceModules,
} from '../release/access-evidence.js';
import type { AnswerStore, StoredAnswer } from '../release/answer-store.js';
import { mapBounded } from '../services/bounded.js';
import { perKeyQueue } from '../services/per-key-queue.js';
import {
  entryOf,
  isRefusal,
  lineagesOf,
  sharedHeaderOf,
  type Lineage,
  type SharedRecord,
} from './opening-lineage.js';
import { PartialsRequestSchema, type PartialsAnswer, type PartialsRequest } from './opening-protocol.js';
import { treeOf } from './erasure-ledger.js';
import type { SharingLedger } from './sharing-ledger.js';

export interface OpeningAuthorityOptions {
  readonly mspId: string;
  readonly limits: EvidenceLimits & {
    readonly releaseWindowMs: number;
    readonly repeatWindowMs: number;
    readonly concurrency: number;
  };
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export interface OpeningAuthorityModules extends EvidenceModules {
  readonly sharing: Pick<SharingLedger, 'chain' | 'sharing'>;
  readonly store: Pick<RecordStore, 'get'>;
  readonly custody: {
    readonly sharing: Pick<SharingCustody, 'hasEdgeShare' | 'partials'>;
    readonly erasure: Pick<ErasureCustody, 'sealedParts'>;
  };
  readonly answers: AnswerStore;
}

export interface OpeningAuthority {
  /**
   * The answer to one request, stored before it is returned: the same request gets the same bytes, as far as their chains
   * are in force. What one chain fails at keeps no other back; its records are left out.
   * @param callerMspId the hospital that the client certificate proves
   * @throws CareLedgerError SCHEMA_VIOLATION, RELEASE_NOT_AUTHORISED, RELEASE_REPLAYED, LEDGER_UNAVAILABLE and what store
   * and custody throw. Nothing is given with any of them.
   */
  readonly answer: (callerMspId: string, body: unknown) => Promise<string>;
}

type ReadSharing = (pseudonym: string) => Promise<SharingState>;

export function createOpeningAuthority(
  options: OpeningAuthorityOptions,
  modules: OpeningAuthorityModules,
): OpeningAuthority {
  const serially = perKeyQueue();
  const { limits, clock, mspId } = options;

  const answerTo = async (callerMspId: string, body: PartialsRequest): Promise<string> => {
    const access = await findAccess(body.accessId, limits, modules);
    assertRequester(access, callerMspId);
    const stored = await modules.answers.get(body.accessId);
    const ageMs = clock() - Date.parse(access.at);
    assertAge(ageMs, stored === undefined ? limits.releaseWindowMs : limits.repeatWindowMs);
    const bodyDigest = digestOf(body);
    if (stored !== undefined && stored.bodyDigest !== bodyDigest && !asksForLess(body, stored))
      throw new CareLedgerError('RELEASE_REPLAYED');
    const lineages = await lineagesInForce(access, body);
    if (stored !== undefined) return whatIsInForce(stored.response, lineages);
    const { answer, isWhole } = await makeAnswer(access, lineages);
    const response = JSON.stringify(answer);
    const { recordIds } = body;
    const accessAtMs = Date.parse(access.at);
    // What the store or custody failed at may go well the next time: then it is answered anew.
    if (isWhole) await modules.answers.put(body.accessId, { bodyDigest, response, accessAtMs, recordIds });
    return response;
  };

  /** @throws CareLedgerError RELEASE_NOT_AUTHORISED when no chain is in force */
  async function lineagesInForce(access: Access, { recordIds }: PartialsRequest): Promise<Lineage[]> {
    const { ledger, serviceIdentity } = modules;
    const records = await mapBounded(recordIds, limits.concurrency, async (recordId) => {
      const read = (): Promise<unknown> => ledger.evaluate(serviceIdentity, 'records', 'Get', { recordId });
      const found = await unless('RECORD_NOT_FOUND', within(limits.ledgerTimeoutMs, read));
      const record = found as EmrRecord | undefined;
      if (record?.recordId !== recordId) throw notAuthorised('a record that there is not');
      return record;
    });
    const { inForce, refused } = await lineagesOf(access, records, modules.sharing);
    const sharingOf = onceEach((pseudonym) =>
      within(limits.ledgerTimeoutMs, () => modules.sharing.sharing(pseudonym)),
    );
    const refusals = [...refused.values()];
    const lineages: Lineage[] = [];
    for (const lineage of inForce) {
      const refusal = await refusalOf(assertOwnDecision(access, lineage, sharingOf, clock()));
      if (refusal === undefined) lineages.push(lineage);
      else refusals.push(refusal);
    }
    if (lineages.length > 0) return lineages;
    throw refusals[0] ?? notAuthorised('no record');
  }

  async function makeAnswer(
    access: Access,
    lineages: readonly Lineage[],
  ): Promise<{ readonly answer: PartialsAnswer; readonly isWhole: boolean }> {
    const failures: Error[] = [];
    const perLineage = await mapBounded(lineages, limits.concurrency, (lineage) =>
      partsAlong(lineage, access).catch((error: unknown) => {
        failures.push(error instanceof Error ? error : new CareLedgerError('INTERNAL'));
        return undefined;
      }),
    );
    const given = perLineage.filter((parts) => parts !== undefined);
    const partials = given.flatMap((parts) => parts.partials);
    if (partials.length === 0 && !given.some(({ isCustodian }) => isCustodian))
      throw failures[0] ?? notAuthorised('records of which this hospital has no part');
    const erasureParts = given.flatMap((parts) => parts.erasureParts);
    const answer = { accessId: access.accessId, partials, erasureParts };
    return { answer, isWhole: failures.length === 0 };
  }

  async function partsAlong(
    lineage: Lineage,
    access: Access,
  ): Promise<Omit<PartialsAnswer, 'accessId'> & { readonly isCustodian: boolean }> {
    const held = lineage.records.filter((record) => custodiansOf(record).includes(mspId));
    const [partials, erasureParts] = await Promise.all([
      partialsAlong(lineage),
      mapBounded(held, limits.concurrency, (record) => sealedParts(record, access)),
    ]);
    return { partials, erasureParts: erasureParts.flat(), isCustodian: held.length > 0 };
  }

  async function partialsAlong({ edges, records }: Lineage): Promise<PartialsAnswer['partials']> {
    const { sharing } = modules.custody;
    const kept = await Promise.all(edges.map(({ edgeId }) => sharing.hasEdgeShare(edgeId)));
    const mine = edges.filter(
      ({ proxies }, index) => kept[index] === true && proxies.some((proxy) => proxy.mspId === mspId),
    );
    if (mine.length === 0) return [];
    const headers = await mapBounded(records, limits.concurrency, (record) => fetchHeader(record));
    // Each edge is answered under the key that acknowledged it.
    const epochOf = ({ proxies }: EdgeInForce): number =>
      proxies.find((proxy) => proxy.mspId === mspId)?.keyEpoch ?? 0;
    const perEpoch = await Promise.all(
      [...new Set(mine.map(epochOf))].map((keyEpoch) =>
        sharing.partials({ edges: mine.filter((edge) => epochOf(edge) === keyEpoch), headers, keyEpoch }),
      ),
    );
    const made = perEpoch.flat();
    const recordIds = records.map(({ recordId }) => recordId);
    return made.map(({ edgeId, bytes }) => ({
      edgeId,
      recordIds,
      bytes: Buffer.from(bytes).toString('base64url'),
    }));
  }

  async function fetchHeader(record: SharedRecord): Promise<SharedHeader> {
    const object = await modules.store.get(record.sharing.headerCid, {
      maxBytes: MAX_SHARING_HEADER_BYTES,
    });
    return sharedHeaderOf(record, parseSharingHeader(object).pre);
  }

  async function sealedParts(
    record: SharedRecord,
    { accessId, recipientKey }: Access,
  ): Promise<PartialsAnswer['erasureParts']> {
    const { recordId, erasureLeaf: leaf } = record;
    if (leaf === undefined) throw notAuthorised('a record without an erasure key');
    const recipientPublicKey = new Uint8Array(Buffer.from(recipientKey, 'base64url'));
    const of = { ...treeOf(record), leaf, recipientPublicKey, accessId, recordId };
    const sealed = await modules.custody.erasure.sealedParts(of);
    if (sealed !== undefined) return [{ recordId, sealed: Buffer.from(sealed).toString('base64url') }];
    // A key server may not have its parts yet; then the owner makes the key alone.
    if (record.ownerMspId !== mspId) return [];
    throw notAuthorised('a record whose key was erased');
  }

  return {
    async answer(callerMspId, body) {
      const request = validate(PartialsRequestSchema, body);
      return serially(request.accessId, () => answerTo(callerMspId, request));
    },
  };
}

/**
 * The pure decision again, for each record, over the grants of the chain as they stand now. A grant that has run out
 * since the entry counts as ended, whether or not anybody swept it.
 * @throws CareLedgerError RELEASE_NOT_AUTHORISED
 */
async function assertOwnDecision(
  access: Access,
  { records, chain, grantId, pseudonym }: Lineage,
  sharingOf: ReadSharing,
  nowMs: number,
): Promise<void> {
  const state = await sharingOf(pseudonym);
  const now = new Date(nowMs).toISOString();
  for (const record of records) {
    const decision = decide({
      requester: access.requester,
      purpose: access.purpose,
      at: now > access.at ? now : access.at,
      record,
      // Closing and suspending after the opening do not undo it.
      patient: { ...state, status: 'enrolled' },
      grants: chain.links.map(({ grant }) => grant),
      instructions: [],
      requesterMemberActive: true,
      requesterSuspended: false,
    });
    if (decision.outcome === 'deny') throw notAuthorised(`an entry whose grants give ${decision.reason}`);
    if (decision.basis !== 'grant' || decision.grant.grantId !== entryOf(access, record)?.grantId)
      throw notAuthorised(`an entry under another grant than ${grantId}`);
  }
}

async function refusalOf(work: Promise<void>): Promise<CareLedgerError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (isRefusal(error)) return error;
    throw error;
  }
}

/** Whether a request names whole chains of what was answered, and nothing else: what ended meanwhile is left out of it. */
function asksForLess(
  { recordIds }: PartialsRequest,
  { recordIds: before = [], response }: StoredAnswer,
): boolean {
  const asked = new Set(recordIds);
  const { partials } = JSON.parse(response) as PartialsAnswer;
  return (
    recordIds.every((recordId) => before.includes(recordId)) &&
    partials.every((partial) => new Set(partial.recordIds.map((id) => asked.has(id))).size === 1)
  );
}

/** Of a stored answer what may still be given: the same bytes, while all of its chains are in force. */
function whatIsInForce(response: string, lineages: readonly Lineage[]): string {
  const answer = JSON.parse(response) as PartialsAnswer;
  const inForce = new Set(lineages.flatMap(({ records }) => records.map(({ recordId }) => recordId)));
  const partials = answer.partials.filter(({ recordIds }) => recordIds.every((id) => inForce.has(id)));
  const erasureParts = answer.erasureParts.filter(({ recordId }) => inForce.has(recordId));
  const isWhole =
    partials.length === answer.partials.length && erasureParts.length === answer.erasureParts.length;
  return isWhole ? response : JSON.stringify({ ...answer, partials, erasureParts });
}

function onceEach<Result>(read: (key: string) => Promise<Result>): (key: string) => Promise<Result> {
  const asked = new Map<string, Promise<Result>>();
  return (key) => {
    const answer = asked.get(key) ?? read(key);
    asked.set(key, answer);
    return answer;
  };
}

/** A body is a set of records: in whatever order they are named, it is the same. */
function digestOf({ accessId, recordIds }: PartialsRequest): string {
  const body = canonicalJson({ accessId, recordIds: [...recordIds].sort() });
  return createHash('sha256').update(body).digest('hex');
}
