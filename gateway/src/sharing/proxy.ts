/**
 * This hospital as a proxy: it keeps shares of re-keys for edges of other people's grants, as long as the ledger has the
 * edge in force, and not longer.
 *
 * A share is kept before its edge is in force, because the transaction that activates the edge needs every proxy's word.
 * Keeping one gives nobody anything: partials are given for an access entry under a live chain of edges only. A share
 * whose edge does not come into force is withdrawn by the gateway that relayed it, or erased when its time is over.
 * Whether an edge is in force, the patient's book on the ledger says by the edge's id: what the maker signed, not what the
 * relay told.
 */
import {
  CareLedgerError,
  hospitalOf,
  memberName,
  patientName,
  tagName,
  tagStateOf,
  validate,
  type Edge,
  type EdgeAck,
  type GrantChain,
  type PatientGrant,
  type RecordType,
  type Sensitivity,
  type TagState,
} from '@careledger/protocol';
import { CryptoError } from '@careledger/crypto';
import type { EdgeView, SharingCustody } from '../ports/sharing-custody.js';
import { createQueue } from '../custody/queue.js';
import type { PeerRoute } from '../release/index.js';
import { mapBounded } from '../services/bounded.js';
import type { LocalTable } from '../services/local-tables.js';
import {
  EDGE_SHARES_PATH,
  EDGE_WITHDRAWALS_PATH,
  EdgeShareRequestSchema,
  EdgeWithdrawalSchema,
  type EdgeShareRequest,
} from './edge-protocol.js';
import type { SharingLedger, TagOf } from './sharing-ledger.js';
import type { ReadStatement, StatementFacts } from './statement-facts.js';

/** Row of the `edge-shares` table, by edge id: written before the share, erased after it. */
export interface EdgeShareRow {
  readonly pseudonym: string;
  readonly recordType: RecordType;
  readonly sensitivity: Sensitivity;
  readonly tagEpoch: number;
  /** The hospital whose gateway relayed it: nobody else withdraws it. */
  readonly relayedBy: string;
  readonly keptAtMs: number;
  /** The edge was seen in force: once it is not any more, the share goes at once. */
  readonly activated: boolean;
}

export interface ProxyOptions {
  /** How long a share waits for its edge to come into force. */
  readonly pendingMs: number;
  /** Shares that wait for their edges, of all patients together. */
  readonly maxPending: number;
  /** Of those, from one relaying hospital: one that relays what never comes into force leaves room for the others. */
  readonly maxPendingPerRelay: number;
  readonly concurrency: number;
}

export const DEFAULT_PROXY_OPTIONS: ProxyOptions = {
  pendingMs: 900_000,
  maxPending: 10_000,
  maxPendingPerRelay: 2_000,
  concurrency: 4,
};

export interface ProxyModules {
  readonly ledger: Pick<
    SharingLedger,
    'mspId' | 'masterKey' | 'identity' | 'liveGrants' | 'chain' | 'sharing'
  >;
  readonly custody: Pick<SharingCustody, 'storeEdgeShare' | 'eraseEdgeShares' | 'keptEdgeShares'>;
  readonly readStatement: ReadStatement;
  readonly table: LocalTable<EdgeShareRow>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export class Proxy {
  /** By edge id: the table in memory, read once. */
  readonly #rows = new Map<string, EdgeShareRow>();
  #opened: Promise<void> | undefined;
  /** Shares are taken one at a time, so that two requests for one edge do not undo each other. */
  readonly #serially = createQueue();

  constructor(
    private readonly modules: ProxyModules,
    private readonly options: ProxyOptions = DEFAULT_PROXY_OPTIONS,
  ) {}

  /** What other gateways may ask. */
  get routes(): readonly PeerRoute[] {
    return [
      {
        path: EDGE_SHARES_PATH,
        handle: async (caller, body) => JSON.stringify(await this.keep(caller, body)),
      },
      {
        path: EDGE_WITHDRAWALS_PATH,
        handle: async (caller, body) => JSON.stringify({ erased: await this.withdraw(caller, body) }),
      },
    ];
  }

  /**
   * Verifies an edge and this hospital's share of its re-key, keeps the share, and acknowledges it.
   * @param relayedBy the hospital whose gateway asks
   * @throws CareLedgerError SCHEMA_VIOLATION, NOT_OWNER, EDGE_INVALID, ALREADY_EXISTS, RATE_LIMITED, NOT_READY
   */
  async keep(relayedBy: string, body: unknown): Promise<EdgeAck> {
    await this.#open();
    const request = validate(EdgeShareRequestSchema, body);
    const { ledger, custody, readStatement } = this.modules;
    const facts = readStatement(request.edge.statement);
    this.#assertProxy(facts);
    const member = await ledger.identity(memberName(ledger.mspId));
    if (member === undefined)
      throw new CareLedgerError('NOT_READY', {
        message: 'This hospital’s identity key is not registered yet.',
      });
    const view = await this.#view(request, facts);
    const signature = await this.#serially(() =>
      this.#keepWithRow(facts.edgeId, this.#rowOf(relayedBy, facts.edgeId, request), () =>
        custody.storeEdgeShare({
          edgeId: facts.edgeId,
          sealedShare: new Uint8Array(Buffer.from(request.share, 'base64url')),
          view,
          keyEpoch: member.keyEpoch,
        }),
      ),
    );
    return {
      mspId: ledger.mspId,
      edgeId: facts.edgeId,
      signature: Buffer.from(signature).toString('base64url'),
    };
  }

  /** Erases shares of edges that did not come into force. Those that did, and those of others, stay. */
  async withdraw(relayedBy: string, body: unknown): Promise<readonly string[]> {
    await this.#open();
    const { edgeIds } = validate(EdgeWithdrawalSchema, body);
    const theirs = edgeIds.filter((edgeId) => this.#rows.get(edgeId)?.relayedBy === relayedBy);
    const judged = await mapBounded(theirs, this.options.concurrency, async (edgeId) => {
      const row = this.#rows.get(edgeId);
      return row !== undefined && !(await this.#isInForce(edgeId, row)) ? edgeId : undefined;
    });
    const erased = judged.filter((edgeId) => edgeId !== undefined);
    await this.#erase(erased);
    return erased;
  }

  /** Looks at the ledger for every share, or those of one patient, and erases what it has no edge in force for. */
  async settle(pseudonym?: string): Promise<void> {
    await this.#open();
    const concerned = [...this.#rows].filter(
      ([, row]) => pseudonym === undefined || row.pseudonym === pseudonym,
    );
    const judged = await mapBounded(concerned, this.options.concurrency, async ([edgeId, row]) => {
      if (await this.#isInForce(edgeId, row)) {
        if (!row.activated) await this.#put(edgeId, { ...row, activated: true });
        return undefined;
      }
      const waitsStill = !row.activated && this.modules.clock() - row.keptAtMs < this.options.pendingMs;
      return waitsStill && !(await this.#isStale(row)) ? undefined : edgeId;
    });
    await this.#erase(judged.filter((edgeId) => edgeId !== undefined));
    if (pseudonym === undefined) await this.#eraseOrphans();
  }

  /** A share without a row is nobody's: the table was lost. */
  async #eraseOrphans(): Promise<void> {
    const { custody } = this.modules;
    await this.#serially(async () => {
      const orphans = (await custody.keptEdgeShares()).filter((edgeId) => !this.#rows.has(edgeId));
      if (orphans.length > 0) await custody.eraseEdgeShares(orphans);
    });
  }

  #assertProxy({ proxies, to }: StatementFacts): void {
    const { mspId } = this.modules.ledger;
    if (!proxies.includes(mspId))
      throw new CareLedgerError('NOT_OWNER', { expected: 'a statement that names this hospital as a proxy' });
    if (hospitalOf(to.name) === mspId)
      throw new CareLedgerError('EDGE_INVALID', { expected: 'a proxy other than the grantee’s hospital' });
  }

  async #view(request: EdgeShareRequest, facts: StatementFacts): Promise<EdgeView> {
    const { ledger } = this.modules;
    const { pseudonym, parentId, edge } = request;
    const inForce = await ledger.masterKey();
    if (inForce === undefined)
      throw new CareLedgerError('NOT_READY', { message: 'The consortium has no identity master key yet.' });
    const tag = await this.#tag(pseudonym, edge);
    if (!tag.sharable || tag.epoch !== edge.tagEpoch || facts.tagEpoch !== edge.tagEpoch) {
      throw new CareLedgerError('EDGE_INVALID', {
        expected: `a sharable tag at epoch ${String(tag.epoch)}`,
        came: tag.sharable ? `epoch ${String(facts.tagEpoch)}` : 'a tag that is closed to sharing',
      });
    }
    const above =
      parentId === undefined ? [] : edgesAbove(await ledger.chain(pseudonym, parentId, tagOf(edge)), edge);
    const chain = [...above, edge];
    const statements = chain.map(({ statement }) => this.modules.readStatement(statement));
    if (statements[0]?.from.name !== patientName(pseudonym))
      throw new CareLedgerError('EDGE_INVALID', { expected: 'a chain that begins with the patient' });
    const places = [...statements.slice(0, 1).map(({ from }) => from), ...statements.map(({ to }) => to)];
    const identities = await mapBounded(places, this.options.concurrency, async ({ name, keyEpoch }) => {
      const present = await ledger.identity(name);
      if (present?.keyEpoch === keyEpoch) return present;
      throw new CareLedgerError('EDGE_INVALID', {
        expected: 'identities at the present epochs of their keys',
        came: `${name.split('/')[0] ?? ''} at epoch ${String(keyEpoch)}`,
      });
    });
    return { masterKey: inForce.masterKey, chain, identities };
  }

  async #isInForce(edgeId: string, row: EdgeShareRow): Promise<boolean> {
    const grants = await this.modules.ledger.liveGrants(row.pseudonym);
    return grants.some((grant) => isLive(grant, edgeId)) && !(await this.#isStale(row));
  }

  /** The tag was closed or its epoch raised: no edge of this epoch comes into force again. */
  async #isStale(row: EdgeShareRow): Promise<boolean> {
    const tag = await this.#tag(row.pseudonym, row);
    return !tag.sharable || tag.epoch > row.tagEpoch;
  }

  async #tag(pseudonym: string, { recordType, sensitivity }: TagOf): Promise<TagState> {
    return tagStateOf(await this.modules.ledger.sharing(pseudonym), tagName(recordType, sensitivity));
  }

  /** The row stands before the share does, and goes again when nothing was kept. */
  async #keepWithRow(
    edgeId: string,
    row: EdgeShareRow,
    store: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const before = this.#rows.get(edgeId);
    if (before?.activated !== true) await this.#put(edgeId, row);
    try {
      return await store();
    } catch (error) {
      if (before === undefined) await this.#forget(edgeId);
      else await this.#put(edgeId, before);
      throw asEdgeInvalid(error);
    }
  }

  #rowOf(relayedBy: string, edgeId: string, { pseudonym, edge }: EdgeShareRequest): EdgeShareRow {
    const pending = [...this.#rows].filter(([id, { activated }]) => id !== edgeId && !activated);
    const own = pending.filter(([, row]) => row.relayedBy === relayedBy);
    const { maxPending, maxPendingPerRelay } = this.options;
    if (pending.length >= maxPending || own.length >= maxPendingPerRelay)
      throw new CareLedgerError('RATE_LIMITED');
    const { recordType, sensitivity, tagEpoch } = edge;
    const keptAtMs = this.modules.clock();
    return {
      pseudonym,
      recordType,
      sensitivity,
      tagEpoch,
      relayedBy,
      keptAtMs,
      activated: false,
    };
  }

  async #put(edgeId: string, row: EdgeShareRow): Promise<void> {
    await this.modules.table.put(edgeId, row);
    this.#rows.set(edgeId, row);
  }

  async #erase(edgeIds: readonly string[]): Promise<void> {
    if (edgeIds.length === 0) return;
    await this.modules.custody.eraseEdgeShares(edgeIds);
    for (const edgeId of edgeIds) await this.#forget(edgeId);
  }

  async #forget(edgeId: string): Promise<void> {
    await this.modules.table.delete(edgeId);
    this.#rows.delete(edgeId);
  }

  #open(): Promise<void> {
    this.#opened ??= this.#load().catch((error: unknown) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #load(): Promise<void> {
    for await (const [edgeId, row] of this.modules.table.entries()) this.#rows.set(edgeId, row);
  }
}

function isLive({ status, edges }: PatientGrant, edgeId: string): boolean {
  return status === 'active' && (edges ?? []).some((edge) => edge.edgeId === edgeId);
}

const tagOf = ({ recordType, sensitivity }: Edge): TagOf => ({ recordType, sensitivity });

/** The edges of the same tag, from the patient's own grant to the one that is passed on. */
function edgesAbove({ links }: GrantChain, { recordType, sensitivity, tagEpoch }: Edge): Edge[] {
  return links.map(({ grant, edges }) => {
    const above = edges.find(
      (edge) =>
        edge.recordType === recordType && edge.sensitivity === sensitivity && edge.tagEpoch === tagEpoch,
    );
    if (grant.status === 'active' && above !== undefined) return above;
    throw new CareLedgerError('EDGE_INVALID', {
      expected: 'a parent grant in force with an edge of the same tag',
      came: grant.status,
    });
  });
}

/** Whatever the arithmetic finds wrong is wrong with the edge. */
function asEdgeInvalid(error: unknown): unknown {
  if (!(error instanceof CryptoError)) return error;
  return new CareLedgerError('EDGE_INVALID', { expected: error.expected, came: error.came, cause: error });
}
