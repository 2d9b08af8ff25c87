import {
  ciphertextDigest,
  ciphertextFromText,
  ciphertextToText,
  encodeRow,
  encryptWith,
  plaintextProofToJson,
  provePartialDecryption,
  provePlaintextKnowledge,
  provenPartialToJson,
  randomUnit,
  type OpeningContext,
  type PanelRow,
  type PlaintextProofJson,
} from '@careledger/crypto/core';
import { nativeModPow } from '@careledger/crypto/native';
import type { DealtThresholdKey } from '@careledger/crypto/testing';
import type { KeyRegistrationResult, PanelLayoutDocument, Query } from '@careledger/protocol';
import { TestCeremony, dealtKey, documentsOf, reshared } from './ceremony.js';
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

/** A consortium whose aggregation key is active and whose layout is registered. */
export class TestAggregate {
  /** As it is shared now. */
  key: DealtThresholdKey = dealtKey(HOSPITALS);

  constructor(readonly ledger: MemoryLedger) {}

  get keyId(): string {
    return this.key.publicKey.keyId;
  }

  async setUp(): Promise<this> {
    const ceremony = await new TestCeremony(this.ledger).start();
    await ceremony.joinAll();
    await ceremony.finish(documentsOf(this.key));
    await this.ledger.submit(staff(HOSPITALS[0], 'officer'), 'panels:RegisterLayout', { layout: LAYOUT });
    return this;
  }

  panelFields(changes: object = {}, layout = LAYOUT) {
    return {
      panelId: id(),
      layoutId: layout.id,
      layoutVersion: layout.version,
      keyId: this.keyId,
      cid: CID,
      rows: 3,
      ...changes,
    };
  }

  async panel(mspId: string, layout = LAYOUT): Promise<string> {
    const fields = this.panelFields({}, layout);
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

  /**
   * A contribution of these rows with its proof. No masks: what they hide is not the contracts' business. Rows are added
   * before they are encrypted, which gives what multiplying their ciphertexts gives.
   */
  async contributionOf(queryId: string, mspId: string, rows: readonly PanelRow[], layout = LAYOUT) {
    const { publicKey } = this.key;
    const plaintext = rows.reduce((sum, row) => sum + encodeRow(layout, row), 0n);
    const randomness = randomUnit(publicKey);
    const ciphertext = encryptWith(publicKey, plaintext, randomness);
    const prove = (context: object): PlaintextProofJson =>
      plaintextProofToJson(
        publicKey,
        provePlaintextKnowledge({
          publicKey,
          ciphertext,
          plaintext,
          randomness,
          context: { mspId, queryId, panels: [CID], ...context },
          modPow: nativeModPow,
        }),
      );
    const argument = {
      queryId,
      ciphertext: ciphertextToText(publicKey, ciphertext),
      commitment: DIGEST,
      panelIds: [await this.panel(mspId, layout)],
      proof: prove({}),
    };
    return { argument, prove };
  }

  async contribution(queryId: string, mspId: string, ages: readonly number[]) {
    const rows = ages.map((age) => ({ age, sex: 'female' }));
    return (await this.contributionOf(queryId, mspId, rows)).argument;
  }

  /** The holder's share of the query's aggregate; `changes` make it one of something else. */
  share(
    { queryId, aggregate = '' }: Query,
    mspId: string,
    changes: { readonly ciphertext?: bigint; readonly context?: Partial<OpeningContext> } = {},
  ) {
    const { publicKey, sharing, shares } = this.key;
    const share = shares.find(({ holder }) => holder === mspId);
    if (share === undefined) throw new Error('nothing to share');
    const { ciphertext = ciphertextFromText(publicKey, aggregate) } = changes;
    const context = { queryId, step: 'aggregate', index: 0, ...changes.context } as const;
    const partial = provePartialDecryption({
      publicKey,
      sharing,
      ciphertext,
      context,
      share,
      modPow: nativeModPow,
    });
    const { epoch, value, proof } = provenPartialToJson(publicKey, partial);
    return { queryId, ciphertextDigest: ciphertextDigest(publicKey, ciphertext), epoch, value, proof };
  }

  /** The same key among others, by a ceremony; its shares are dealt anew, as redistribution would. */
  async redistribute(holders: readonly string[], dealers: readonly string[]): Promise<KeyRegistrationResult> {
    const { keyBits } = this.key.publicKey;
    const plan = { purpose: 'redistribute' as const, keyBits, holders: [...holders], dealers: [...dealers] };
    const ceremony = await new TestCeremony(this.ledger, plan).start();
    await ceremony.joinAll();
    this.key = reshared(this.key, holders);
    return ceremony.finish(documentsOf(this.key));
  }
}
