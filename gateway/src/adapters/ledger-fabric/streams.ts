import { setTimeout as sleep } from 'node:timers/promises';
import type { CloseableAsyncIterable } from '@hyperledger/fabric-gateway';
import { endorsementError, isPeerAway } from './errors.js';

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;

/**
 * A stream of the peer that is opened again, at the position reached, whenever the peer goes away, until the signal
 * is aborted. `open` is asked for the position after the last item that was handed out.
 * @throws the mapped error when the peer refuses.
 */
export async function* resumed<Item>(
  open: () => Promise<CloseableAsyncIterable<Item>>,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      for await (const item of untilAborted(await open(), signal)) {
        pauseMs = FIRST_PAUSE_MS;
        yield item;
      }
    } catch (error) {
      if (!isPeerAway(error)) throw endorsementError(error);
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

async function* untilAborted<Item>(
  stream: CloseableAsyncIterable<Item>,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  const close = () => {
    stream.close();
  };
  signal.addEventListener('abort', close);
  try {
    if (!signal.aborted) yield* stream;
  } finally {
    signal.removeEventListener('abort', close);
    stream.close();
  }
}
