/**
 * What a hospital alone knows of its panel rows: which patient, and the facts that a cohort asks for. One sealed entry
 * per panel in the gateway's own LevelDB; nothing of it leaves the hospital.
 */
import { canonicalJson, type CohortSubject } from '@careledger/protocol';
import type { AbstractSublevel } from 'abstract-level';
import type { ClassicLevel } from 'classic-level';
import type { KeyCustody } from '../ports/key-custody.js';

export interface LocalRow {
  /** The hospital's own patient number; one patient counts once in a cohort, however many panels it is in. */
  readonly patient: string;
  readonly subject: CohortSubject;
}

export interface LocalPanel {
  readonly panelId: string;
  readonly layoutId: string;
  readonly layoutVersion: number;
  readonly keyId: string;
  readonly cid: string;
  readonly rows: readonly LocalRow[];
}

type Bytes = AbstractSublevel<ClassicLevel<string, Uint8Array>, string | Buffer | Uint8Array, string, Uint8Array>;

export class RowTable {
  readonly #table: Bytes;
  readonly #custody: KeyCustody;

  constructor(database: ClassicLevel<string, Uint8Array>, custody: KeyCustody) {
    this.#table = database.sublevel<string, Uint8Array>('panel-rows', { valueEncoding: 'view' });
    this.#custody = custody;
  }

  /** Durable before the panel is anchored: an anchored panel whose rows are forgotten could not be used. */
  async put(panel: LocalPanel): Promise<void> {
    const sealed = await this.#custody.sealLocal(label(panel.panelId), new TextEncoder().encode(canonicalJson(panel)));
    // The row table is the only place that knows the patients, so it must be on disk.
    await this.#table.batch([{ type: 'put', key: panel.panelId, value: sealed }], { sync: true } as object);
  }

  async remove(panelId: string): Promise<void> {
    await this.#table.del(panelId);
  }

  async get(panelId: string): Promise<LocalPanel | undefined> {
    const sealed = await this.#table.get(panelId);
    return sealed === undefined ? undefined : this.#open(panelId, sealed);
  }

  async *ofLayout(layoutId: string, layoutVersion: number): AsyncGenerator<LocalPanel> {
    for await (const [panelId, sealed] of this.#table.iterator()) {
      const panel = await this.#open(panelId, sealed);
      if (panel.layoutId === layoutId && panel.layoutVersion === layoutVersion) yield panel;
    }
  }

  async #open(panelId: string, sealed: Uint8Array): Promise<LocalPanel> {
    const bytes = await this.#custody.openLocal(label(panelId), sealed);
    return JSON.parse(new TextDecoder().decode(bytes)) as LocalPanel;
  }
}

const label = (panelId: string) => `panel-rows/${panelId}`;
