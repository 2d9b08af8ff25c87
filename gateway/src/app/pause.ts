import { setTimeout } from 'node:timers/promises';

/** Waits, or returns at once when the signal aborts. Does not keep the process alive. */
export async function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(durationMs, undefined, { signal, ref: false });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
