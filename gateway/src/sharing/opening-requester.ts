/**
 * The requester's side of an opening along edges: asks the owner and as many proxies as are needed at once, the others
 * when one fails or takes its time, and opens with the first answers that are enough. A slow proxy is not waited for,
 * and one whose partials do not verify is named and left out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CareLedgerError,
  canonicalJson,
  memberName,
  type Access,
  type EmrRecord,
  type ErrorCode,
} from '@careledger/protocol';
import {
  CryptoError,
  MAX_SHARING_HEADER_BYTES,
  openSharingHeader,
  parseSharingHeader,
  type SharedPayload,
  type SharingHeader,
} from '@careledger/crypto';
import type { ErasureCustody } from '../ports/erasure-custody.js';
import type { EdgePartials, EdgeView, SharingCustody } from '../ports/sharing-custody.js';
import type { RecordStore } from '../ports/record-store.js';
import { mapBounded } from '../services/bounded.js';
import {
  lineagesOf,
  placesOf,
  registered,
  sharedHeaderOf,
  viewOf,
  type Lineage,
  type SharedRecord,
} from './opening-lineage.js';
import {
  PARTIALS_PATH,
  PartialsAnswerSchema,
  maxAnswerBytes,
  type PartialsAnswer,
  type PartialsRequest,
} from './opening-protocol.js';
import type { PeerQuestions } from './peer-questions.js';
import type { SharingLedger } from './sharing-ledger.js';

export interface OpeningRequesterModules {
  readonly ledger: Pick<SharingLedger, 'mspId' | 'chain' | 'identity' | 'masterKey'>;
  readonly peers: Pick<PeerQuestions, 'ask'>;
  readonly store: Pick<RecordStore, 'get'>;
  readonly custody: {
    readonly sharing: Pick<SharingCustody, 'openShared'>;
    readonly erasure: Pick<ErasureCustody, 'openKey'>;
  };
  /** Of this hospital itself, where it is a proxy of an edge further up. */
  readonly ownAnswer: (body: PartialsRequest) => Promise<PartialsAnswer>;
  /** Partials that an edge needs, as its statement says. */
  readonly thresholdOf: (statement: string) => number;
  /** A proxy whose partials did not verify, or that did not answer. */
  readonly onBadProxy: (proxy: { readonly mspId: string; readonly why: string }) => void;
}

export interface OpeningRequesterOptions {
  readonly concurrency: number;
  /** For all attempts at one hospital together. */
  readonly timeoutMs: number;
}

/** What opens one record, or why it does not open. */
export type SharedKeys = ReadonlyMap<string, SharedPayload | Error>;

export interface OpeningRequester {
  /** The data keys of records that an entry opens along edges. What one chain fails at keeps no other back. */
  open(access: Access, records: readonly EmrRecord[]): Promise<SharedKeys>;
}

const PASSED_ON: readonly ErrorCode[] = [
  'RELEASE_NOT_AUTHORISED',
  'RELEASE_REPLAYED',
  'LEDGER_UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'CID_MISMATCH',
  'RECORD_TAMPERED',
  'KEY_NOT_FOUND',
  'RATE_LIMITED',
  'NOT_READY',
];

/** Who answers what: one question to each hospital for the whole opening. */
type Answers = ReadonlyMap<string, Promise<PartialsAnswer>>;

export function createOpeningRequester(
  options: OpeningRequesterOptions,
  modules: OpeningRequesterModules,
): OpeningRequester {
  const { ledger, peers, store, custody } = modules;

  /** Owners, and of each edge as many proxies as it needs: whoever is asked computes, and the rest may not have to. */
  const askedFirst = (lineages: readonly Lineage[]): Set<string> => {
    const first = new Set(lineages.flatMap(({ records }) => records.map(({ ownerMspId }) => ownerMspId)));
    for (const { proxies, statement } of lineages.flatMap(({ edges }) => edges)) {
      const names = proxies.map(({ mspId }) => mspId);
      const missing = modules.thresholdOf(statement) - names.filter((name) => first.has(name)).length;
      for (const name of names.filter((candidate) => !first.has(candidate)).slice(0, Math.max(0, missing)))
        first.add(name);
    }
    return first;
  };

  const askAll = (access: Access, lineages: readonly Lineage[], opened: AbortSignal): Answers => {
    const first = askedFirst(lineages);
    const somethingFailed = new AbortController();
    const waited = AbortSignal.any([opened, somethingFailed.signal]);
    const asked = new Map<string, Set<string>>();
    for (const { edges, records } of lineages) {
      const proxies = edges.flatMap((edge) => edge.proxies.map(({ mspId }) => mspId));
      for (const record of records) {
        for (const mspId of [record.ownerMspId, ...proxies])
          asked.set(mspId, (asked.get(mspId) ?? new Set()).add(record.recordId));
      }
    }
    const answers = new Map<string, Promise<PartialsAnswer>>();
    for (const [mspId, recordIds] of asked) {
      const answer = first.has(mspId)
        ? ask(mspId, access, [...recordIds])
        : unlessOpened(waited, opened).then(() => ask(mspId, access, [...recordIds]));
      // Whoever waits for it sees the failure; a proxy that is not needed may fail.
      answer.catch(() => {
        somethingFailed.abort();
      });
      answers.set(mspId, answer);
    }
    return answers;
  };

  async function ask(mspId: string, { accessId }: Access, recordIds: string[]): Promise<PartialsAnswer> {
    if (mspId === ledger.mspId) return modules.ownAnswer({ accessId, recordIds });
    const answer = await peers.ask(mspId, {
      path: PARTIALS_PATH,
      body: { accessId, recordIds },
      answer: PartialsAnswerSchema,
      maxResponseBytes: maxAnswerBytes(recordIds.length),
      timeoutMs: options.timeoutMs,
      passedOn: PASSED_ON,
    });
    if (answer.accessId === accessId) return answer;
    throw new CareLedgerError('PEER_GATEWAY_UNAVAILABLE', { came: 'an answer to another question' });
  }

  async function openLineage(access: Access, lineage: Lineage, answers: Answers): Promise<SharedKeys> {
    const { records } = lineage;
    const [headers, view, proxyKeys, erasureKeys] = await Promise.all([
      mapBounded(records, options.concurrency, fetchHeader),
      viewOf(lineage, ledger),
      proxyKeysOf(lineage),
      erasureKeysOf(access, records, answers),
    ]);
    const wrapKeys = await wrapKeysOf(lineage, { headers, view, proxyKeys }, answers);
    return new Map(
      records.map((record, index) => {
        const [header, wrapKey] = [headers[index], wrapKeys[index]];
        const erasureKey = erasureKeys.get(record.recordId);
        if (header === undefined || wrapKey === undefined || erasureKey === undefined)
          return [record.recordId, unavailable('a part of the answer')];
        return [record.recordId, payloadOf(record, header, { wrapKey, erasureKey })];
      }),
    );
  }

  async function fetchHeader({ sharing }: SharedRecord): Promise<SharingHeader> {
    return parseSharingHeader(await store.get(sharing.headerCid, { maxBytes: MAX_SHARING_HEADER_BYTES }));
  }

  async function proxyKeysOf({ edges }: Lineage): Promise<ReadonlyMap<string, string>> {
    const proxies = edges.flatMap((edge) => edge.proxies);
    const keys = await Promise.all(
      proxies.map(async ({ mspId, keyEpoch }) => {
        const { signingKey } = await registered({ name: memberName(mspId), keyEpoch }, ledger);
        return [mspId, signingKey] as const;
      }),
    );
    return new Map(keys);
  }

  /** The owner's part: without it nothing opens, so its failure is that of the records. */
  async function erasureKeysOf(
    { accessId, recipientKey }: Access,
    records: readonly SharedRecord[],
    answers: Answers,
  ): Promise<ReadonlyMap<string, Uint8Array>> {
    const recipientPublicKey = new Uint8Array(Buffer.from(recipientKey, 'base64url'));
    const owners = [...new Set(records.map(({ ownerMspId }) => ownerMspId))];
    const given = await Promise.all(owners.map(async (owner) => answers.get(owner)));
    const sealed = given.flatMap((answer) => answer?.erasureKeys ?? []);
    const wanted = new Set(records.map(({ recordId }) => recordId));
    const opened = await mapBounded(
      sealed.filter(({ recordId }) => wanted.has(recordId)),
      options.concurrency,
      async (key) => {
        const bytes = new Uint8Array(Buffer.from(key.sealed, 'base64url'));
        const of = { recipientPublicKey, sealed: bytes, accessId, recordId: key.recordId };
        return [key.recordId, await custody.erasure.openKey(of)] as const;
      },
    );
    return new Map(opened);
  }

  /** Opens as soon as every edge has as many partials as it needs, and again with more when some of them were wrong. */
  async function wrapKeysOf(
    lineage: Lineage,
    of: {
      readonly headers: readonly SharingHeader[];
      readonly view: EdgeView;
      readonly proxyKeys: ReadonlyMap<string, string>;
    },
    answers: Answers,
  ): Promise<readonly Uint8Array[]> {
    const { edges, records } = lineage;
    const place = placesOf(lineage).at(-1);
    if (place === undefined) throw unavailable('a chain that ends nowhere');
    const headers = records.map((record, index) =>
      sharedHeaderOf(record, of.headers[index]?.pre ?? new Uint8Array(0)),
    );
    const partials = new Map<string, readonly EdgePartials[]>();
    const missing: string[] = [];
    let wrong: CryptoError | undefined;
    for await (const { mspId, result } of asTheyCome(proxiesOf(lineage), answers)) {
      if (result instanceof Error) {
        modules.onBadProxy({ mspId, why: result.message });
        missing.push(mspId);
        continue;
      }
      partials.set(mspId, partialsAlong(result, lineage));
      if (!isEnough(edges, partials, modules.thresholdOf)) continue;
      try {
        const { view, proxyKeys } = of;
        const opened = await custody.sharing.openShared({ ...place, view, headers, partials, proxyKeys });
        for (const bad of opened.badProxies)
          modules.onBadProxy({ mspId: bad, why: 'partials that do not verify' });
        return opened.wrapKeys;
      } catch (error) {
        // Of the answers so far some are wrong: the next one may be right.
        if (!(error instanceof CryptoError)) throw error;
        wrong = error;
      }
    }
    if (wrong !== undefined) throw wrong;
    throw unavailable(`too few partials: nothing from ${missing.join(', ') || 'any other proxy'}`);
  }

  return {
    async open(access, records) {
      const lineages = await lineagesOf(access, records, ledger);
      const done = new AbortController();
      const answers = askAll(access, lineages, done.signal);
      const opened = await Promise.all(
        lineages.map(async (lineage): Promise<SharedKeys> => {
          try {
            return await openLineage(access, lineage, answers);
          } catch (error) {
            const failure = error instanceof Error ? error : new CareLedgerError('INTERNAL');
            return new Map(lineage.records.map(({ recordId }) => [recordId, failure]));
          }
        }),
      );
      done.abort();
      return new Map(opened.flatMap((keys) => [...keys]));
    },
  };
}

/** How long the others have before a proxy that may not be needed is asked. */
const HEAD_START_MS = 400;

/** @throws CareLedgerError when nobody needs the answer any more */
async function unlessOpened(waited: AbortSignal, opened: AbortSignal): Promise<void> {
  await sleep(HEAD_START_MS, undefined, { signal: waited, ref: false }).catch(() => undefined);
  if (opened.aborted) throw unavailable('an opening that has ended');
}

function payloadOf(
  { sharing: { handle } }: SharedRecord,
  { sealed }: SharingHeader,
  secrets: { readonly wrapKey: Uint8Array; readonly erasureKey: Uint8Array },
): SharedPayload | Error {
  try {
    return openSharingHeader({ ...secrets, sealed, handle });
  } catch (error) {
    return error instanceof Error ? error : new CareLedgerError('INTERNAL');
  } finally {
    secrets.wrapKey.fill(0);
    secrets.erasureKey.fill(0);
  }
}

function proxiesOf({ edges }: Lineage): string[] {
  return [...new Set(edges.flatMap((edge) => edge.proxies.map(({ mspId }) => mspId)))];
}

/** A hospital's partials for the edges of one chain, made for exactly its records. */
function partialsAlong({ partials }: PartialsAnswer, { edges, records }: Lineage): EdgePartials[] {
  const asked = canonicalJson(records.map(({ recordId }) => recordId));
  const edgeIds = new Set(edges.map(({ edgeId }) => edgeId));
  return partials
    .filter(({ edgeId, recordIds }) => edgeIds.has(edgeId) && canonicalJson(recordIds) === asked)
    .map(({ edgeId, bytes }) => ({ edgeId, bytes: new Uint8Array(Buffer.from(bytes, 'base64url')) }));
}

function isEnough(
  edges: Lineage['edges'],
  partials: ReadonlyMap<string, readonly EdgePartials[]>,
  thresholdOf: (statement: string) => number,
): boolean {
  const given = [...partials.values()].flat();
  return edges.every(
    (edge) => given.filter(({ edgeId }) => edgeId === edge.edgeId).length >= thresholdOf(edge.statement),
  );
}

interface Arrival {
  readonly mspId: string;
  readonly result: PartialsAnswer | Error;
}

/** Answers in the order in which they come. */
async function* asTheyCome(mspIds: readonly string[], answers: Answers): AsyncGenerator<Arrival> {
  const waiting = new Map<string, Promise<Arrival>>();
  for (const mspId of mspIds) {
    const answer = answers.get(mspId);
    if (answer === undefined) continue;
    const arrival = answer.then(
      (result) => ({ mspId, result }),
      (error: unknown) => ({ mspId, result: error instanceof Error ? error : new Error('no answer') }),
    );
    waiting.set(mspId, arrival);
  }
  while (waiting.size > 0) {
    const arrival = await Promise.race(waiting.values());
    waiting.delete(arrival.mspId);
    yield arrival;
  }
}

function unavailable(came: string): CareLedgerError {
  return new CareLedgerError('PEER_GATEWAY_UNAVAILABLE', { came });
}
