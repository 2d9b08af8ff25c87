import type { EventName } from './names.js';

/** Payload of the one event of a transaction: what changed, enough to decide whether to read the object. */
export interface LedgerEventPayload {
  readonly event: EventName;
  /** Id of the object: an MSP id, pseudonym, batch, grant, access, instruction, query, key or ceremony id. */
  readonly id: string;
  readonly mspId?: string;
  readonly status?: string;
  readonly pseudonym?: string;
  /** Of an opening that changed grant books: whose. One of each record at most, so `LIMITS.batchRecords`. */
  readonly pseudonyms?: readonly string[];
  /** Of a ceremony. */
  readonly attempt?: number;
  readonly round?: number;
}

/** The patients whose books an event may be about. */
export function pseudonymsOf({
  pseudonym,
  pseudonyms = [],
}: Pick<LedgerEventPayload, 'pseudonym' | 'pseudonyms'>): readonly string[] {
  return pseudonym === undefined ? pseudonyms : [pseudonym, ...pseudonyms];
}
