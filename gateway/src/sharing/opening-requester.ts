/**
 * The requester's side of an opening along edges: asks two custodians of the erasure key and as many proxies as are needed
 * at once, the others when one fails or takes its time, and opens with the first answers that are enough. Nobody in
 * particular has to answer, the owner no more than others. One that is slow is not waited for, and one whose partials or
 * parts are wrong is named and left out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CareLedgerError,
  canonicalJson,
  custodiansOf,
  memberName,
  type Access,
  type EmrRecord,
  type ErrorCode,
} from '@careledger/protocol';
import {
  CryptoError,
  MAX_SHARING_HEADER_BYTES,
  edgeProxy,
  erasureKeyFromParts,
  openSharingHeader,
  parseSharingHeader,
  type ErasureParts,
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
    readonly erasure: Pick<ErasureCustody, 'openParts'>;
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

  /** Two custodians, and of each edge as many proxies as it needs: whoever is asked computes, and the rest may not have to. */
  const askedFirst = (lineages: readonly Lineage[]): Set<string> => {
    const first = new Set(
      lineages.flatMap((lineage) => {
        const proxies = proxiesOf(lineage);
        return lineage.records.flatMap((record) => firstCustodians(record, proxies));
      }),
    );
    for (const { proxies, statement } of lineages.flatMap(({ edges }) => edges)) {
      const names = proxies.map(({ mspId }) => mspId);
      const missing = modules.thresholdOf(statement) - names.filter((name) => first.has(name)).length;
      for (const name of names.filter((candidate) => !first.has(candidate)).slice(0, Math.max(0, missing)))
        first.add(name);
    }
    return first;
  };
  /** The owner, and a key server: one that is asked as a proxy anyway, if there is one. */
  const firstCustodians = (record: EmrRecord, proxies: readonly string[]): string[] => {
    const [owner = '', ...servers] = custodiansOf(record);
    const asked = servers.filter((mspId) => proxies.includes(mspId));
    return [owner, ...(asked.length > 0 ? asked : servers).slice(0, 1)];
  };

  const askAll = (access: Access, lineages: readonly Lineage[], opened: AbortSignal): Answers => {
    const first = askedFirst(lineages);
    const somethingFailed = new AbortController();
    const waited = AbortSignal.any([opened, somethingFailed.signal]);
    const asked = new Map<string, Set<string>>();
    for (const { edges, records } of lineages) {
      const proxies = edges.flatMap((edge) => edge.proxies.map(({ mspId }) => mspId));
      for (const record of records) {
        for (const mspId of [...custodiansOf(record), ...proxies])
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
    const [headers, view, proxyKeys] = await Promise.all([
      mapBounded(records, options.concurrency, fetchHeader),
      viewOf(lineage, ledger),
      proxyKeysOf(lineage),
    ]);
    const wrapKeys = await wrapKeysOf(lineage, { headers, view, proxyKeys }, answers);
    const sealed = records.flatMap((record, index): SealedPayload[] => {
      const [header, wrapKey] = [headers[index], wrapKeys[index]];
      return header === undefined || wrapKey === undefined ? [] : [{ record, header, wrapKey }];
    });
    const payloads = await payloadsOf(access, sealed, answers);
    for (const { wrapKey } of sealed) wrapKey.fill(0);
    return new Map(
      records.map(({ recordId }) => [
        recordId,
        payloads.get(recordId) ?? unavailable('a part of the answer'),
      ]),
    );
  }

  async function fetchHeader({ sharing }: SharedRecord): Promise<SharingHeader> {
    return parseSharingHeader(await store.get(sharing.headerCid, { maxBytes: MAX_SHARING_HEADER_BYTES }));
  }

  /** Of the epoch with which each proxy acknowledged each edge. */
  async function proxyKeysOf({ edges }: Lineage): Promise<ReadonlyMap<string, string>> {
    const places = edges.flatMap(({ edgeId, proxies }) => proxies.map((proxy) => ({ ...proxy, edgeId })));
    const keys = await Promise.all(
      places.map(async ({ edgeId, mspId, keyEpoch }) => {
        const { signingKey } = await registered({ name: memberName(mspId), keyEpoch }, ledger);
        return [edgeProxy(edgeId, mspId), signingKey] as const;
      }),
    );
    return new Map(keys);
  }

  /** Opens each record as soon as its custodians gave parts that make its erasure key, and they are the right ones. */
  async function payloadsOf(
    access: Access,
    sealed: readonly SealedPayload[],
    answers: Answers,
  ): Promise<ReadonlyMap<string, SharedPayload | Error>> {
    const opened = new Map<string, SharedPayload | Error>();
    const given = new Map<string, Given[]>();
    const missing: string[] = [];
    const custodians = [...new Set(sealed.flatMap(({ record }) => custodiansOf(record)))];
    const waiting = (): SealedPayload[] => sealed.filter(({ record }) => !opened.has(record.recordId));
    for await (const { mspId, result } of asTheyCome(custodians, answers)) {
      if (result instanceof Error) {
        missing.push(mspId);
        continue;
      }
      await mapBounded(waiting(), options.concurrency, async (payload) => {
        const { recordId } = payload.record;
        const parts = await partsOf(access, recordId, result).catch(() => undefined);
        if (parts === undefined) return;
        const before = given.get(recordId) ?? [];
        given.set(recordId, [...before, { mspId, parts }]);
        const found = openTogether(payload, before, { mspId, parts }, modules.onBadProxy);
        if (found !== undefined) opened.set(recordId, found);
      });
      if (waiting().length === 0) break;
    }
    for (const { record } of waiting())
      opened.set(
        record.recordId,
        unavailable(
          `too few parts of the erasure key: nothing that fits from ${missing.join(', ') || 'its custodians'}`,
        ),
      );
    for (const { parts } of [...given.values()].flat()) for (const part of parts.values()) part.fill(0);
    return opened;
  }

  async function partsOf(
    { accessId, recipientKey }: Access,
    recordId: string,
    { erasureParts }: PartialsAnswer,
  ): Promise<ErasureParts | undefined> {
    const found = erasureParts.find((part) => part.recordId === recordId);
    if (found === undefined) return undefined;
    const recipientPublicKey = new Uint8Array(Buffer.from(recipientKey, 'base64url'));
    const sealed = new Uint8Array(Buffer.from(found.sealed, 'base64url'));
    return custody.erasure.openParts({ recipientPublicKey, sealed, accessId, recordId });
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
      const { inForce: lineages, refused } = await lineagesOf(access, records, ledger);
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
      return new Map([...refused, ...opened.flatMap((keys) => [...keys])]);
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

interface SealedPayload {
  readonly record: SharedRecord;
  readonly header: SharingHeader;
  readonly wrapKey: Uint8Array;
}

/** What a custodian gave of one record's erasure key. */
interface Given {
  readonly mspId: string;
  readonly parts: ErasureParts;
}

/**
 * With what came alone, and with each that came before: any two custodians make the key, so that one that gives wrong
 * parts is found out as soon as two give right ones.
 */
function openTogether(
  { record, header, wrapKey }: SealedPayload,
  before: readonly Given[],
  last: Given,
  onBadProxy: OpeningRequesterModules['onBadProxy'],
): SharedPayload | undefined {
  for (const other of [undefined, ...before]) {
    const parts = new Map([...(other?.parts ?? []), ...last.parts]);
    const erasureKey = erasureKeyFromParts(parts);
    if (erasureKey === undefined) continue;
    const payload = payloadOf(record, header, { wrapKey, erasureKey });
    if (payload === undefined) continue;
    for (const { mspId, parts: theirs } of before)
      if ([...theirs].some(([place, part]) => !isSame(part, parts.get(place))))
        onBadProxy({ mspId, why: 'parts of an erasure key that are not those of the others' });
    return payload;
  }
  return undefined;
}

function isSame(part: Uint8Array, other: Uint8Array | undefined): boolean {
  return other === undefined || Buffer.from(part).equals(other);
}

function payloadOf(
  { sharing: { handle } }: SharedRecord,
  { sealed }: SharingHeader,
  secrets: { readonly wrapKey: Uint8Array; readonly erasureKey: Uint8Array },
): SharedPayload | undefined {
  try {
    return openSharingHeader({ ...secrets, sealed, handle });
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  } finally {
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
