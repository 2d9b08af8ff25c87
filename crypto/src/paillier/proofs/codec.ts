/**
 * Proofs as bytes: numbers in fixed widths, one after the other, no lengths and no tags. The statement says which
 * numbers there are, so that a reader that knows it takes exactly one text for one proof.
 *
 *   element of Z_{n^2}   2 keyBits / 8 bytes        challenge   16 bytes
 *   root, of Z_n           keyBits / 8 bytes        integer of b bits   ceil(b / 8) bytes
 *
 *   0/1        a_0 a_1 e_0 w_0 w_1           product    A B z w_1 w_2           equality   a w
 *   range      (c_i, 0/1) for each weight    one-hot    0/1 for each bin, then 0/1 or equality
 */
import { bigintToBytes, bytesToBigint, joinBytes } from '../../core/bytes.js';
import { ciphertextSizeBytes } from '../public-key.js';
import type { PaillierPublicKey } from '../types.js';
import type { BitProof } from './bit-proof.js';
import { CHALLENGE_BYTES, invalidProof } from './challenge.js';
import type { EqualityProof } from './equality-proof.js';
import type { OneHotCount, OneHotProof } from './one-hot-proof.js';
import { productAnswerBits, type ProductProof } from './product-proof.js';
import { rangeWeights, type RangeProof } from './range-proof.js';

export class ProofWriter {
  readonly #parts: Uint8Array[] = [];

  constructor(private readonly publicKey: PaillierPublicKey) {}

  element(value: bigint): void {
    this.#parts.push(bigintToBytes(value, ciphertextSizeBytes(this.publicKey)));
  }

  bit({ commitments, challenge, answers }: BitProof): void {
    commitments.forEach((commitment) => {
      this.element(commitment);
    });
    this.#parts.push(bigintToBytes(challenge, CHALLENGE_BYTES));
    answers.forEach((answer) => {
      this.#root(answer);
    });
  }

  product({ commitments, z, answers }: ProductProof, factorBits: number): void {
    commitments.forEach((commitment) => {
      this.element(commitment);
    });
    this.#parts.push(bigintToBytes(z, Math.ceil(productAnswerBits(factorBits) / 8)));
    answers.forEach((answer) => {
      this.#root(answer);
    });
  }

  equality({ commitment, answer }: EqualityProof): void {
    this.element(commitment);
    this.#root(answer);
  }

  range(proof: RangeProof): void {
    for (const bit of proof) {
      this.element(bit.ciphertext);
      this.bit(bit.proof);
    }
  }

  oneHot({ bits, total }: OneHotProof): void {
    bits.forEach((bit) => {
      this.bit(bit);
    });
    if ('commitment' in total) this.equality(total);
    else this.bit(total);
  }

  bytes(): Uint8Array {
    return joinBytes(this.#parts);
  }

  #root(value: bigint): void {
    this.#parts.push(bigintToBytes(value, this.publicKey.keyBits / 8));
  }
}

/** Reads what ProofWriter wrote, in the same order. Every method throws CRYPTO_PROOF_INVALID when bytes are missing. */
export class ProofReader {
  #at = 0;

  constructor(
    private readonly publicKey: PaillierPublicKey,
    private readonly source: Uint8Array,
  ) {}

  element(): bigint {
    return this.#take(ciphertextSizeBytes(this.publicKey));
  }

  bit(): BitProof {
    return {
      commitments: [this.element(), this.element()],
      challenge: this.#take(CHALLENGE_BYTES),
      answers: [this.#root(), this.#root()],
    };
  }

  product(factorBits: number): ProductProof {
    return {
      commitments: [this.element(), this.element()],
      z: this.#take(Math.ceil(productAnswerBits(factorBits) / 8)),
      answers: [this.#root(), this.#root()],
    };
  }

  equality(): EqualityProof {
    return { commitment: this.element(), answer: this.#root() };
  }

  range(most: bigint): RangeProof {
    return rangeWeights(most).map(() => ({ ciphertext: this.element(), proof: this.bit() }));
  }

  oneHot(bins: number, count: OneHotCount): OneHotProof {
    const bits = Array.from({ length: bins }, () => this.bit());
    return { bits, total: count === 'exactly-one' ? this.equality() : this.bit() };
  }

  /** @throws CRYPTO_PROOF_INVALID when bytes are left over */
  end(): void {
    const left = this.source.length - this.#at;
    if (left > 0) throw invalidProof('proof', `${this.#at} bytes`, `${left} more`);
  }

  #root(): bigint {
    return this.#take(this.publicKey.keyBits / 8);
  }

  #take(sizeBytes: number): bigint {
    const bytes = this.source.subarray(this.#at, this.#at + sizeBytes);
    if (bytes.length < sizeBytes) throw invalidProof('proof', 'more bytes', `${this.source.length}`);
    this.#at += sizeBytes;
    return bytesToBigint(bytes);
  }
}
