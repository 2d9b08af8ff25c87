import { setTimeout } from 'node:timers/promises';

/** A question the compiler does not answer from an earlier look: the signal may abort during any await. */
export function isStopped(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Waits, or returns at once when the signal aborts. Does not keep the process alive. */
export async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(durationMs, undefined, { signal, ref: false });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
