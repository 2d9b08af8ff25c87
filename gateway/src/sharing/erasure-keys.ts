/**
 * The erasure keys of this hospital's own records. A key is made here, for a patient and type, and given in parts to two
 * other members, after which this hospital makes the key of a leaf that it gave only together with one of them (crypto
 * `erasure-parts`). Until both have their parts it makes it alone, so that sealing waits for nobody.
 */
import { CryptoError, decodeErasureParts, erasureKeyFromParts, type ErasureLeaf } from '@careledger/crypto';
import { CareLedgerError, keyServersFor, type EmrRecord, type RecordType } from '@careledger/protocol';
import { isStopped, pause } from '../app/pause.js';
import type { ErasureCustody, ErasureTree } from '../ports/erasure-custody.js';
import {
  ERASURE_DEALS_PATH,
  ERASURE_PARTS_PATH,
  ErasureDealAnswerSchema,
  ErasurePartsAnswerSchema,
  type ErasureDeal,
} from './erasure-protocol.js';
import { treeOf, type ErasureLedger } from './erasure-ledger.js';
import type { PeerQuestions } from './peer-questions.js';

export interface ErasureKeysModules {
  readonly ledger: Pick<ErasureLedger, 'mspId' | 'activeMembers'>;
  readonly custody: Pick<ErasureCustody, 'nextLeaf' | 'undealt' | 'partsFor' | 'dealt' | 'partsOf'>;
  readonly peers: Pick<PeerQuestions, 'ask'>;
}

/** A leaf with its key, and who holds parts of it: what a record needs to be sealed. */
export type LeafToSeal = ErasureLeaf & { readonly keyServers?: string[] };

/** Opens one record with its erasure key, or with none when its header names no leaf. */
export type OpenWithKey = <Opened>(
  record: EmrRecord,
  open: (erasureKey: Uint8Array | undefined) => Promise<Opened>,
) => Promise<Opened>;

/** For all attempts at one key server together. The other one is asked afterwards. */
const TIMEOUT_MS = 5_000;
const MAX_RESPONSE_BYTES = 262_144;

export class ErasureKeys {
  /** Key servers that have parts of another making, or refuse this one: asked again after the next start. */
  readonly #refused = new Set<string>();

  constructor(private readonly modules: ErasureKeysModules) {}

  /** A leaf that no record has had. The caller wipes its key. */
  async nextLeaf(of: { readonly pseudonym: string; readonly recordType: RecordType }): Promise<LeafToSeal> {
    const { ledger, custody } = this.modules;
    const keyServers = keyServersFor(ledger.mspId, await ledger.activeMembers());
    const servers = keyServers === undefined ? {} : { keyServers };
    return { ...(await custody.nextLeaf({ ...of, ownerMspId: ledger.mspId, ...servers })), ...servers };
  }

  /**
   * For records of this hospital that are opened together: a key server is asked once for all of them, when the first of
   * them needs it. A wrong part opens nothing, and then the other key server is asked.
   * @throws (the returned function) CareLedgerError PEER_GATEWAY_UNAVAILABLE when neither gives the part that is missing,
   * RELEASE_NOT_AUTHORISED for a key that was erased, and what `open` throws
   */
  openWith(records: readonly EmrRecord[]): OpenWithKey {
    const asked = new Map<string, Promise<ReadonlyMap<string, Uint8Array>>>();
    const partsFrom = (server: string): Promise<ReadonlyMap<string, Uint8Array>> => {
      const answer = asked.get(server) ?? this.#ask(server, records);
      asked.set(server, answer);
      return answer;
    };
    return async (record, open) => {
      const { erasureLeaf: leaf } = record;
      if (leaf === undefined) return open(undefined);
      const own = await this.modules.custody.partsOf({ ...treeOf(record), leaf });
      const alone = erasureKeyFromParts(own);
      if (alone !== undefined) return open(alone);
      if (own.size === 0)
        throw new CareLedgerError('RELEASE_NOT_AUTHORISED', { came: 'a record whose key was erased' });
      return openWithEither(record.keyServers ?? [], async (server) => {
        const theirs = (await partsFrom(server)).get(record.recordId);
        if (theirs === undefined) throw unavailable('a key server without the part that is missing');
        // What is held here is believed before what comes from there.
        const key = erasureKeyFromParts(new Map([...decodeErasureParts(theirs), ...own]));
        if (key === undefined) throw unavailable('a key server with other parts than those that are missing');
        return open(key);
      });
    };
  }

  async #ask(server: string, records: readonly EmrRecord[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const recordIds = records
      .filter(({ keyServers, erasureLeaf }) => erasureLeaf !== undefined && keyServers?.includes(server))
      .map(({ recordId }) => recordId);
    const { parts } = await this.modules.peers.ask(server, {
      path: ERASURE_PARTS_PATH,
      body: { recordIds },
      answer: ErasurePartsAnswerSchema,
      maxResponseBytes: MAX_RESPONSE_BYTES,
      timeoutMs: TIMEOUT_MS,
      passedOn: [],
    });
    return new Map(
      parts.map(({ recordId, parts: bytes }) => [recordId, new Uint8Array(Buffer.from(bytes, 'base64url'))]),
    );
  }

  /**
   * Gives key servers the parts that they do not have yet, once; what fails stays for the next time.
   * @returns the failures
   */
  async deal(): Promise<unknown[]> {
    const failures: unknown[] = [];
    const away = new Set<string>();
    for (const trees of byPatient(await this.modules.custody.undealt())) {
      for (const server of trees[0].keyServers ?? []) {
        const deal = [server, ...trees.map(nameOf)].join();
        if (away.has(server) || this.#refused.has(deal)) continue;
        try {
          await this.#dealTo(server, trees);
        } catch (error) {
          failures.push(error);
          // One that does not answer is not asked for each patient.
          if (isUnavailable(error)) away.add(server);
          else if (isRefusal(error)) this.#refused.add(deal);
        }
      }
    }
    return failures;
  }

  async #dealTo(server: string, trees: readonly [ErasureTree, ...ErasureTree[]]): Promise<void> {
    const { custody, peers } = this.modules;
    const keys: ErasureDeal['keys'] = [];
    for (const tree of trees) {
      const dealt = await custody.partsFor(tree, server);
      if (dealt === undefined) continue;
      const parts = dealt.parts.map((part) => Buffer.from(part).toString('base64url'));
      for (const part of dealt.parts) part.fill(0);
      keys.push({ recordType: tree.recordType, generation: dealt.generation, parts });
    }
    if (keys.length === 0) return;
    const { pseudonym, keyServers = [] } = trees[0];
    const { held } = await peers.ask(server, {
      path: ERASURE_DEALS_PATH,
      body: { pseudonym, keyServers: [...keyServers], keys } satisfies ErasureDeal,
      answer: ErasureDealAnswerSchema,
      maxResponseBytes: MAX_RESPONSE_BYTES,
      timeoutMs: TIMEOUT_MS,
      passedOn: ['ALREADY_EXISTS', 'SCHEMA_VIOLATION', 'PATIENT_NOT_FOUND'],
    });
    const sent = new Set(keys.map(({ recordType }) => recordType));
    for (const tree of trees)
      if (sent.has(tree.recordType) && held.includes(tree.recordType)) await custody.dealt(tree, server);
  }

  /** Until the signal aborts; never rejects. */
  async run(
    signal: AbortSignal,
    { everyMs, onError }: { readonly everyMs: number; readonly onError: (error: unknown) => void },
  ): Promise<void> {
    while (!isStopped(signal)) {
      try {
        for (const failure of await this.deal()) onError(failure);
      } catch (error) {
        if (!isStopped(signal)) onError(error);
      }
      await pause(everyMs, signal);
    }
  }
}

/** With the first key server whose answer opens. @throws what the last one's came to */
async function openWithEither<Opened>(
  [server, ...others]: readonly string[],
  attempt: (server: string) => Promise<Opened>,
): Promise<Opened> {
  if (server === undefined) throw unavailable('nobody who has the part that is missing');
  try {
    return await attempt(server);
  } catch (error) {
    if (others.length === 0 || !isTheirs(error)) throw error;
    return openWithEither(others, attempt);
  }
}

function byPatient(trees: readonly ErasureTree[]): [ErasureTree, ...ErasureTree[]][] {
  const groups = new Map<string, [ErasureTree, ...ErasureTree[]]>();
  for (const tree of trees) {
    const key = [tree.pseudonym, ...(tree.keyServers ?? [])].join('/');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [tree]);
    else group.push(tree);
  }
  return [...groups.values()];
}

function nameOf({ pseudonym, recordType, keyServers = [] }: ErasureTree): string {
  return [pseudonym, recordType, ...keyServers].join('/');
}

function isRefusal(error: unknown): boolean {
  return (
    error instanceof CareLedgerError && (error.code === 'ALREADY_EXISTS' || error.code === 'SCHEMA_VIOLATION')
  );
}

/** Of a key server's answer, rather than of this house. */
function isTheirs(error: unknown): boolean {
  return isUnavailable(error) || error instanceof CryptoError;
}

function isUnavailable(error: unknown): boolean {
  return error instanceof CareLedgerError && error.code === 'PEER_GATEWAY_UNAVAILABLE';
}

function unavailable(came: string): CareLedgerError {
  return new CareLedgerError('PEER_GATEWAY_UNAVAILABLE', { came });
}
