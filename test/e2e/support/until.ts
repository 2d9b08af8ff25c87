const POLL_MS = 200;

/** Asks again and again; fails with what was waited for, and what was seen last, when the time is over. */
export async function until<Result>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<Result | undefined>,
): Promise<Result> {
  const giveUpAtMs = performance.now() + timeoutMs;
  let seen = 'nothing';
  for (;;) {
    try {
      const result = await probe();
      if (result !== undefined) return result;
    } catch (error) {
      seen = String(error);
    }
    if (performance.now() > giveUpAtMs)
      throw new Error(`${what} did not come within ${String(timeoutMs)} ms; seen last: ${seen}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
