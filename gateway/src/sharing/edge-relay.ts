/**
 * Brings edges into force: every share goes to its proxy, every proxy acknowledges, and one transaction activates what
 * all of them acknowledged. When one does not, nothing is in force and the others erase what they kept; the same request
 * may be sent again, and goes on where it was.
 */
import { CareLedgerError, type Edge, type EdgeAck, type ErrorCode } from '@careledger/protocol';
import { mapBounded } from '../services/bounded.js';
import {
  EDGE_SHARES_PATH,
  EDGE_WITHDRAWALS_PATH,
  EdgeShareAnswerSchema,
  EdgeWithdrawalAnswerSchema,
  type EdgeShareRequest,
  type SealedShareOfEdge,
} from './edge-protocol.js';
import type { PeerQuestions } from './peer-questions.js';
import type { Proxy } from './proxy.js';
import type { ReadStatement } from './statement-facts.js';

export interface EdgesToActivate {
  readonly pseudonym: string;
  /** Of onward edges. */
  readonly parentId?: string;
  readonly edges: readonly Edge[];
  /** One of each proxy of each edge. */
  readonly shares: readonly SealedShareOfEdge[];
}

export interface EdgeRelayModules {
  readonly mspId: string;
  /** This hospital's own part, when it is a proxy itself. */
  readonly proxy: Pick<Proxy, 'keep' | 'withdraw'>;
  readonly peers: Pick<PeerQuestions, 'ask'>;
  readonly readStatement: ReadStatement;
  /** Told of withdrawals that did not arrive: the proxy erases the share when its time is over. */
  readonly onProblem: (error: unknown) => void;
}

export interface EdgeRelayOptions {
  /** For one share, all attempts together. */
  readonly timeoutMs: number;
  /** Shares under way to one proxy. */
  readonly concurrency: number;
}

export const DEFAULT_RELAY_OPTIONS: EdgeRelayOptions = { timeoutMs: 20_000, concurrency: 4 };

const ANSWER_BYTES = 16_384;
/** A proxy that is away forgets by itself. */
const WITHDRAWAL_TIMEOUT_MS = 5_000;
const PASSED_ON: readonly ErrorCode[] = [
  'SCHEMA_VIOLATION',
  'NOT_OWNER',
  'EDGE_INVALID',
  'ALREADY_EXISTS',
  'RATE_LIMITED',
  'NOT_READY',
  'GRANT_NOT_FOUND',
];
/** The proxy is away or busy, and nothing is wrong with the edge. */
const PASSING: readonly ErrorCode[] = [
  'PEER_GATEWAY_UNAVAILABLE',
  'RATE_LIMITED',
  'NOT_READY',
  'MEMBER_NOT_FOUND',
];
/** Whether the transaction was committed is open: what may be in force is not withdrawn. */
const OPEN_OUTCOMES: readonly ErrorCode[] = ['COMMIT_UNKNOWN', 'LEDGER_UNAVAILABLE', 'LEDGER_CONFLICT'];

interface Delivery {
  readonly edgeId: string;
  readonly request: EdgeShareRequest;
}

type Outcome =
  | { readonly mspId: string; readonly acks: readonly EdgeAck[] }
  | { readonly mspId: string; readonly error: unknown };

export class EdgeRelay {
  constructor(
    private readonly modules: EdgeRelayModules,
    private readonly options: EdgeRelayOptions = DEFAULT_RELAY_OPTIONS,
  ) {}

  /**
   * @param submit the transaction that brings the edges into force, given every proxy's acknowledgement
   * @throws CareLedgerError SCHEMA_VIOLATION when shares and proxies do not match, PROXY_UNAVAILABLE with
   * `extensions.proxies`, what a proxy refused, and what the transaction throws
   */
  async activate<Result>(
    wanted: EdgesToActivate,
    submit: (acks: EdgeAck[]) => Promise<Result>,
  ): Promise<Result> {
    const deliveries = this.#deliveries(wanted);
    const outcomes = await Promise.all([...deliveries].map(([mspId, list]) => this.#deliver(mspId, list)));
    const failed = outcomes.filter((outcome) => 'error' in outcome);
    if (failed.length > 0) {
      await this.#withdrawAll(deliveries);
      throw failureOf(failed);
    }
    const acks = outcomes.flatMap((outcome) => ('acks' in outcome ? outcome.acks : []));
    try {
      return await submit([...acks].sort(byEdgeAndProxy));
    } catch (error) {
      const isOpen = error instanceof CareLedgerError && OPEN_OUTCOMES.includes(error.code);
      if (!isOpen) await this.#withdrawAll(deliveries);
      throw error;
    }
  }

  /** By proxy. */
  #deliveries({
    pseudonym,
    parentId,
    edges,
    shares,
  }: EdgesToActivate): ReadonlyMap<string, readonly Delivery[]> {
    const of = { pseudonym, ...(parentId === undefined ? {} : { parentId }) };
    const left = new Map(shares.map((share) => [`${share.edgeId} ${share.mspId}`, share]));
    const deliveries = new Map<string, Delivery[]>();
    for (const edge of edges) {
      const { edgeId, proxies } = this.modules.readStatement(edge.statement);
      for (const mspId of proxies) {
        const key = `${edgeId} ${mspId}`;
        const share = left.get(key);
        if (share === undefined) throw mismatch(`none for ${mspId}`);
        left.delete(key);
        const list = deliveries.get(mspId) ?? [];
        list.push({ edgeId, request: { ...of, edge, share: share.share } });
        deliveries.set(mspId, list);
      }
    }
    if (left.size > 0 || deliveries.size === 0) throw mismatch('one that no statement names');
    return deliveries;
  }

  async #deliver(mspId: string, list: readonly Delivery[]): Promise<Outcome> {
    const { modules, options } = this;
    const one = async ({ edgeId, request }: Delivery): Promise<EdgeAck> => {
      const ack =
        mspId === modules.mspId ? await modules.proxy.keep(mspId, request) : await this.#ask(mspId, request);
      if (ack.mspId === mspId && ack.edgeId === edgeId) return ack;
      throw new CareLedgerError('PEER_GATEWAY_UNAVAILABLE', {
        expected: `the acknowledgement of ${mspId} for the edge`,
        came: 'another',
      });
    };
    try {
      return { mspId, acks: await mapBounded(list, options.concurrency, one) };
    } catch (error) {
      return { mspId, error };
    }
  }

  #ask(mspId: string, body: EdgeShareRequest): Promise<EdgeAck> {
    return this.modules.peers.ask(mspId, {
      path: EDGE_SHARES_PATH,
      body,
      answer: EdgeShareAnswerSchema,
      maxResponseBytes: ANSWER_BYTES,
      timeoutMs: this.options.timeoutMs,
      passedOn: PASSED_ON,
    });
  }

  /** From every proxy, since one that did not answer may have kept its share all the same. */
  async #withdrawAll(deliveries: ReadonlyMap<string, readonly Delivery[]>): Promise<void> {
    await Promise.all(
      [...deliveries].map(async ([mspId, list]) => {
        const edgeIds = list.map(({ edgeId }) => edgeId);
        try {
          await this.#withdraw(mspId, edgeIds);
        } catch (error) {
          this.modules.onProblem(error);
        }
      }),
    );
  }

  async #withdraw(mspId: string, edgeIds: readonly string[]): Promise<void> {
    const { modules } = this;
    const body = { edgeIds };
    if (mspId === modules.mspId) {
      await modules.proxy.withdraw(mspId, body);
      return;
    }
    await modules.peers.ask(mspId, {
      path: EDGE_WITHDRAWALS_PATH,
      body,
      answer: EdgeWithdrawalAnswerSchema,
      maxResponseBytes: ANSWER_BYTES,
      timeoutMs: WITHDRAWAL_TIMEOUT_MS,
      passedOn: [],
    });
  }
}

/** What somebody refused says more than who was away. */
function failureOf(failed: readonly { readonly mspId: string; readonly error: unknown }[]): unknown {
  const isPassing = (error: unknown): boolean =>
    error instanceof CareLedgerError && PASSING.includes(error.code);
  const refusal = failed.find(({ error }) => !isPassing(error));
  if (refusal !== undefined) return refusal.error;
  const proxies = failed.map(({ mspId }) => mspId);
  return new CareLedgerError('PROXY_UNAVAILABLE', {
    expected: 'an acknowledgement of every proxy',
    came: `none of ${proxies.join(', ')}`,
    extensions: { proxies },
    cause: failed[0]?.error,
  });
}

function mismatch(came: string): CareLedgerError {
  return new CareLedgerError('SCHEMA_VIOLATION', {
    expected: 'one share for each proxy of each edge’s statement',
    came,
  });
}

function byEdgeAndProxy(one: EdgeAck, other: EdgeAck): number {
  return one.edgeId === other.edgeId
    ? Number(one.mspId > other.mspId) - Number(one.mspId < other.mspId)
    : Number(one.edgeId > other.edgeId) - Number(one.edgeId < other.edgeId);
}
