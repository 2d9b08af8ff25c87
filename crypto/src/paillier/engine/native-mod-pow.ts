/**
 * Modular exponentiation by Node's own OpenSSL: @careledger/crypto/native, without workers and without top-level await.
 *
 *   createDiffieHellman(modulus, 2).setPrivateKey(exponent).computeSecret(base)  =  base^exponent mod modulus
 *
 * Divergence: OpenSSL is made for prime moduli here and never promised composite ones, so nothing rests on it unseen. It
 * is compared with BigInt before its first use; it gets only what it takes (below); and what it refuses, BigInt computes.
 * OpenSSL marks the exponent secret and uses its constant-time Montgomery ladder of fixed windows; the length of the
 * exponent shows, and the conversions from and to BigInt take time that depends on the value.
 *
 *   modulus    odd, 512..10,000 bits (OpenSSL refuses others)
 *   base       2..modulus - 2 (it refuses 0, 1 and modulus - 1)
 *   exponent   >= 1 (it refuses 0)
 *   result     not 1 and not modulus - 1 (it refuses both as shared secrets)
 *
 * Making the object for a modulus runs OpenSSL's DH_check: about one exponentiation with an exponent as long as the
 * modulus (50 ms at 6144 bits). Objects are kept for the moduli that were used last. For a modulus that is used once
 * with an exponent of half its length the whole is then 1.5 such exponentiations, half of what BigInt takes.
 */
import { createDiffieHellman, type DiffieHellman } from 'node:crypto';
import { modPow, type ModPow } from '../arithmetic.js';

const MIN_MODULUS_BITS = 512;
const MAX_MODULUS_BITS = 10_000;
/** n^2, n, p^2, q^2 of a key, and some of another key or of a ceremony. */
const MAX_CACHED_MODULI = 16;
const GENERATOR = 2;

const cache = new Map<bigint, DiffieHellman>();

function bytesOf(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}

/** The object of a modulus; the one that was not used for longest makes room. */
function groupOf(modulus: bigint): DiffieHellman {
  const group = cache.get(modulus) ?? createDiffieHellman(bytesOf(modulus), GENERATOR);
  cache.delete(modulus);
  cache.set(modulus, group);
  if (cache.size > MAX_CACHED_MODULI) {
    for (const oldest of cache.keys()) {
      cache.delete(oldest);
      break;
    }
  }
  return group;
}

/** The bare oracle: throws outside the domain that the header states. Not for use without `checkedModPow`. */
export const opensslModPow: ModPow = (base, exponent, modulus) => {
  const group = groupOf(modulus);
  group.setPrivateKey(bytesOf(exponent));
  return BigInt(`0x${group.computeSecret(bytesOf(base)).toString('hex')}`);
};

const LIMIT_BELOW = 1n << BigInt(MIN_MODULUS_BITS - 1);
const LIMIT_ABOVE = 1n << BigInt(MAX_MODULUS_BITS);

/** Two composite moduli, one a square; exponents short, even, and below and above the modulus's length. */
function* selfTestCases(): Generator<[bigint, bigint, bigint]> {
  const factor = 2n ** 521n - 1n;
  const [product, square] = [factor * (2n ** 127n - 1n), factor * factor];
  for (const modulus of [product, square]) {
    yield [2n, 3n, modulus];
    yield [modulus - 2n, 2n ** 63n, modulus];
    yield [modulus / 3n, 2n ** 64n - 59n, modulus];
    yield [modulus / 5n, modulus - 4n, modulus];
  }
  yield [product / 7n, (product * product) / 7n, product];
}

export interface OracleLimits {
  /** The oracle takes exponents of 1..2^exponentBits - 1; any length when absent. */
  readonly exponentBits?: number;
}

/**
 * An oracle that nothing has to be believed about: compared with BigInt once, before its first use, and never asked
 * again when it disagrees or throws there; BigInt computes what it does not take or throws at.
 * @returns base^exponent mod modulus, with the errors of `modPow`
 */
export function checkedModPow(oracle: ModPow, { exponentBits = Infinity }: OracleLimits = {}): ModPow {
  let trusted: boolean | undefined;
  const shortEnough = (exponent: bigint): boolean =>
    exponentBits === Infinity || exponent >> BigInt(exponentBits) === 0n;
  const takes = (base: bigint, exponent: bigint, modulus: bigint): boolean => {
    const groupFits = modulus % 2n === 1n && modulus >= LIMIT_BELOW && modulus < LIMIT_ABOVE;
    return groupFits && exponent > 0n && shortEnough(exponent) && base > 1n && base < modulus - 1n;
  };
  const passesSelfTest = (): boolean => {
    try {
      for (const [base, exponent, modulus] of selfTestCases()) {
        if (!takes(base, exponent, modulus)) continue;
        if (oracle(base, exponent, modulus) !== modPow(base, exponent, modulus)) return false;
      }
      return true;
    } catch {
      return false;
    }
  };
  return (base, exponent, modulus) => {
    if (exponent < 0n || modulus < 2n) return modPow(base, exponent, modulus);
    const reduced = ((base % modulus) + modulus) % modulus;
    trusted ??= passesSelfTest();
    if (!trusted || !takes(reduced, exponent, modulus)) return modPow(reduced, exponent, modulus);
    try {
      return oracle(reduced, exponent, modulus);
    } catch {
      return modPow(reduced, exponent, modulus);
    }
  };
}

/**
 * base^exponent mod modulus through OpenSSL, 6 times as fast as BigInt; same results and errors as `modPow`. Blocks its
 * thread: 8 ms at 4096 bits with a 2048-bit exponent, 25 ms at 6144.
 */
export const nativeModPow: ModPow = checkedModPow(opensslModPow);
