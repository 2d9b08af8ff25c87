import { generatePrimeSync, randomBytes } from 'node:crypto';
import {
  ciphertextDigest,
  ciphertextFromText,
  ciphertextToText,
  encodeRow,
  encryptWith,
  modInverse,
  partialDecrypt,
  partialToJson,
  publicKeyFromModulus,
  publicKeyToJson,
  randomUnit,
  sumCiphertexts,
  type KeyShare,
  type PaillierPublicKey,
  type PanelRow,
} from '@careledger/crypto/core';
import type { PanelLayoutDocument, Query } from '@careledger/protocol';
import { CID, DIGEST, HOSPITALS, id, staff } from './consortium.js';
import type { MemoryLedger } from './memory-ledger.js';

export const LAYOUT: PanelLayoutDocument = {
  id: 'heart',
  version: 1,
  keyBits: 512,
  fields: [
    { kind: 'numeric', name: 'age', unit: 'years', scale: 0, min: '0', max: '150' },
    { kind: 'histogram', name: 'sex', unit: 'recorded', categories: ['female', 'male'] },
  ],
  maxRecords: 1000,
  statisticalBits: 40,
};

export interface TestKey {
  readonly publicKey: PaillierPublicKey;
  readonly shares: readonly KeyShare[];
}

/** A key of test size with additive shares for every hospital: s_1 + .. + s_k = d mod n lambda. */
export function testKey(holders: readonly string[] = HOSPITALS): TestKey {
  const p = generatePrimeSync(256, { bigint: true });
  const q = generatePrimeSync(256, { bigint: true });
  const publicKey = publicKeyFromModulus(p * q, { allowTestKeySize: true });
  const { n, keyId } = publicKey;
  const totient = (p - 1n) * (q - 1n);
  const order = n * totient;
  const exponent = totient * modInverse(totient % n, n);
  const random = holders.slice(1).map(() => BigInt(`0x${randomBytes(128).toString('hex')}`) % order);
  const rest = random.reduce((total, share) => total + share, 0n);
  const shares = [(((exponent - rest) % order) + order) % order, ...random];
  return {
    publicKey,
    shares: holders.map((holder, index) => ({ holder, holders, keyId, share: shares[index] ?? 0n })),
  };
}

/** A consortium whose aggregation key is active and whose layout is registered. */
export class TestAggregate {
  readonly key = testKey();

  constructor(readonly ledger: MemoryLedger) {}

  get keyJson() {
    return publicKeyToJson(this.key.publicKey);
  }

  get keyId(): string {
    return this.key.publicKey.keyId;
  }

  async setUp(): Promise<this> {
    const registration = { publicKey: this.keyJson, origin: 'dealer', holders: HOSPITALS };
    await this.ledger.submit(staff(HOSPITALS[0], 'admin'), 'queries:RegisterKey', registration);
    for (const mspId of HOSPITALS) {
      await this.ledger.submit(staff(mspId, 'gateway'), 'queries:AcceptKey', { keyId: this.keyId });
    }
    await this.ledger.submit(staff(HOSPITALS[0], 'officer'), 'panels:RegisterLayout', { layout: LAYOUT });
    return this;
  }

  panelFields(changes: object = {}) {
    return {
      panelId: id(),
      layoutId: LAYOUT.id,
      layoutVersion: LAYOUT.version,
      keyId: this.keyId,
      cid: CID,
      rows: 3,
      ...changes,
    };
  }

  async panel(mspId: string): Promise<string> {
    const fields = this.panelFields();
    await this.ledger.submit(staff(mspId, 'gateway'), 'panels:Anchor', fields);
    return fields.panelId;
  }

  queryFields(changes: object = {}) {
    return {
      queryId: id(),
      statistic: 'mean',
      layoutId: LAYOUT.id,
      layoutVersion: LAYOUT.version,
      fields: ['age'],
      cohort: { and: [{ sex: 'female' }, { not: { age: { from: 0, to: 17 } } }] },
      purpose: 'research',
      ...changes,
    };
  }

  async query(changes: object = {}): Promise<string> {
    const fields = this.queryFields(changes);
    await this.ledger.submit(staff(HOSPITALS[0], 'researcher'), 'queries:Open', fields);
    return fields.queryId;
  }

  /** The product of these rows' ciphertexts. No masks: what they hide is not the contracts' business. */
  ciphertext(rows: readonly PanelRow[]): string {
    const { publicKey } = this.key;
    const rowCiphertexts = rows.map((row) =>
      encryptWith(publicKey, encodeRow(LAYOUT, row), randomUnit(publicKey)),
    );
    return ciphertextToText(publicKey, sumCiphertexts(publicKey, rowCiphertexts));
  }

  async contribution(queryId: string, mspId: string, ages: readonly number[]) {
    const ciphertext = this.ciphertext(ages.map((age) => ({ age, sex: 'female' })));
    return { queryId, ciphertext, commitment: DIGEST, panelIds: [await this.panel(mspId)] };
  }

  share(query: Query, mspId: string) {
    const { publicKey, shares } = this.key;
    const share = shares.find(({ holder }) => holder === mspId);
    if (share === undefined || query.aggregate === undefined) throw new Error('nothing to share');
    const aggregate = ciphertextFromText(publicKey, query.aggregate);
    const { value } = partialToJson(publicKey, partialDecrypt(publicKey, share, aggregate));
    return { queryId: query.queryId, ciphertextDigest: ciphertextDigest(publicKey, aggregate), value };
  }
}
