/**
 * Randomness made ahead: masks of one key, drawn while nobody needs the workers, so that a single encryption costs one
 * product. Bounded; each mask is given out once and forgotten here when it is.
 */
import { CryptoError } from '../../core/errors.js';
import type { Mask } from '../proofs/masks.js';

/** Few, so that a job that comes meanwhile waits a tenth of a second at most. */
const PER_REFILL = 4;
export const MAX_PREPARED_MASKS = 10_000;

export class PreparedMasks {
  readonly #masks: Mask[] = [];
  #refilling = false;

  /**
   * @param capacity 1..10,000; a mask takes 3 keyBits / 8 bytes
   * @param make draws so many in the background; a failure (a closed pool) ends refilling until the next `take`
   */
  constructor(
    readonly capacity: number,
    private readonly make: (count: number) => Promise<Mask[]>,
  ) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > MAX_PREPARED_MASKS) {
      throw new CryptoError('CRYPTO_LIMIT_EXCEEDED', {
        argument: 'capacity',
        expected: `1..${MAX_PREPARED_MASKS}`,
        came: String(capacity),
      });
    }
    void this.#refill();
  }

  get size(): number {
    return this.#masks.length;
  }

  /** One that nobody else gets; undefined when all are given out. */
  take(): Mask | undefined {
    const mask = this.#masks.pop();
    void this.#refill();
    return mask;
  }

  async #refill(): Promise<void> {
    if (this.#refilling) return;
    this.#refilling = true;
    try {
      while (this.#masks.length < this.capacity)
        this.#masks.push(...(await this.make(Math.min(PER_REFILL, this.capacity - this.#masks.length))));
    } catch {
      // What waits for a mask makes its own and reports its own failure.
    } finally {
      this.#refilling = false;
    }
  }
}
