import type { AggregationKey } from '@careledger/protocol';
import type { Person } from '../../scenario/support/people.js';
import { until } from './until.js';

/** A key of 2048 bits takes a minute or two beside everything else that runs on a small machine; chance may treble it. */
const CEREMONY_LIMIT_MS = 12 * 60_000;
export const CEREMONY_TIMEOUT_MS = CEREMONY_LIMIT_MS + 30_000;

/** The key that the hospitals make by themselves once all are up. */
export function keyOfTheConsortium(anybody: Person): Promise<AggregationKey> {
  return until('the key of the consortium', CEREMONY_LIMIT_MS, async () => {
    const { status, body } = await anybody.get('/v1/aggregation-key');
    return status === 200 ? (body as unknown as AggregationKey) : undefined;
  });
}
