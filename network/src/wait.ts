import { errorText, NetworkError } from './errors.js';

export interface WaitOptions {
  /** What is waited for, as the operator would say it: "h1's peer answers /healthz". */
  what: string;
  timeoutMs: number;
  intervalMs?: number;
  /** Said when the time is over: usually the last log line of the process that should have answered. */
  hint?: () => string;
  /** Ends the wait at once when the awaited thing can no longer happen. */
  giveUp?: () => string | undefined;
}

const DEFAULT_INTERVAL_MS = 250;

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Asks `probe` until it answers something other than undefined. Every wait in this package goes through
 * here, so every wait has an end. A probe that throws is asked again; its last error is told.
 */
export async function waitFor<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  options: WaitOptions,
): Promise<T> {
  const deadline = Date.now() + options.timeoutMs;
  let lastError = '';
  for (;;) {
    try {
      const answer = await probe();
      if (answer !== undefined) return answer;
    } catch (thrown) {
      lastError = errorText(thrown);
    }
    const reason = options.giveUp?.();
    if (reason !== undefined || Date.now() >= deadline) throw timedOut(options, lastError, reason);
    await sleep(options.intervalMs ?? DEFAULT_INTERVAL_MS);
  }
}

function timedOut(options: WaitOptions, lastError: string, reason: string | undefined): NetworkError {
  const seen = [reason, lastError, options.hint?.()].filter((text) => text !== undefined && text !== '');
  return new NetworkError('NET_WAIT_TIMED_OUT', {
    expected: `${options.what} within ${String(Math.round(options.timeoutMs / 1000))} s`,
    came: seen.length > 0 ? seen.join(' | ') : 'no answer',
    remedy: 'read the named log, then run the same command again: it goes on where it stopped',
  });
}
