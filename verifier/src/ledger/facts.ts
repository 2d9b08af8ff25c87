import { KEYS } from '@careledger/protocol';
import type { SignedBy } from '../findings.js';
import type { ReadWriteSet } from './read-write-set.js';

type KeyPrefix = (typeof KEYS)[keyof typeof KEYS];

/** The transaction that something stands in. */
export interface Origin {
  readonly signedBy: SignedBy;
  /** Its place in the block. */
  readonly txNumber: number;
  readonly timestampMs: number;
  /** Such as `queries:Contribute`. */
  readonly method: string;
  /** What the sender signed, parsed; undefined when it is no JSON. */
  readonly argument: unknown;
}

/** One version of a document. */
export interface Fact {
  readonly attributes: readonly string[];
  /** Undefined: deleted, or no JSON. */
  readonly value: unknown;
  readonly origin: Origin;
}

/** What the checks of aggregates and ceremonies read; other documents are replayed for their versions only. */
const KEPT: ReadonlySet<string> = new Set<KeyPrefix>([
  KEYS.consortium,
  KEYS.member,
  KEYS.panelLayout,
  KEYS.panel,
  KEYS.aggregationKey,
  KEYS.masterKey,
  KEYS.query,
  KEYS.contribution,
  KEYS.partial,
  KEYS.rejectedPartial,
  KEYS.queryBudget,
  KEYS.ceremony,
  KEYS.ceremonyPost,
]);
/** Of whole contracts, or of single methods. */
const KEPT_CALLS: readonly string[] = [
  'queries:',
  'ceremonies:',
  'panels:',
  'identities:RegisterMasterKey',
  'identities:AcceptMasterKey',
];

/** Every version of the documents that the checks read, and the calls that made them, in ledger order. */
export class Facts {
  private readonly byKey = new Map<string, Fact[]>();
  private readonly made: Origin[] = [];

  add(set: ReadWriteSet, origin: Origin): void {
    for (const { key, value } of set.writes) {
      const [prefix = '', ...attributes] = splitKey(key);
      if (!KEPT.has(prefix)) continue;
      const versions = this.byKey.get(key) ?? [];
      this.byKey.set(key, versions);
      versions.push({ attributes, value: parseJson(value), origin });
    }
  }

  addCall(origin: Origin): void {
    if (KEPT_CALLS.some((kept) => origin.method.startsWith(kept))) this.made.push(origin);
  }

  /** Every version of one document, oldest first. */
  history(prefix: KeyPrefix, attributes: readonly string[]): readonly Fact[] {
    return this.byKey.get(joinKey(prefix, attributes)) ?? [];
  }

  /** The last version of one document, unless it was deleted. */
  latest(prefix: KeyPrefix, attributes: readonly string[]): Fact | undefined {
    const last = this.history(prefix, attributes).at(-1);
    return last?.value === undefined ? undefined : last;
  }

  /** The last versions of the documents under a partial key, in the order of their first writing. */
  under(prefix: KeyPrefix, attributes: readonly string[]): Fact[] {
    const start = joinKey(prefix, attributes);
    return [...this.byKey].flatMap(([key, versions]) => {
      const last = key.startsWith(start) ? versions.at(-1) : undefined;
      return last?.value === undefined ? [] : [last];
    });
  }

  /** Calls of a method that were in force, such as `queries:AcceptKey`, oldest first. */
  calls(method: string): readonly Origin[] {
    return this.made.filter((origin) => origin.method === method);
  }
}

const SEPARATOR = '\u0000';

/** Fabric's composite key: a zero, then every part with a zero after it. */
function joinKey(prefix: string, attributes: readonly string[]): string {
  return `${SEPARATOR}${[prefix, ...attributes].map((part) => `${part}${SEPARATOR}`).join('')}`;
}

function splitKey(key: string): string[] {
  return key.startsWith(SEPARATOR) ? key.slice(1, -1).split(SEPARATOR) : [];
}

function parseJson(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
