/**
 * A hospital's contribution to an aggregate, and opening it to an auditor (own construction from standard parts).
 *
 *   ciphertext  = (product of row ciphertexts) (1 + mask n) r^n mod n^2                        E(sum of rows + mask)
 *   commitment  = SHA-256(encodeParts('careledger/contribution/v1', salt(32), queryId, mspId,
 *                         encodeParts('careledger/row-refs/v1', ref_1 .. ref_k), mask, r))
 *
 * Hiding: the salt, in the random-oracle model. Binding: collision resistance of SHA-256 and the injective encoder.
 * The opening (salt, row list, mask, r) re-derives the ciphertext bit for bit, so a hospital that contributed anything
 * but the product of the rows it committed to, or whose mask touches an asked slot, is found with a proof to show. It
 * shows the auditor which rows were in the cohort; it says nothing about rows that the hospital left out.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import {
  assertBytes,
  base64UrlToBytes,
  bigintToMinimalBytes,
  bytesEqual,
  bytesToBase64Url,
  bytesToBigint,
  bytesToHex,
  hexToBytes,
} from '../core/bytes.js';
import { assertContextText } from '../core/context.js';
import { encodeList, encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { modProduct } from '../paillier/arithmetic.js';
import { encryptWith } from '../paillier/homomorphic.js';
import type { PanelLayout, SlotId } from './panel-layout.js';
import { assertMaskPlaintext } from './panel.js';
import { assertCiphertext, assertCiphertexts } from '../paillier/public-key.js';
import type { PaillierPublicKey } from '../paillier/types.js';

export const COMMITMENT_SALT_BYTES = 32;
export const MAX_CONTRIBUTION_ROWS = 1_000_000;

/** Secret until an auditor asks for it. */
export interface ContributionOpening {
  /** 32 random bytes, used once. */
  readonly salt: Uint8Array;
  readonly queryId: string;
  readonly mspId: string;
  /** One per row, in the order of the rows, e.g. "CID#index"; no duplicates. */
  readonly rowRefs: readonly string[];
  readonly maskPlaintext: bigint;
  readonly randomness: bigint;
}
export interface ContributionOpeningJson {
  readonly salt: string;
  readonly queryId: string;
  readonly mspId: string;
  readonly rowRefs: readonly string[];
  readonly maskPlaintext: string;
  readonly randomness: string;
}

/**
 * The ciphertext to post. No rows give E(mask; r): whether to contribute nobody is the caller's policy.
 * @throws CRYPTO_INVALID_CIPHERTEXT with the row's index; CRYPTO_INVALID_INPUT for mask or randomness out of range
 */
export function makeContribution(options: {
  publicKey: PaillierPublicKey;
  rows: readonly bigint[];
  maskPlaintext: bigint;
  randomness: bigint;
}): bigint {
  const { publicKey, rows, maskPlaintext, randomness } = options;
  assertCiphertexts(publicKey, rows);
  const mask = encryptWith(publicKey, maskPlaintext, randomness);
  return modProduct([...rows, mask], publicKey.nSquared);
}

function assertOpening(opening: ContributionOpening): void {
  assertBytes('salt', opening.salt, COMMITMENT_SALT_BYTES);
  assertContextText('queryId', opening.queryId);
  assertContextText('mspId', opening.mspId);
  if (!Array.isArray(opening.rowRefs) || opening.rowRefs.length > MAX_CONTRIBUTION_ROWS) {
    throw invalidInput('rowRefs', `at most ${MAX_CONTRIBUTION_ROWS} references`, shapeOf(opening.rowRefs));
  }
  opening.rowRefs.forEach((ref, index) => {
    assertContextText(`rowRefs[${index}]`, ref);
  });
}

/**
 * SHA-256 commitment, lower-case hex; goes on the ledger with the ciphertext.
 * @throws CRYPTO_INVALID_INPUT
 */
export function contributionCommitment(opening: ContributionOpening): string {
  assertOpening(opening);
  const { salt, queryId, mspId, rowRefs, maskPlaintext, randomness } = opening;
  const rows = encodeList('careledger/row-refs/v1', rowRefs);
  return bytesToHex(
    sha256(encodeParts('careledger/contribution/v1', salt, queryId, mspId, rows, maskPlaintext, randomness)),
  );
}

function mismatch(argument: string, expected: string, came: string, cause?: unknown): CryptoError {
  return new CryptoError('CRYPTO_CONTRIBUTION_MISMATCH', { argument, expected, came, cause });
}

/** Runs a check and turns its error into a mismatch of `argument`. */
function orMismatch<T>(argument: string, expected: string, check: () => T): T {
  try {
    return check();
  } catch (cause) {
    throw mismatch(argument, expected, 'another', cause);
  }
}

function assertRows(
  opening: ContributionOpening,
  rowCiphertexts: readonly bigint[],
  layout: PanelLayout,
): void {
  const { rowRefs } = opening;
  if (new Set(rowRefs).size !== rowRefs.length) throw mismatch('rowRefs', 'each row once', 'a row twice');
  if (rowRefs.length !== rowCiphertexts.length)
    throw mismatch('rowRefs', `${rowCiphertexts.length} rows`, `${rowRefs.length}`);
  if (rowRefs.length > layout.maxRecords)
    throw mismatch('rowRefs', `at most ${layout.maxRecords} rows`, `${rowRefs.length}`);
}

/**
 * The auditor's check. `rowCiphertexts` are fetched by the auditor from what is anchored, in the order of
 * opening.rowRefs; `ciphertext` and `commitment` come from the ledger; layout and askedSlots from the query.
 * @throws CRYPTO_CONTRIBUTION_MISMATCH; `argument` is commitment, rowRefs, maskPlaintext, rows or ciphertext
 */
export function verifyOpening(options: {
  opening: ContributionOpening;
  rowCiphertexts: readonly bigint[];
  publicKey: PaillierPublicKey;
  ciphertext: bigint;
  commitment: string;
  layout: PanelLayout;
  askedSlots: readonly SlotId[];
}): void {
  const { opening, rowCiphertexts, publicKey, ciphertext, commitment, layout, askedSlots } = options;
  const opened = orMismatch('commitment', 'a well-formed opening', () => contributionCommitment(opening));
  if (!bytesEqual(hexToBytes(opened), hexToBytes(commitment)))
    throw mismatch('commitment', 'the commitment on the ledger', 'another');
  assertRows(opening, rowCiphertexts, layout);
  const { maskPlaintext, randomness } = opening;
  orMismatch('maskPlaintext', 'a mask of the slots that were not asked for', () => {
    assertMaskPlaintext(layout, askedSlots, maskPlaintext);
  });
  orMismatch('ciphertext', 'a ciphertext', () => {
    assertCiphertext(publicKey, ciphertext);
  });
  const derived = orMismatch('rows', 'ciphertexts under this key', () =>
    makeContribution({ publicKey, rows: rowCiphertexts, maskPlaintext, randomness }),
  );
  if (derived !== ciphertext)
    throw mismatch('ciphertext', 'the product of the opened rows and mask', 'another ciphertext');
}

/** For the hospital's own store and for the auditor; integers as base64url of minimal big-endian bytes. */
export function openingToJson(opening: ContributionOpening): ContributionOpeningJson {
  assertOpening(opening);
  return {
    salt: bytesToBase64Url(opening.salt),
    queryId: opening.queryId,
    mspId: opening.mspId,
    rowRefs: [...opening.rowRefs],
    maskPlaintext: bytesToBase64Url(bigintToMinimalBytes(opening.maskPlaintext)),
    randomness: bytesToBase64Url(bigintToMinimalBytes(opening.randomness)),
  };
}

/** @throws CRYPTO_INVALID_INPUT */
export function openingFromJson(json: unknown): ContributionOpening {
  if (json === null || typeof json !== 'object') throw invalidInput('opening', 'an object', shapeOf(json));
  const { salt, queryId, mspId, rowRefs, maskPlaintext, randomness } = json as ContributionOpeningJson;
  const integer = (text: string): bigint => bytesToBigint(base64UrlToBytes(text));
  const opening = {
    salt: base64UrlToBytes(salt),
    queryId,
    mspId,
    rowRefs,
    maskPlaintext: integer(maskPlaintext),
    randomness: integer(randomness),
  };
  assertOpening(opening);
  return opening;
}
