/** How long one turn of this thread's event loop takes; for tests. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** Processor time of the calling thread on Linux, so that other processes on the machine do not count. */
const THREAD_TIMES = '/proc/thread-self/schedstat';
const canReadThreadTimes = existsSync(THREAD_TIMES);

function threadTimeMs(): number {
  if (!canReadThreadTimes) return performance.now();
  const [nanoseconds = '0'] = readFileSync(THREAD_TIMES, 'utf8').split(' ');
  return Number(nanoseconds) / 1e6;
}

/** Runs `work` and says how much time of this thread went by, at most, between two ticks of a 1 ms timer. */
export async function longestTurnMs<Result>(
  work: () => Promise<Result>,
): Promise<{ result: Result; longestMs: number; turns: number }> {
  const state = { done: false, longestMs: 0, turns: 0 };
  const running = work().finally(() => {
    state.done = true;
  });
  while (!state.done) {
    const before = threadTimeMs();
    await setTimeout(1);
    state.longestMs = Math.max(state.longestMs, threadTimeMs() - before);
    state.turns += 1;
  }
  return { result: await running, longestMs: state.longestMs, turns: state.turns };
}
