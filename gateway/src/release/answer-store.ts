import { ClassicLevel } from 'classic-level';

export interface StoredAnswer {
  readonly bodyDigest: string;
  /** The JSON that was, or was about to be, sent. */
  readonly response: string;
  /** Time of the access entry, milliseconds since 1970. */
  readonly accessAtMs: number;
}

/** Answers by access id. What they hold is wrapped to requesters, so it lies here as it went over the wire. */
export interface AnswerStore {
  get(accessId: string): Promise<StoredAnswer | undefined>;
  /** On the disk when it resolves. */
  put(accessId: string, answer: StoredAnswer): Promise<void>;
  /** Forgets answers to entries older than this; such entries are refused by their age. */
  prune(beforeMs: number): Promise<void>;
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
    close: () => database.close(),
  };
}
