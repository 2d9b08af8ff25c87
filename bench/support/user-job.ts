/**
 * The user's job: 1,000,000 values of 32 bits from four hospitals, encrypted, stored, summed by column and decrypted.
 *
 *   ours   a row of columns per plaintext, 64 bits each (a 32-bit value and head-room for 2^32 rows); djn encryption, a
 *          panel block, one product; the sums opened by three of four share holders with proofs, all of them verified
 *   phe    one ciphertext per value; the sums of the same columns decrypted with the private key: phe has no threshold
 *
 * Both on a part of the values in each round and scaled: what is done for each value by the number of values; tables,
 * opening and decryption, which are done once, as measured.
 */
import {
  PaillierEncryptor,
  combinePartials,
  decodePanelBlock,
  encodePanelBlock,
  nativeModPow,
  provePartialDecryption,
  randomBelow,
  sumCiphertexts,
  verifyPartialDecryption,
} from '@careledger/crypto';
import { dealThresholdKey, type DealtThresholdKey } from '@careledger/crypto/testing';
import { processorSeconds } from './measure.js';
import type { Phe } from './phe.js';

const VALUES = 1_000_000;
const HOSPITALS = ['H1MSP', 'H2MSP', 'H3MSP', 'H4MSP'];
const VALUE_BITS = 32n;
const SLOT_BITS = 64n;
/** Rows of each hospital in a round. */
const ROWS_PER_ROUND = 40;
const LAYOUT_DIGEST = '0'.repeat(64);
const modPow = nativeModPow;

export interface UserJobRound {
  /** Processor seconds for all values. */
  readonly oursSeconds: number;
  readonly pheSeconds: number | undefined;
}

export class UserJob {
  readonly #key: DealtThresholdKey;
  readonly #columns: number;
  readonly #pheValuesPerRound: number;

  constructor(
    readonly bits: number,
    private readonly options: {
      readonly phe: Phe | undefined;
      readonly rounds: number;
      readonly pheFraction: number;
    },
  ) {
    this.#key = dealThresholdKey({ keyBits: bits, holders: HOSPITALS, modPow });
    this.#columns = Math.floor((bits - 1) / Number(SLOT_BITS));
    this.#pheValuesPerRound = Math.ceil((VALUES * options.pheFraction) / options.rounds);
  }

  async round(): Promise<UserJobRound> {
    const oursSeconds = this.#ours();
    const { phe } = this.options;
    if (phe === undefined) return { oursSeconds, pheSeconds: undefined };
    const count = this.#pheValuesPerRound;
    const { seconds, decryptSeconds = 0 } = await phe.do('values', this.bits, count, {
      columns: this.#columns,
    });
    return { oursSeconds, pheSeconds: (seconds * VALUES) / count + decryptSeconds };
  }

  /** What the line says besides its figures. */
  description(rounds: number): Readonly<Record<string, unknown>> {
    const rows = this.#rowsPerHospital() * HOSPITALS.length;
    const ciphertextBytes = (2 * this.bits) / 8;
    return {
      values_per_ciphertext: this.#columns,
      stored_bytes: rows * ciphertextBytes,
      phe_stored_bytes: VALUES * ciphertextBytes,
      measured: `ours on ${percent((ROWS_PER_ROUND * HOSPITALS.length * rounds) / rows)} of the rows and phe on ${percent((this.#pheValuesPerRound * rounds) / VALUES)} of the values, scaled; threshold key from a dealer (fixture)`,
    };
  }

  #rowsPerHospital(): number {
    return Math.ceil(VALUES / HOSPITALS.length / this.#columns);
  }

  #ours(): number {
    const totals = Array.from({ length: this.#columns }, () => 0n);
    let once = 0;
    let perRow = 0;
    const stored = HOSPITALS.map(() => {
      const encryptor = new PaillierEncryptor(this.#key.publicKey, { modPow });
      once += processorSeconds(() => encryptor.encrypt(0n));
      const rows = this.#drawRows(totals);
      let block = new Uint8Array();
      perRow += processorSeconds(() => {
        block = this.#encryptAndStore(encryptor, rows);
      });
      return block;
    });
    const contributions: bigint[] = [];
    perRow += processorSeconds(() => {
      for (const block of stored) contributions.push(this.#sumOfBlock(block));
    });
    let opened: bigint[] = [];
    once += processorSeconds(() => {
      opened = this.#open(sumCiphertexts(this.#key.publicKey, contributions));
    });
    if (opened.some((total, column) => total !== totals[column])) throw new Error('our totals are wrong');
    return once + (perRow * this.#rowsPerHospital()) / ROWS_PER_ROUND;
  }

  /** Values by row and column; adds them to the totals. */
  #drawRows(totals: bigint[]): bigint[][] {
    return Array.from({ length: ROWS_PER_ROUND }, () =>
      totals.map((total, column) => {
        const value = randomBelow(1n << VALUE_BITS);
        totals[column] = total + value;
        return value;
      }),
    );
  }

  #encryptAndStore(encryptor: PaillierEncryptor, rows: readonly bigint[][]): Uint8Array<ArrayBuffer> {
    const ciphertexts = rows.map((values) =>
      encryptor.encrypt(
        values.reduce((packed, value, column) => packed + (value << (SLOT_BITS * BigInt(column))), 0n),
      ),
    );
    return new Uint8Array(encodePanelBlock(this.#key.publicKey, LAYOUT_DIGEST, ciphertexts));
  }

  #sumOfBlock(block: Uint8Array): bigint {
    const { publicKey } = this.#key;
    return sumCiphertexts(publicKey, decodePanelBlock(publicKey, LAYOUT_DIGEST, block).rows);
  }

  /** By the three holders that a majority of four takes; each partial decryption is verified before it counts. */
  #open(ciphertext: bigint): bigint[] {
    const { publicKey, sharing, shares } = this.#key;
    const opening = {
      publicKey,
      sharing,
      ciphertext,
      context: { queryId: 'bench', step: 'aggregate', index: 0 } as const,
      modPow,
    };
    const partials = shares
      .slice(0, sharing.threshold)
      .map((share) => provePartialDecryption({ ...opening, share }));
    for (const partial of partials) verifyPartialDecryption({ ...opening, partial });
    const packed = combinePartials({ ...opening, partials });
    return Array.from({ length: this.#columns }, (_, column) =>
      BigInt.asUintN(Number(SLOT_BITS), packed >> (SLOT_BITS * BigInt(column))),
    );
  }
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;
