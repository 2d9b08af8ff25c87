/** Small primes, and the Jacobi symbol (Cohen, A Course in Computational Algebraic Number Theory, algorithm 1.4.10). */
import { invalidInput } from '../../core/errors.js';

/** Primes from 2 to `limit`, by the sieve of Eratosthenes. */
export function primesUpTo(limit: number): number[] {
  const composite = new Uint8Array(limit + 1);
  const primes: number[] = [];
  for (let candidate = 2; candidate <= limit; candidate++) {
    if (composite[candidate] === 1) continue;
    primes.push(candidate);
    for (let multiple = candidate * candidate; multiple <= limit; multiple += candidate)
      composite[multiple] = 1;
  }
  return primes;
}

/** Product by halves, so that most factors are multiplied while they are short. */
export function productOf(factors: readonly bigint[]): bigint {
  if (factors.length <= 1) return factors[0] ?? 1n;
  const half = factors.length >> 1;
  return productOf(factors.slice(0, half)) * productOf(factors.slice(half));
}

/** (2 / n) for odd n, by n mod 8. */
function symbolOfTwo(modulus: bigint): number {
  const rest = modulus & 7n;
  return rest === 3n || rest === 5n ? -1 : 1;
}

/** value without its factors 2, and the symbol of what was taken away. */
function withoutTwos(value: bigint, modulus: bigint): { odd: bigint; symbol: number } {
  let odd = value;
  let symbol = 1;
  while ((odd & 1n) === 0n) {
    odd >>= 1n;
    symbol *= symbolOfTwo(modulus);
  }
  return { odd, symbol };
}

/**
 * (value / modulus): 0 when they have a common factor, otherwise 1 or -1.
 * @throws CRYPTO_INVALID_INPUT unless the modulus is odd and positive
 */
export function jacobi(value: bigint, modulus: bigint): number {
  if (modulus < 1n || (modulus & 1n) === 0n) throw invalidInput('modulus', 'odd and positive', 'another');
  let top = ((value % modulus) + modulus) % modulus;
  let bottom = modulus;
  let symbol = 1;
  while (top !== 0n) {
    const { odd, symbol: ofTwos } = withoutTwos(top, bottom);
    symbol *= ofTwos;
    if ((odd & 3n) === 3n && (bottom & 3n) === 3n) symbol = -symbol;
    [top, bottom] = [bottom % odd, odd];
  }
  return bottom === 1n ? symbol : 0;
}
