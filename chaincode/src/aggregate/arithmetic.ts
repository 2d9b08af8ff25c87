import {
  CryptoError,
  assertAsked,
  ciphertextDigest,
  ciphertextFromText,
  ciphertextToText,
  combineAdditivePartials,
  decodeTotals,
  partialFromJson,
  publicKeyFromJson,
  resultsFromTotals,
  slotsFor,
  sumCiphertexts,
  type PaillierPublicKey,
  type PanelTotals,
} from '@careledger/crypto/core';
import {
  CareLedgerError,
  type AggregationKey,
  type ErrorCode,
  type PanelLayoutDocument,
  type PartialShare,
  type Query,
  type StatisticResult,
} from '@careledger/protocol';

/**
 * What the contracts compute on ciphertexts. All of it is deterministic, and cheap enough for every peer to repeat: a
 * few multiplications modulo n^2, no exponentiation.
 */
export interface Arithmetic {
  /** @throws CareLedgerError CIPHERTEXT_INVALID for what is no unit modulo n^2, in its canonical text */
  assertCiphertext(text: string): void;
  sum(ciphertexts: readonly string[]): string;
  digest(ciphertext: string): string;
  /** @throws CareLedgerError RESULT_MISMATCH when the shares combine to no total of this layout */
  results(input: {
    readonly query: Query;
    readonly layout: PanelLayoutDocument;
    readonly partials: readonly PartialShare[];
  }): StatisticResult[];
}

export interface KeySize {
  /** Tests only: keys too short to protect anything. */
  readonly allowTestKeySize?: boolean;
}

/** @throws CareLedgerError SCHEMA_VIOLATION for a modulus of another size, or a key id that is not its digest */
export function assertPublicKey(publicKey: AggregationKey['publicKey'], size: KeySize): void {
  asCoded('SCHEMA_VIOLATION', () => publicKeyFromJson(publicKey, size));
}

/**
 * @throws CareLedgerError SCHEMA_VIOLATION unless all fields are in the layout and of the kind the statistic works on,
 * with a weight each for a weighted sum and none for others
 */
export function assertFields(
  layout: PanelLayoutDocument,
  query: Pick<Query, 'fields' | 'statistic' | 'weights'>,
): void {
  asCoded('SCHEMA_VIOLATION', () => {
    assertAsked(layout, query);
  });
}

export function arithmeticUnder(key: AggregationKey, size: KeySize): Arithmetic {
  const publicKey = publicKeyFromJson(key.publicKey, size);
  const parse = (text: string) => asCoded('CIPHERTEXT_INVALID', () => ciphertextFromText(publicKey, text));
  return {
    assertCiphertext: (text) => void parse(text),
    sum: (ciphertexts) => ciphertextToText(publicKey, sumCiphertexts(publicKey, ciphertexts.map(parse))),
    digest: (ciphertext) => ciphertextDigest(publicKey, parse(ciphertext)),
    results: ({ query, layout, partials }) => {
      const totals = asCoded('RESULT_MISMATCH', () => totalsOf(publicKey, key, { query, layout, partials }));
      return asCoded('RESULT_MISMATCH', () => resultsFromTotals(layout, totals, query) as StatisticResult[]);
    },
  };
}

type ResultInput = Parameters<Arithmetic['results']>[0];

function totalsOf(
  publicKey: PaillierPublicKey,
  key: AggregationKey,
  { query, layout, partials }: ResultInput,
): PanelTotals {
  if (query.aggregate === undefined) throw new TypeError('a query without an aggregate');
  const plaintext = combineAdditivePartials({
    publicKey,
    holders: key.holders,
    ciphertext: ciphertextFromText(publicKey, query.aggregate),
    partials: partials.map(({ mspId: holder, ciphertextDigest: digest, value }) =>
      partialFromJson(publicKey, { holder, keyId: publicKey.keyId, ciphertextDigest: digest, value }),
    ),
  });
  return decodeTotals(layout, plaintext, slotsFor(layout, query.fields, query.statistic));
}

function asCoded<Result>(code: ErrorCode, compute: () => Result): Result {
  try {
    return compute();
  } catch (cause) {
    if (cause instanceof CryptoError) throw new CareLedgerError(code, { message: cause.message, cause });
    throw cause;
  }
}
