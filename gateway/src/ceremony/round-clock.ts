/** How long the messages of a round have been waited for. In memory only: after a restart the waiting begins anew. */

/** Others may be slower than this hospital, by this much, whatever the configured time of a round. */
const SLOWER_THAN_WE = 5;

export class RoundClock {
  #place = '';
  #beganMs = 0;
  /** When each sender was seen to have posted: from then on its message is awaited. */
  readonly #postedMs = new Map<string, number>();
  #ownStepMs = 0;

  constructor(
    private readonly roundMs: number,
    private readonly now: () => number,
  ) {}

  /** @returns whether this is another round than before */
  begin(place: string): boolean {
    if (place === this.#place) return false;
    this.#place = place;
    this.#beganMs = this.now();
    this.#postedMs.clear();
    return true;
  }

  hasPosted(mspId: string): void {
    if (!this.#postedMs.has(mspId)) this.#postedMs.set(mspId, this.now());
  }

  isPosted(mspId: string): boolean {
    return this.#postedMs.has(mspId);
  }

  /** The longest of this attempt counts: rounds differ, and the next one may be like it. */
  ownStepTook(durationMs: number): void {
    this.#ownStepMs = Math.max(this.#ownStepMs, durationMs);
  }

  elapsedMs(): number {
    return this.now() - this.#beganMs;
  }

  isLate(mspId: string): boolean {
    return this.#leftMs(mspId) <= 0;
  }

  untilLateMs(mspIds: readonly string[]): number {
    return Math.max(0, Math.min(...mspIds.map((mspId) => this.#leftMs(mspId))));
  }

  #leftMs(mspId: string): number {
    const patienceMs = Math.max(this.roundMs, SLOWER_THAN_WE * this.#ownStepMs);
    return (this.#postedMs.get(mspId) ?? this.#beganMs) + patienceMs - this.now();
  }
}
