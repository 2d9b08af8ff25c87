/**
 * One hospital as share holder: it multiplies the anchored contributions itself and decrypts that product and nothing
 * else.
 */
import {
  ciphertextDigest,
  ciphertextFromText,
  partialToJson,
  sumCiphertexts,
  type PaillierPublicKey,
} from '@careledger/crypto';
import { CareLedgerError, type QueryDetails } from '@careledger/protocol';
import type { KeyHolders } from '../ports/key-holders.js';
import type { AggregateLedger } from './aggregate-ledger.js';

export class ShareHolder {
  constructor(
    private readonly aggregate: AggregateLedger,
    private readonly holders: KeyHolders,
  ) {}

  /** Posts this hospital's partial decryption, or its refusal when the aggregate is not the contributions' product. */
  async answer(details: QueryDetails): Promise<void> {
    const { key, publicKey } = await this.aggregate.activeKey();
    const { queryId, keyId } = details.query;
    if (keyId !== key.publicKey.keyId)
      throw new CareLedgerError('KEY_NOT_FOUND', { expected: `a share of key ${keyId}` });
    const product = productOfContributions(publicKey, details);
    if (product === undefined) {
      const argument = { queryId, reason: 'AGGREGATE_MISMATCH' };
      await this.aggregate.ledger.submit(this.aggregate.identity, 'queries', 'Refuse', argument);
      return;
    }
    const partial = await this.holders.partialDecryption(key, product);
    await this.aggregate.ledger.submit(this.aggregate.identity, 'queries', 'Share', {
      queryId,
      ciphertextDigest: ciphertextDigest(publicKey, product),
      value: partialToJson(publicKey, partial).value,
    });
  }
}

/** The product, when it is what the query says is to be decrypted; otherwise undefined. */
export function productOfContributions(
  publicKey: PaillierPublicKey,
  { query, contributions }: QueryDetails,
): bigint | undefined {
  const contributed = contributions.filter((contribution) => contribution.outcome === 'contributed');
  const asked = new Set(query.contributors ?? []);
  const complete =
    asked.size > 0 && contributed.length === asked.size && contributed.every(({ mspId }) => asked.has(mspId));
  if (!complete || query.aggregate === undefined) return undefined;
  const product = sumCiphertexts(
    publicKey,
    contributed.map(({ ciphertext }) => ciphertextFromText(publicKey, ciphertext ?? '')),
  );
  return product === ciphertextFromText(publicKey, query.aggregate) ? product : undefined;
}
