/**
 * One hospital's part in a query: evaluate the cohort on its own patients, refuse or multiply the rows, mask what was
 * not asked, re-randomise, commit, and anchor. The opening of the commitment stays here, sealed, for an auditor.
 */
import {
  MAX_PANEL_BLOCK_BYTES,
  base64UrlToBytes,
  ciphertextToText,
  compileLayout,
  contributionCommitment,
  decodePanelBlock,
  maskPlaintext,
  openingFromJson,
  openingToJson,
  plaintextProofToJson,
  publicKeyToJson,
  randomBytes,
  randomUnit,
  slotsFor,
  type ContributionOpening,
  type PaillierPool,
  type PaillierPublicKey,
  type PlaintextProof,
  type SeededRows,
} from '@careledger/crypto';
import {
  CareLedgerError,
  canonicalJson,
  matchesCohort,
  type Query,
  type RefusalReason,
} from '@careledger/protocol';
import { createQueue } from '../custody/queue.js';
import type { RecordStore } from '../ports/record-store.js';
import type { AggregateLedger } from './aggregate-ledger.js';
import { earlierCohorts, type LocalKnowledge } from './local-knowledge.js';
import {
  whyNotContribute,
  type AggregatePolicy,
  type CohortOfQuery,
  type CohortRows,
  type PolicyInput,
} from './policy.js';

export class Contributor {
  readonly #oneByOne = createQueue();

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
    const decided = await this.#oneByOne(() => this.#decide(query));
    if (typeof decided === 'string') await this.#refuse(query, decided);
    else await this.#contribute(query, decided);
  }

  /** One query at a time: two at once would not see each other among the earlier ones. */
  async #decide(query: Query): Promise<ContributionOpening | RefusalReason> {
    const { answers } = this.modules.knowledge;
    const kept = await answers.get(query.queryId);
    if (kept !== undefined) return openingFromJson(kept.opening);
    const selected = await this.#select(query);
    const researcher = `${query.researcher.mspId}/${query.researcher.enrolmentId}`;
    const earlier = await earlierCohorts(answers, researcher, query.queryId);
    const reason = whyNotContribute(this.modules.policy, { purpose: query.purpose, ...selected, earlier });
    return reason ?? this.#newOpening(query, selected.cohort, researcher);
  }

  async #select(query: Query): Promise<Pick<PolicyInput, 'hasRows' | 'cohort' | 'cells'>> {
    const anchored = await this.aggregate.anchoredPanels(query.layoutId);
    const rows = new Map<string, string>();
    const holding = new Map(query.fields.map((field) => [field, new Map<string, string>()]));
    const cellRows = new Map<string, Map<string, string>>();
    const known = new Set<string>();
    let hasRows = false;
    for await (const [panelId, panel] of this.modules.knowledge.panels.entries()) {
      // A panel whose anchoring failed is known here only; a panel under an older key cannot be added.
      if (
        !anchored.has(panelId) ||
        panel.keyId !== query.keyId ||
        panel.layoutVersion !== query.layoutVersion
      )
        continue;
      hasRows = true;
      panel.rows.forEach(({ patient, subject, fields, cells = {} }, index) => {
        for (const field of fields) known.add(field);
        if (!matchesCohort(query.cohort, subject)) return;
        const row = `${panelId}#${index}`;
        rows.set(row, patient);
        for (const field of fields) holding.get(field)?.set(row, patient);
        for (const field of query.fields) {
          const cell = cells[field];
          if (cell === undefined) continue;
          const inCell = cellRows.get(`${field}:${cell}`) ?? new Map<string, string>();
          cellRows.set(`${field}:${cell}`, inCell.set(row, patient));
        }
      });
    }
    for (const field of query.fields) if (!known.has(field)) holding.delete(field);
    const { layout } = await this.aggregate.layout(query.layoutId, query.layoutVersion);
    const { fields: compiled } = compileLayout(layout);
    const columns = new Map(query.fields.map((field) => [field, compiled.get(field)?.columns ?? []]));
    const cohort = { predicate: canonicalJson(query.cohort), rows, holding, columns };
    return { hasRows, cohort, cells: [...cellRows.values()] };
  }

  async #contribute(query: Query, opening: ContributionOpening): Promise<void> {
    const { queryId } = query;
    const { publicKey } = await this.aggregate.activeKey();
    const { digest } = await this.aggregate.layout(query.layoutId, query.layoutVersion);
    const { rows, panels } = await this.#load(publicKey, digest, opening.rowRefs);
    const { maskPlaintext: mask, randomness } = opening;
    const input = { rows, maskPlaintext: mask, randomness };
    const ciphertext = await this.modules.pool.makeContribution(publicKeyToJson(publicKey), input);
    const proof = await this.#prove(publicKey, opening, { ciphertext, panels });
    await this.aggregate.ledger.submit(this.aggregate.identity, 'queries', 'Contribute', {
      queryId,
      ciphertext: ciphertextToText(publicKey, ciphertext),
      commitment: contributionCommitment(opening),
      panelIds: panels.map(({ panelId }) => panelId),
      proof: plaintextProofToJson(publicKey, proof),
    });
  }

  /** That this hospital knows what it contributes: the randomness of its rows follows from the seeds of its panels. */
  async #prove(
    publicKey: PaillierPublicKey,
    { queryId, mspId, randomness }: ContributionOpening,
    { ciphertext, panels }: { readonly ciphertext: bigint; readonly panels: readonly LoadedPanel[] },
  ): Promise<PlaintextProof> {
    const rows: SeededRows[] = [];
    for (const { panelId, chosen } of panels) {
      const kept = await this.modules.knowledge.panels.get(panelId);
      if (kept === undefined) throw new CareLedgerError('PANEL_NOT_FOUND', { came: panelId });
      rows.push({ seed: base64UrlToBytes(kept.seed), indexes: chosen });
    }
    return this.modules.pool.proveContribution(publicKeyToJson(publicKey), {
      ciphertext,
      rows,
      randomness,
      context: { mspId, queryId, panels: panels.map(({ cid }) => cid) },
    });
  }

  /** Durable before the commitment is public: what stands on the ledger can always be opened. */
  async #newOpening(
    query: Query,
    { predicate, rows, holding, columns }: CohortOfQuery,
    researcher: string,
  ): Promise<ContributionOpening> {
    const { publicKey } = await this.aggregate.activeKey();
    const { layout } = await this.aggregate.layout(query.layoutId, query.layoutVersion);
    const asked = slotsFor(layout, query.fields, query.statistic);
    const opening: ContributionOpening = {
      salt: randomBytes(32),
      queryId: query.queryId,
      mspId: this.aggregate.mspId,
      rowRefs: [...rows.keys()],
      maskPlaintext: maskPlaintext(layout, asked),
      randomness: randomUnit(publicKey),
    };
    const placeOf = new Map(opening.rowRefs.map((reference, place) => [reference, place]));
    const placesOf = (held: CohortRows): number[] => [...held.keys()].map((row) => placeOf.get(row) ?? -1);
    await this.modules.knowledge.answers.put(query.queryId, {
      researcher,
      predicate,
      patients: [...rows.values()],
      holding: Object.fromEntries([...holding].map(([field, held]) => [field, placesOf(held)])),
      columns: Object.fromEntries(columns),
      opening: openingToJson(opening),
    });
    return opening;
  }

  async #load(
    publicKey: PaillierPublicKey,
    layoutDigest: string,
    rowRefs: readonly string[],
  ): Promise<{ rows: bigint[]; panels: LoadedPanel[] }> {
    const panels = new Map<string, LoadedPanel>();
    const rows: bigint[] = [];
    for (const reference of rowRefs) {
      const [panelId = '', place = ''] = reference.split('#');
      const index = Number(place);
      const panel = panels.get(panelId) ?? (await this.#fetch(publicKey, layoutDigest, panelId));
      panels.set(panelId, panel);
      const row = panel.rows[index];
      if (row === undefined)
        throw new CareLedgerError('CONTRIBUTION_MISMATCH', { came: `no row ${index} in panel ${panelId}` });
      panel.chosen.push(index);
      rows.push(row);
    }
    return { rows, panels: [...panels.values()] };
  }

  async #fetch(publicKey: PaillierPublicKey, layoutDigest: string, panelId: string): Promise<LoadedPanel> {
    const { cid } = await this.aggregate.panel(panelId);
    const bytes = await this.modules.store.get(cid, { maxBytes: MAX_PANEL_BLOCK_BYTES });
    return { panelId, cid, rows: decodePanelBlock(publicKey, layoutDigest, bytes).rows, chosen: [] };
  }

  async #refuse(query: Query, reason: RefusalReason): Promise<void> {
    const argument = { queryId: query.queryId, reason };
    await this.aggregate.ledger.submit(this.aggregate.identity, 'queries', 'Refuse', argument);
  }
}

interface LoadedPanel {
  readonly panelId: string;
  readonly cid: string;
  readonly rows: readonly bigint[];
  /** Places of the rows of the cohort. */
  readonly chosen: number[];
}
