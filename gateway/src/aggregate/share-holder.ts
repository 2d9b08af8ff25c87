/**
 * One hospital as share holder: it multiplies the anchored contributions itself, and decrypts that product and nothing
 * else, when every contributor has proved that it knows what it put in.
 */
import {
  CryptoError,
  ciphertextFromText,
  plaintextProofFromJson,
  provenPartialToJson,
  sumCiphertexts,
  type PaillierPool,
  type PaillierPublicKey,
  type ProvenContribution,
} from '@careledger/crypto';
import {
  CareLedgerError,
  MIN_CONTRIBUTORS,
  type Contribution,
  type QueryDetails,
  type RefusalReason,
} from '@careledger/protocol';
import type { KeyHolders } from '../ports/key-holders.js';
import type { AggregateLedger } from './aggregate-ledger.js';
import type { AggregatePolicy } from './policy.js';

export interface ShareHolderModules {
  readonly holders: KeyHolders;
  readonly pool: Pick<PaillierPool, 'verifyContributions'>;
  readonly policy: Pick<AggregatePolicy, 'purposes'>;
}

export class ShareHolder {
  constructor(
    private readonly aggregate: AggregateLedger,
    private readonly modules: ShareHolderModules,
  ) {}

  /** Posts this hospital's partial decryption with its proof, or its refusal with the reason. */
  async answer(details: QueryDetails): Promise<void> {
    const { key, publicKey } = await this.aggregate.activeKey();
    const { queryId, keyId } = details.query;
    if (keyId !== key.publicKey.keyId)
      throw new CareLedgerError('KEY_NOT_FOUND', { expected: `a share of key ${keyId}` });
    const product = productOfContributions(publicKey, details);
    const reason = product === undefined ? 'AGGREGATE_MISMATCH' : await this.#whyNot(publicKey, details);
    const { ledger, identity } = this.aggregate;
    if (product === undefined || reason !== undefined) {
      await ledger.submit(identity, 'queries', 'Refuse', { queryId, reason });
      return;
    }
    const context = { queryId, step: 'aggregate', index: 0 } as const;
    const partial = await this.modules.holders.partialDecryption(key, product, context);
    const { ciphertextDigest, epoch, value, proof } = provenPartialToJson(publicKey, partial);
    await ledger.submit(identity, 'queries', 'Share', { queryId, ciphertextDigest, epoch, value, proof });
  }

  async #whyNot(
    publicKey: PaillierPublicKey,
    { query, contributions }: QueryDetails,
  ): Promise<RefusalReason | undefined> {
    if (!this.modules.policy.purposes.includes(query.purpose)) return 'PURPOSE_NOT_ALLOWED';
    const contributed = contributions.filter(({ outcome }) => outcome === 'contributed');
    if (contributed.length < MIN_CONTRIBUTORS) return 'TOO_FEW_CONTRIBUTORS';
    return (await this.#areProven(publicKey, contributed)) ? undefined : 'CONTRIBUTION_UNPROVEN';
  }

  /** The contract looked too, on the peers of a majority; a share holder takes nobody's word for what it decrypts. */
  async #areProven(publicKey: PaillierPublicKey, contributions: readonly Contribution[]): Promise<boolean> {
    const { key } = await this.aggregate.activeKey();
    try {
      const proven = await Promise.all(contributions.map((one) => this.#provenOf(publicKey, one)));
      await this.modules.pool.verifyContributions(key.publicKey, proven);
      return true;
    } catch (error) {
      const isUnproven =
        error instanceof CryptoError &&
        (error.code === 'CRYPTO_PROOF_INVALID' || error.code === 'CRYPTO_INVALID_INPUT');
      if (!isUnproven) throw error;
      return false;
    }
  }

  async #provenOf(
    publicKey: PaillierPublicKey,
    { mspId, queryId, ciphertext = '', panelIds = [], proof }: Contribution,
  ): Promise<ProvenContribution> {
    const panels = await Promise.all(panelIds.map(async (id) => (await this.aggregate.panel(id)).cid));
    return {
      ciphertext: ciphertextFromText(publicKey, ciphertext),
      proof: plaintextProofFromJson(publicKey, proof),
      context: { mspId, queryId, panels },
    };
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
