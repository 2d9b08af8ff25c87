/**
 * One hospital's part in a query: evaluate the cohort on its own patients, refuse or multiply the rows, mask what was
 * not asked, re-randomise, commit, and anchor. The opening of the commitment stays here, sealed, for an auditor.
 */
import {
  MAX_PANEL_BLOCK_BYTES,
  ciphertextToText,
  contributionCommitment,
  decodePanelBlock,
  maskPlaintext,
  openingFromJson,
  openingToJson,
  publicKeyToJson,
  randomBytes,
  randomUnit,
  slotsFor,
  type ContributionOpening,
  type PaillierPool,
  type PaillierPublicKey,
} from '@careledger/crypto';
import { CareLedgerError, matchesCohort, type Query, type RefusalReason } from '@careledger/protocol';
import type { RecordStore } from '../ports/record-store.js';
import type { AggregateLedger } from './aggregate-ledger.js';
import { earlierCohorts, type LocalKnowledge } from './local-knowledge.js';
import { whyNotContribute, type AggregatePolicy, type CohortRows } from './policy.js';

export class Contributor {
  constructor(
    private readonly aggregate: AggregateLedger,
    private readonly modules: {
      readonly store: RecordStore;
      readonly knowledge: LocalKnowledge;
      readonly pool: PaillierPool;
      readonly policy: AggregatePolicy;
    },
  ) {}

  /**
   * Anchors this hospital's contribution or its refusal. Safe to repeat after a crash: the ledger takes one answer, and
   * an opening that was kept is used again as it is, whatever rows came since.
   */
  async answer(query: Query): Promise<void> {
    const kept = await this.modules.knowledge.answers.get(query.queryId);
    if (kept !== undefined) return this.#contribute(query, openingFromJson(kept.opening));
    const cohort = await this.#select(query);
    const researcher = `${query.researcher.mspId}/${query.researcher.enrolmentId}`;
    const earlier = await earlierCohorts(this.modules.knowledge.answers, researcher, query.queryId);
    const reason = whyNotContribute(this.modules.policy, { purpose: query.purpose, cohort, earlier });
    if (reason !== undefined) return this.#refuse(query, reason);
    return this.#contribute(query, await this.#newOpening(query, cohort, researcher));
  }

  async #select(query: Query): Promise<CohortRows> {
    const anchored = await this.aggregate.anchoredPanels(query.layoutId);
    const cohort = new Map<string, string>();
    for await (const [panelId, panel] of this.modules.knowledge.panels.entries()) {
      // A panel whose anchoring failed is known here only; a panel under an older key cannot be added.
      if (
        !anchored.has(panelId) ||
        panel.keyId !== query.keyId ||
        panel.layoutVersion !== query.layoutVersion
      )
        continue;
      panel.rows.forEach(({ patient, subject }, index) => {
        if (matchesCohort(query.cohort, subject)) cohort.set(`${panelId}#${index}`, patient);
      });
    }
    return cohort;
  }

  async #contribute(query: Query, opening: ContributionOpening): Promise<void> {
    const { publicKey } = await this.aggregate.activeKey();
    const { rows, panelIds } = await this.#load(publicKey, opening.rowRefs);
    const { maskPlaintext: mask, randomness } = opening;
    const input = { rows, maskPlaintext: mask, randomness };
    const ciphertext = await this.modules.pool.makeContribution(publicKeyToJson(publicKey), input);
    await this.aggregate.ledger.submit(this.aggregate.identity, 'queries', 'Contribute', {
      queryId: query.queryId,
      ciphertext: ciphertextToText(publicKey, ciphertext),
      commitment: contributionCommitment(opening),
      panelIds,
    });
  }

  /** Durable before the commitment is public: what stands on the ledger can always be opened. */
  async #newOpening(query: Query, cohort: CohortRows, researcher: string): Promise<ContributionOpening> {
    const { publicKey } = await this.aggregate.activeKey();
    const { layout } = await this.aggregate.layout(query.layoutId, query.layoutVersion);
    const asked = slotsFor(layout, query.fields, query.statistic);
    const opening: ContributionOpening = {
      salt: randomBytes(32),
      queryId: query.queryId,
      mspId: this.aggregate.mspId,
      rowRefs: [...cohort.keys()],
      maskPlaintext: maskPlaintext(layout, asked),
      randomness: randomUnit(publicKey),
    };
    const patients = [...cohort.values()];
    await this.modules.knowledge.answers.put(query.queryId, {
      researcher,
      patients,
      opening: openingToJson(opening),
    });
    return opening;
  }

  async #load(
    publicKey: PaillierPublicKey,
    rowRefs: readonly string[],
  ): Promise<{ rows: bigint[]; panelIds: string[] }> {
    const blocks = new Map<string, readonly bigint[]>();
    const rows: bigint[] = [];
    for (const reference of rowRefs) {
      const [panelId = '', index = ''] = reference.split('#');
      const block = blocks.get(panelId) ?? (await this.#fetch(publicKey, panelId));
      blocks.set(panelId, block);
      const row = block[Number(index)];
      if (row === undefined)
        throw new CareLedgerError('CONTRIBUTION_MISMATCH', { came: `no row ${index} in panel ${panelId}` });
      rows.push(row);
    }
    return { rows, panelIds: [...blocks.keys()] };
  }

  async #fetch(publicKey: PaillierPublicKey, panelId: string): Promise<readonly bigint[]> {
    const { cid } = await this.aggregate.panel(panelId);
    return decodePanelBlock(publicKey, await this.modules.store.get(cid, { maxBytes: MAX_PANEL_BLOCK_BYTES }))
      .rows;
  }

  async #refuse(query: Query, reason: RefusalReason): Promise<void> {
    const argument = { queryId: query.queryId, reason };
    await this.aggregate.ledger.submit(this.aggregate.identity, 'queries', 'Refuse', argument);
  }
}
