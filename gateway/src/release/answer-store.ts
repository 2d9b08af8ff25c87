import { ClassicLevel } from 'classic-level';

export interface StoredAnswer {
  readonly bodyDigest: string;
  /** The JSON that was, or was about to be, sent. */
  readonly response: string;
  /** Time of the access entry, milliseconds since 1970. */
  readonly accessAtMs: number;
  /** Records whose keys it holds. Absent in answers of before this was kept. */
  readonly recordIds?: readonly string[];
}

/**
 * Answers by access id. What they hold is wrapped to requesters, or of no use without their key, so it lies here as it
 * went over the wire.
 */
export interface AnswerStore {
  get(accessId: string): Promise<StoredAnswer | undefined>;
  /** On the disk when it resolves. */
  put(accessId: string, answer: StoredAnswer): Promise<void>;
  /** Forgets answers to entries older than this; such entries are refused by their age. */
  prune(beforeMs: number): Promise<void>;
  /** Forgets every answer that holds a key of this record, and says how many there were. Durable when it resolves. */
  forget(recordId: string): Promise<number>;
  close(): Promise<void>;
}

export async function openAnswerStore(path: string): Promise<AnswerStore> {
  const database = new ClassicLevel<string, StoredAnswer>(path, { valueEncoding: 'json' });
  await database.open();
  return {
    get: (accessId) => database.get(accessId),
    put: (accessId, answer) => database.put(accessId, answer, { sync: true }),
    async prune(beforeMs) {
      for await (const [accessId, { accessAtMs }] of database.iterator()) {
        if (accessAtMs < beforeMs) await database.del(accessId);
      }
    },
    async forget(recordId) {
      let forgotten = 0;
      for await (const [accessId, { recordIds }] of database.iterator()) {
        // One that does not say what it holds may hold this.
        if (recordIds?.includes(recordId) === false) continue;
        await database.del(accessId, { sync: true });
        forgotten += 1;
      }
      return forgotten;
    },
    close: () => database.close(),
  };
}
