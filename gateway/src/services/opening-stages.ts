/**
 * Where the time of an opening goes: `prepare` reads the records and makes the one-time key, `decide` is the committed
 * transaction, `keys` comes from the owner and along edges, `arithmetic` is its part in this gateway, `content` is all after
 * the decision (the ciphertext is fetched while keys are asked for).
 */
export const OPENING_STAGES = ['prepare', 'decide', 'keys', 'arithmetic', 'content'] as const;
export type OpeningStage = (typeof OPENING_STAGES)[number];
export type ObserveStage = (stage: OpeningStage, durationMs: number) => void;

/** Runs `work` and tells how long it took, also when it failed. */
export async function timed<Result>(
  observe: ObserveStage,
  stage: OpeningStage,
  work: () => Promise<Result>,
): Promise<Result> {
  const started = performance.now();
  try {
    return await work();
  } finally {
    observe(stage, performance.now() - started);
  }
}
