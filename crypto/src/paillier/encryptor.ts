/**
 * Encrypting many plaintexts under one key, in the key's mode (djn.ts for its equations and assumptions):
 *
 *   hiding factor   rn: r^n mod n^2, r uniform below n;   djn: h_s^x mod n^2, x uniform of half the length
 *   encrypt         (1 + m n) times a fresh hiding factor, mod n^2
 *
 * A hiding factor is an encryption of 0: used once, and as secret as the plaintext. For djn the first encryptions are
 * single exponentiations; when there have been as many as the table of fixed-base.ts costs, it is made.
 */
import { randomBelow, randomBits, type RandomBytes } from '../core/random.js';
import { modPow as bigintModPow, type ModPow } from './arithmetic.js';
import { djnBase, djnExponentBits } from './djn.js';
import { fixedBaseModulo, fixedBaseModuloSquare, type FixedBasePower } from './fixed-base.js';
import { assertPlaintext, randomUnit } from './homomorphic.js';
import type { Mask } from './proofs/masks.js';
import { assertCiphertext } from './public-key.js';
import { seededExponent, seededUnit, type SeededRow } from './row-randomness.js';
import type { PaillierPublicKey } from './types.js';

export interface EncryptorOptions {
  readonly modPow?: ModPow;
  readonly random?: RandomBytes;
  /** Exponentiations of a djn key before its table is made; default 0, right for BigInt. */
  readonly tableAfter?: number;
}

/** x -> base^x modulo n or n^2: single exponentiations first, then a table. */
class GrowingBase {
  #table: FixedBasePower | undefined;
  #uses = 0;

  constructor(
    private readonly options: {
      readonly single: FixedBasePower;
      readonly makeTable: () => FixedBasePower;
      readonly tableAfter: number;
    },
  ) {}

  power(exponent: bigint): bigint {
    const { single, makeTable, tableAfter } = this.options;
    if (this.#table === undefined && this.#uses >= tableAfter) this.#table = makeTable();
    this.#uses += 1;
    return (this.#table ?? single)(exponent);
  }
}

export class PaillierEncryptor {
  readonly publicKey: PaillierPublicKey;
  readonly #modPow: ModPow;
  readonly #random: RandomBytes | undefined;
  readonly #tableAfter: number;
  #roots: GrowingBase | undefined;
  #powers: GrowingBase | undefined;

  constructor(publicKey: PaillierPublicKey, options: EncryptorOptions = {}) {
    const { modPow = bigintModPow, random, tableAfter = 0 } = options;
    this.publicKey = publicKey;
    this.#modPow = modPow;
    this.#random = random;
    this.#tableAfter = tableAfter;
  }

  /**
   * E(plaintext), 0 <= plaintext < n, with fresh randomness.
   * @throws CRYPTO_INVALID_INPUT
   */
  encrypt(plaintext: bigint): bigint {
    return this.encryptWith(plaintext, this.hidingFactor());
  }

  /**
   * E(plaintext) with a hiding factor that was drawn before and is used only here.
   * @throws CRYPTO_INVALID_INPUT
   */
  encryptWith(plaintext: bigint, hidingFactor: bigint): bigint {
    assertPlaintext(this.publicKey, plaintext);
    const { n, nSquared } = this.publicKey;
    return ((1n + plaintext * n) * hidingFactor) % nSquared;
  }

  /**
   * E(plaintext) with the randomness that `rowRandomness` derives from the same seed and index.
   * @throws CRYPTO_INVALID_INPUT
   */
  encryptSeeded(plaintext: bigint, row: SeededRow): bigint {
    return this.encryptWith(
      plaintext,
      this.publicKey.encryption === 'djn'
        ? this.#hPower(seededExponent(this.publicKey, row))
        : this.#nthPower(seededUnit(this.publicKey, row)),
    );
  }

  /**
   * A fresh-looking encryption of the same plaintext.
   * @throws CRYPTO_INVALID_CIPHERTEXT
   */
  rerandomise(ciphertext: bigint): bigint {
    assertCiphertext(this.publicKey, ciphertext);
    return (ciphertext * this.hidingFactor()) % this.publicKey.nSquared;
  }

  /** A fresh E(0). */
  hidingFactor(): bigint {
    if (this.publicKey.encryption === 'djn') return this.#hPower(this.#drawExponent());
    return this.#nthPower(this.#drawUnit());
  }

  /** A fresh E(0) and its r: rn: r and r^n; djn: h^x and h_s^x. What provers want to know. */
  mask(): Mask {
    if (this.publicKey.encryption === 'rn') {
      const root = randomUnit(this.publicKey, this.#random);
      return { root, power: this.#nthPower(root) };
    }
    const x = this.#drawExponent();
    this.#roots ??= this.#base(djnBase(this.publicKey), this.publicKey.n, fixedBaseModulo);
    return { root: this.#roots.power(x), power: this.#hPower(x) };
  }

  #drawExponent(): bigint {
    return randomBits(djnExponentBits(this.publicKey), this.#random);
  }

  /** r in 2..n-1. That it shares a factor with n has probability below 2^(2 - keyBits / 2), and is not looked for. */
  #drawUnit(): bigint {
    return 2n + randomBelow(this.publicKey.n - 2n, this.#random);
  }

  #nthPower(base: bigint): bigint {
    return this.#modPow(base, this.publicKey.n, this.publicKey.nSquared);
  }

  /** h_s^x. */
  #hPower(exponent: bigint): bigint {
    this.#powers ??= this.#base(
      this.#nthPower(djnBase(this.publicKey)),
      this.publicKey.nSquared,
      fixedBaseModuloSquare,
    );
    return this.#powers.power(exponent);
  }

  #base(base: bigint, modulus: bigint, fixedBase: typeof fixedBaseModulo): GrowingBase {
    const { publicKey } = this;
    return new GrowingBase({
      single: (exponent) => this.#modPow(base, exponent, modulus),
      makeTable: () => fixedBase(base, publicKey.n, djnExponentBits(publicKey)),
      tableAfter: this.#tableAfter,
    });
  }
}
