import type { EmrRecord, Page } from '@careledger/protocol';
import { until } from '../../e2e/support/until.js';
import { randomHex } from '../../scenario/support/patient.js';
import type { Answer, Person } from '../../scenario/support/people.js';
import { mustBe, recordIdsOf, type World } from '../../scenario/support/world.js';

/** What a client may answer with the same request again, as docs/errors.md tells it. */
const WORTH_ANOTHER_TRY = [
  'LEDGER_UNAVAILABLE',
  'COMMIT_UNKNOWN',
  'LEDGER_CONFLICT',
  'STORE_UNAVAILABLE',
  'NOT_READY',
  'BUILD_MISMATCH',
  'RATE_LIMITED',
];
const PAUSE_MS = 250;

export interface Acknowledged {
  readonly content: string;
  readonly idempotencyKey: string;
  readonly recordId: string;
}

/**
 * Puts `count` records, two at a time, each under a key of its own and repeated until it is acknowledged.
 * @throws Error when the time is over, or with an answer that no client may repeat.
 */
export async function writeAll(
  world: World,
  options: {
    readonly count: number;
    readonly timeoutMs: number;
    readonly onAcknowledged: (total: number) => void;
  },
): Promise<Acknowledged[]> {
  const giveUpAtMs = performance.now() + options.timeoutMs;
  const contents = Array.from({ length: options.count }, (_, index) => `${randomHex(4)} ${String(index)}`);
  const acknowledged: Acknowledged[] = [];
  const worker = async (): Promise<void> => {
    for (let content = contents.pop(); content !== undefined; content = contents.pop()) {
      const idempotencyKey = randomHex(16);
      const answer = await repeat(giveUpAtMs, () =>
        world.put([content], { 'idempotency-key': idempotencyKey }),
      );
      const [recordId] = recordIdsOf(answer);
      acknowledged.push({ content, idempotencyKey, recordId: recordId! });
      options.onAcknowledged(acknowledged.length);
    }
  };
  await Promise.all([worker(), worker()]);
  return acknowledged;
}

/** Repeats a request while its answer allows it, or there is none. */
export async function repeat(giveUpAtMs: number, request: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    const answer = await request().catch((error: unknown) => String(error));
    const isFinal = typeof answer !== 'string' && !WORTH_ANOTHER_TRY.includes(answer.body.code ?? '');
    if (isFinal) return answer;
    if (performance.now() > giveUpAtMs)
      throw new Error(`not acknowledged in time; last: ${JSON.stringify(answer).slice(0, 400)}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** The patient's records as one hospital's own peer lists them, as soon as there are that many. */
export async function listed(reader: Person, pseudonym: string, atLeast: number): Promise<string[]> {
  const path = `/v1/records?by=patient&value=${pseudonym}&pageSize=100`;
  return until(`${String(atLeast)} records at ${reader.mspId}`, 30_000, async () => {
    const { items } = mustBe(200, await reader.get(path)).body as unknown as Page<EmrRecord>;
    return items.length >= atLeast ? items.map(({ recordId }) => recordId) : undefined;
  });
}
