import { CareLedgerError, LIMITS, type Page } from '@careledger/protocol';
import type { KeyPrefix, State } from './state.js';

export interface PageRequest {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly pageSize?: number | undefined;
  readonly bookmark?: string | undefined;
}

/** An index: keys [...attributes, time, ids...], in the order of time. */
export interface Index<Item> {
  readonly prefix: KeyPrefix;
  readonly attributes: readonly string[];
  /** Items of one index entry; none when a filter leaves none. `rest` is what follows `attributes` in the key. */
  readonly load: (rest: readonly string[]) => Promise<readonly Item[]>;
}

/** Where a page starts: an index entry, and how many of its items the page before has shown. */
interface Position {
  readonly rest: readonly string[];
  readonly skip: number;
}

/**
 * One bounded page of an index. It reads at most `pageSize` entries and returns at most `pageSize` items; a filtered
 * page may hold fewer and still have a successor. The bookmark is ours, not Fabric's: it names the entry inside the
 * index, so that it cannot lead a reader out of it.
 */
export async function readPage<Item>(
  state: State,
  index: Index<Item>,
  request: PageRequest,
): Promise<Page<Item>> {
  const limit = request.pageSize ?? LIMITS.pageSize;
  const position = decodeBookmark(request);
  const start =
    position.rest.length === 0 ? '' : state.key(index.prefix, [...index.attributes, ...position.rest]);
  const keys = await state.keysFrom(index.prefix, index.attributes, start, limit + 1);
  const entries = keys
    .map((attributes) => attributes.slice(index.attributes.length))
    .filter((rest) => isUpTo(rest, request.to));
  return fill(entries, index, { limit, skip: position.skip });
}

async function fill<Item>(
  entries: readonly (readonly string[])[],
  index: Index<Item>,
  { limit, skip }: { readonly limit: number; readonly skip: number },
): Promise<Page<Item>> {
  const items: Item[] = [];
  for (const [number, rest] of entries.entries()) {
    if (items.length >= limit || number >= limit)
      return { items, bookmark: encodeBookmark({ rest, skip: 0 }) };
    const loaded = await index.load(rest);
    const skipped = number === 0 ? skip : 0;
    const shown = loaded.slice(skipped, skipped + limit - items.length);
    items.push(...shown);
    const next = skipped + shown.length;
    if (next < loaded.length) return { items, bookmark: encodeBookmark({ rest, skip: next }) };
  }
  return { items };
}

function isUpTo(rest: readonly string[], to: string | undefined): boolean {
  return to === undefined || (rest[0] ?? '') <= to;
}

function encodeBookmark(position: Position): string {
  return Buffer.from(JSON.stringify([position.skip, ...position.rest])).toString('base64url');
}

function decodeBookmark({ bookmark, from }: PageRequest): Position {
  if (bookmark === undefined) return { rest: from === undefined ? [] : [from], skip: 0 };
  const [skip, ...rest] = parse(bookmark);
  if (
    typeof skip === 'number' &&
    Number.isSafeInteger(skip) &&
    skip >= 0 &&
    rest.length > 0 &&
    rest.every(isAttribute)
  ) {
    return { rest, skip };
  }
  throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'a bookmark of an earlier page' });
}

function parse(bookmark: string): unknown[] {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(bookmark, 'base64url').toString('utf8'));
    return Array.isArray(decoded) ? decoded : [];
  } catch {
    return [];
  }
}

function isAttribute(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && !value.includes('\u0000');
}
