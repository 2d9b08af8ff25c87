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
import { FixedBasePowers } from './fixed-base.js';
import { assertPlaintext } from './homomorphic.js';
import { assertCiphertext } from './public-key.js';
import { seededExponent, seededUnit, type SeededRow } from './row-randomness.js';
import type { PaillierPublicKey } from './types.js';

export interface EncryptorOptions {
  readonly modPow?: ModPow;
  readonly random?: RandomBytes;
  /** Exponentiations of a djn key before its table is made; default 0, right for BigInt. */
  readonly tableAfter?: number;
}

export class PaillierEncryptor {
  readonly publicKey: PaillierPublicKey;
  readonly #modPow: ModPow;
  readonly #random: RandomBytes | undefined;
  readonly #tableAfter: number;
  #djnBase: bigint | undefined;
  #powers: FixedBasePowers | undefined;
  #singlePowers = 0;

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
    assertPlaintext(this.publicKey, plaintext);
    return this.#hide(plaintext, this.hidingFactor());
  }

  /**
   * E(plaintext) with the randomness that `rowRandomness` derives from the same seed and index.
   * @throws CRYPTO_INVALID_INPUT
   */
  encryptSeeded(plaintext: bigint, row: SeededRow): bigint {
    assertPlaintext(this.publicKey, plaintext);
    return this.#hide(plaintext, this.#seededFactor(row));
  }

  /**
   * A fresh-looking encryption of the same plaintext.
   * @throws CRYPTO_INVALID_CIPHERTEXT
   */
  rerandomise(ciphertext: bigint): bigint {
    assertCiphertext(this.publicKey, ciphertext);
    return (ciphertext * this.hidingFactor()) % this.publicKey.nSquared;
  }

  /** A fresh E(0). That r shares a factor with n has probability below 2^(2 - keyBits / 2), and is not checked. */
  hidingFactor(): bigint {
    const { publicKey } = this;
    if (publicKey.encryption === 'djn')
      return this.#djnPower(randomBits(djnExponentBits(publicKey), this.#random));
    return this.#nthPower(2n + randomBelow(publicKey.n - 2n, this.#random));
  }

  #seededFactor(row: SeededRow): bigint {
    if (this.publicKey.encryption === 'djn') return this.#djnPower(seededExponent(this.publicKey, row));
    return this.#nthPower(seededUnit(this.publicKey, row));
  }

  #hide(plaintext: bigint, factor: bigint): bigint {
    const { n, nSquared } = this.publicKey;
    return ((1n + plaintext * n) * factor) % nSquared;
  }

  #nthPower(base: bigint): bigint {
    return this.#modPow(base, this.publicKey.n, this.publicKey.nSquared);
  }

  /** h_s^exponent. */
  #djnPower(exponent: bigint): bigint {
    this.#djnBase ??= this.#nthPower(djnBase(this.publicKey));
    if (this.#powers === undefined && this.#singlePowers < this.#tableAfter) {
      this.#singlePowers += 1;
      return this.#modPow(this.#djnBase, exponent, this.publicKey.nSquared);
    }
    this.#powers ??= new FixedBasePowers({
      base: this.#djnBase,
      n: this.publicKey.n,
      exponentBits: djnExponentBits(this.publicKey),
    });
    return this.#powers.power(exponent);
  }
}
