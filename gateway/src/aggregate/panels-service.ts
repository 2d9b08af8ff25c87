/** Panels in: encrypt rows, store the block, remember whose rows they are, anchor. */
import {
  encodePanelBlock,
  encodeRow,
  layoutDigest,
  publicKeyToJson,
  type PaillierPool,
  type PanelLayout,
  type PanelRow,
} from '@careledger/crypto';
import { CareLedgerError, LIMITS, type Panel } from '@careledger/protocol';
import type { SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import type { AggregateLedger } from './aggregate-ledger.js';
import type { LocalKnowledge, LocalRow } from './local-knowledge.js';

export interface PanelRowInput extends LocalRow {
  /** Field name to value; a field that is left out, or null, is missing. */
  readonly values: PanelRow;
}

export interface PanelInput {
  /** Chosen by the caller; the same id again with the same rows is the same panel. */
  readonly panelId: string;
  readonly layoutId: string;
  readonly layoutVersion: number;
  readonly rows: readonly PanelRowInput[];
}

export interface PutPanelOptions {
  readonly identity: SigningIdentity;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

export class PanelsService {
  constructor(
    private readonly aggregate: AggregateLedger,
    private readonly modules: {
      readonly store: RecordStore;
      readonly knowledge: LocalKnowledge;
      readonly pool: PaillierPool;
    },
  ) {}

  /** The layout is immutable under its id and version; who registers it first fixes it. */
  async registerLayout(layout: PanelLayout, identity: SigningIdentity): Promise<void> {
    try {
      await this.aggregate.ledger.submit(identity, 'panels', 'RegisterLayout', { layout });
    } catch (error) {
      if (!(error instanceof CareLedgerError) || error.code !== 'ALREADY_EXISTS') throw error;
      await this.#assertRegistered(layout);
    }
  }

  /**
   * Values are checked against the layout before anything is encrypted, and nothing is anchored unless everything
   * before it is durable.
   * @throws CareLedgerError LIMIT_EXCEEDED, KEY_NOT_FOUND, ALREADY_EXISTS, NOT_OWNER; CryptoError
   * CRYPTO_VALUE_OUT_OF_RANGE naming the field
   */
  async put(input: PanelInput, options: PutPanelOptions): Promise<Panel> {
    if (input.rows.length === 0 || input.rows.length > LIMITS.panelRows) {
      throw new CareLedgerError('LIMIT_EXCEEDED', {
        expected: `1 to ${LIMITS.panelRows} rows`,
        came: String(input.rows.length),
      });
    }
    const { key, publicKey } = await this.aggregate.activeKey();
    const { layout } = await this.aggregate.layout(input.layoutId, input.layoutVersion);
    const plaintexts = input.rows.map((row) => encodeRow(layout as PanelLayout, row.values));
    const rows = await this.modules.pool.encryptRows(
      publicKeyToJson(publicKey),
      plaintexts,
      jobOptions(options),
    );
    const cid = await this.modules.store.put(
      encodePanelBlock(publicKey, layoutDigest(layout), rows),
    );
    const keyId = key.publicKey.keyId;
    const { panelId, layoutId, layoutVersion } = input;
    const localRows = input.rows.map(({ patient, subject }) => ({ patient, subject }));
    // Durable before the panel is anchored: an anchored panel whose rows are forgotten could not be used.
    await this.modules.knowledge.panels.put(panelId, {
      panelId,
      layoutId,
      layoutVersion,
      keyId,
      cid,
      rows: localRows,
    });
    const argument = { panelId, layoutId, layoutVersion, keyId, cid, rows: rows.length };
    const { idempotencyKey } = options;
    await this.aggregate.ledger.submit(
      options.identity,
      'panels',
      'Anchor',
      argument,
      idempotencyKey === undefined ? {} : { idempotencyKey },
    );
    return this.aggregate.panel(panelId);
  }

  async #assertRegistered(layout: PanelLayout): Promise<void> {
    const registered = await this.aggregate.layout(layout.id, layout.version);
    if (registered.digest === layoutDigest(layout)) return;
    throw new CareLedgerError('ALREADY_EXISTS', {
      expected: `a new version of the layout ${layout.id}`,
      came: 'another layout under a registered version',
    });
  }
}

function jobOptions({ signal, onProgress }: PutPanelOptions) {
  return { ...(signal === undefined ? {} : { signal }), ...(onProgress === undefined ? {} : { onProgress }) };
}
