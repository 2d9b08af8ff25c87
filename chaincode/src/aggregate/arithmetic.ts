import {
  CryptoError,
  assertAsked,
  ciphertextDigest,
  ciphertextFromText,
  ciphertextToText,
  combinePartials,
  decodeTotals,
  plaintextProofFromJson,
  provenPartialFromJson,
  publicKeyFromJson,
  resultsFromTotals,
  sharingFromJson,
  slotsFor,
  sumCiphertexts,
  verifyPartialDecryption,
  verifyPlaintextKnowledge,
  type ContributionContext,
  type PaillierPublicKey,
  type PanelTotals,
  type ProvenPartial,
} from '@careledger/crypto/core';
import { nativeModPow } from '@careledger/crypto/native';
import {
  CareLedgerError,
  type AggregationKey,
  type Contribution,
  type ErrorCode,
  type PanelLayoutDocument,
  type PartialShare,
  type Query,
  type ShareRejection,
  type StatisticResult,
} from '@careledger/protocol';

/**
 * What the contracts compute on ciphertexts, the same on every peer. A proof costs two or three exponentiations modulo
 * n^2, through Node's OpenSSL; everything else is multiplication.
 */
export interface Arithmetic {
  /**
   * That its sender knows what the ciphertext holds, for this hospital, query and panels.
   * @throws CareLedgerError CIPHERTEXT_INVALID for what is no unit modulo n^2, in its canonical text; PROOF_INVALID
   */
  assertContribution(
    contribution: Pick<Contribution, 'ciphertext' | 'proof'>,
    context: ContributionContext,
  ): void;
  sum(ciphertexts: readonly string[]): string;
  /** Why a share of the query's aggregate does not count, or undefined when it does. */
  rejectionOf(query: Query, share: Share): ShareRejection | undefined;
  /** @throws CareLedgerError RESULT_MISMATCH when the shares combine to no total of this layout */
  results(input: {
    readonly query: Query;
    readonly layout: PanelLayoutDocument;
    readonly partials: readonly PartialShare[];
  }): StatisticResult[];
}

type Share = Omit<PartialShare, 'at' | 'txId'>;

export interface KeySize {
  /** Tests only: keys too short to protect anything. */
  readonly allowTestKeySize?: boolean;
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
    assertContribution({ ciphertext: text = '', proof }, context) {
      const ciphertext = parse(text);
      asCoded('PROOF_INVALID', () => {
        verifyPlaintextKnowledge({
          publicKey,
          ciphertext,
          proof: plaintextProofFromJson(publicKey, proof),
          context,
          modPow: nativeModPow,
        });
      });
    },
    sum: (ciphertexts) => ciphertextToText(publicKey, sumCiphertexts(publicKey, ciphertexts.map(parse))),
    rejectionOf(query, share) {
      const ciphertext = aggregateOf(publicKey, query);
      if (share.ciphertextDigest !== ciphertextDigest(publicKey, ciphertext)) return 'OTHER_CIPHERTEXT';
      return isProven(publicKey, key, { queryId: query.queryId, ciphertext, share })
        ? undefined
        : 'PROOF_INVALID';
    },
    results: ({ query, layout, partials }) => {
      const totals = asCoded('RESULT_MISMATCH', () => totalsOf(publicKey, key, { query, layout, partials }));
      return asCoded('RESULT_MISMATCH', () => resultsFromTotals(layout, totals, query) as StatisticResult[]);
    },
  };
}

function aggregateOf(publicKey: PaillierPublicKey, { aggregate }: Query): bigint {
  if (aggregate === undefined) throw new TypeError('a query without an aggregate');
  return ciphertextFromText(publicKey, aggregate);
}

function provenPartial(publicKey: PaillierPublicKey, share: Share): ProvenPartial {
  const { mspId: holder, epoch, ciphertextDigest: digest, value, proof } = share;
  const { keyId } = publicKey;
  return provenPartialFromJson(publicKey, { holder, keyId, epoch, ciphertextDigest: digest, value, proof });
}

function isProven(
  publicKey: PaillierPublicKey,
  key: AggregationKey,
  opened: { readonly queryId: string; readonly ciphertext: bigint; readonly share: Share },
): boolean {
  const { queryId, ciphertext, share } = opened;
  const sharing = sharingFromJson(publicKey, key.sharing);
  const context = { queryId, step: 'aggregate', index: 0 } as const;
  try {
    const partial = provenPartial(publicKey, share);
    verifyPartialDecryption({ publicKey, sharing, ciphertext, context, partial, modPow: nativeModPow });
    return true;
  } catch (error) {
    if (error instanceof CryptoError) return false;
    throw error;
  }
}

type ResultInput = Parameters<Arithmetic['results']>[0];

function totalsOf(
  publicKey: PaillierPublicKey,
  key: AggregationKey,
  { query, layout, partials }: ResultInput,
): PanelTotals {
  const plaintext = combinePartials({
    publicKey,
    sharing: sharingFromJson(publicKey, key.sharing),
    ciphertext: aggregateOf(publicKey, query),
    partials: partials.map((share) => provenPartial(publicKey, share)),
    modPow: nativeModPow,
  });
  return decodeTotals(layout, plaintext, slotsFor(layout, query.fields, query.statistic));
}

export function asCoded<Result>(code: ErrorCode, compute: () => Result): Result {
  try {
    return compute();
  } catch (cause) {
    if (cause instanceof CryptoError) throw new CareLedgerError(code, { message: cause.message, cause });
    throw cause;
  }
}
