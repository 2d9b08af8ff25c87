/** Panels in: encrypt rows, store the block, remember whose rows they are, anchor. */
import { createHash } from 'node:crypto';
import { setImmediate as immediate } from 'node:timers/promises';
import {
  CryptoError,
  ROW_SEED_BYTES,
  bytesToBase64Url,
  encodePanelBlock,
  layoutDigest,
  publicKeyToJson,
  randomBytes,
  rowEncoder,
  type EncodedRow,
  type PaillierPool,
  type PaillierPublicKey,
  type PanelRow,
} from '@careledger/crypto';
import {
  CareLedgerError,
  LIMITS,
  canonicalJson,
  type Panel,
  type PanelLayoutDocument,
} from '@careledger/protocol';
import type { SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import type { AggregateLedger } from './aggregate-ledger.js';
import type { LocalKnowledge, LocalPanel, LocalRow } from './local-knowledge.js';

export interface PanelRowInput extends LocalRow {
  /** Column to value; a column that is left out, or null, is missing. */
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
}

export class PanelsService {
  /** Panels under way, by id: one at a time for each. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(
    private readonly aggregate: AggregateLedger,
    private readonly modules: {
      readonly store: RecordStore;
      readonly knowledge: Pick<LocalKnowledge, 'panels'>;
      readonly pool: PaillierPool;
      /** Aborts when the gateway stops: what is being encrypted then is given up, and nothing of it was kept. */
      readonly stopping: AbortSignal;
      readonly onRowsEncrypted: (count: number) => void;
    },
  ) {}

  /**
   * Values are checked against the layout before anything is encrypted, and nothing is anchored unless everything
   * before it is durable. From then on the id belongs to these rows: a retry anchors the block that was stored.
   * @throws CareLedgerError LIMIT_EXCEEDED, SCHEMA_VIOLATION naming row and field, KEY_NOT_FOUND, PANEL_NOT_FOUND,
   * ALREADY_EXISTS, NOT_OWNER; NOT_READY when the gateway stops meanwhile
   */
  async put(input: PanelInput, options: PutPanelOptions): Promise<Panel> {
    if (input.rows.length === 0 || input.rows.length > LIMITS.panelRows) {
      throw new CareLedgerError('LIMIT_EXCEEDED', {
        expected: `1 to ${LIMITS.panelRows} rows`,
        came: String(input.rows.length),
      });
    }
    const before = this.#underWay.get(input.panelId) ?? Promise.resolve();
    const putting = before.then(
      () => this.#putNow(input, options),
      () => this.#putNow(input, options),
    );
    this.#underWay.set(input.panelId, putting);
    try {
      return await putting;
    } finally {
      if (this.#underWay.get(input.panelId) === putting) this.#underWay.delete(input.panelId);
    }
  }

  async #putNow(input: PanelInput, options: PutPanelOptions): Promise<Panel> {
    const inputDigest = createHash('sha256').update(canonicalJson(input)).digest('hex');
    const kept = await this.modules.knowledge.panels.get(input.panelId);
    if (kept === undefined) {
      if (await this.aggregate.hasPanel(input.panelId)) throw idTaken();
      return this.#anchor(await this.#encryptAndKeep(input, inputDigest), options);
    }
    if (kept.inputDigest !== inputDigest) throw idTaken();
    return this.#anchor(kept, options);
  }

  async #encryptAndKeep(input: PanelInput, inputDigest: string): Promise<LocalPanel> {
    const { store, knowledge } = this.modules;
    const { panelId, layoutId, layoutVersion } = input;
    const { key, publicKey } = await this.aggregate.activeKey();
    // Whoever has not accepted the key does not know who can read under it.
    if (!key.sharing.holders.includes(this.aggregate.mspId))
      throw new CareLedgerError('NOT_OWNER', {
        message: 'This hospital holds no share of the aggregation key.',
      });
    const { layout } = await this.aggregate.layout(layoutId, layoutVersion);
    if (layout.keyBits !== publicKey.keyBits)
      throw new CareLedgerError('SCHEMA_VIOLATION', { expected: `a layout for ${publicKey.keyBits} bits` });
    const encoded = await encodeRows(layout, input.rows);
    const seed = randomBytes(ROW_SEED_BYTES);
    const ciphertexts = await this.#encrypt(
      publicKey,
      encoded.map(({ plaintext }) => plaintext),
      seed,
    );
    const cid = await store.put(encodePanelBlock(publicKey, layoutDigest(layout), ciphertexts));
    const rows = input.rows.map(({ patient, subject }, index) => ({
      patient,
      subject,
      fields: encoded[index]?.fields ?? [],
      cells: encoded[index]?.cells ?? {},
    }));
    const { keyId } = key.publicKey;
    const place = { panelId, layoutId, layoutVersion, keyId, cid };
    const panel: LocalPanel = { ...place, seed: bytesToBase64Url(seed), rows, inputDigest };
    // Durable before the panel is anchored: an anchored panel whose rows are forgotten could not be used.
    await knowledge.panels.put(panelId, panel);
    return panel;
  }

  async #anchor(
    { panelId, layoutId, layoutVersion, keyId, cid, rows }: LocalPanel,
    { identity, idempotencyKey }: PutPanelOptions,
  ): Promise<Panel> {
    const argument = { panelId, layoutId, layoutVersion, keyId, cid, rows: rows.length };
    const options = idempotencyKey === undefined ? {} : { idempotencyKey };
    try {
      await this.aggregate.ledger.submit(identity, 'panels', 'Anchor', argument, options);
    } catch (error) {
      // An earlier attempt was committed after all.
      if (!(error instanceof CareLedgerError) || error.code !== 'ALREADY_EXISTS') throw error;
    }
    const panel = await this.aggregate.panel(panelId);
    if (panel.cid !== cid) throw idTaken();
    return panel;
  }

  async #encrypt(
    publicKey: PaillierPublicKey,
    plaintexts: readonly bigint[],
    seed: Uint8Array,
  ): Promise<bigint[]> {
    const { pool, stopping, onRowsEncrypted } = this.modules;
    let reported = 0;
    const onProgress = ({ done }: { readonly done: number }): void => {
      onRowsEncrypted(done - reported);
      reported = done;
    };
    try {
      const job = { seed, signal: stopping, onProgress };
      return await pool.encryptRows(publicKeyToJson(publicKey), plaintexts, job);
    } catch (error) {
      if (!(error instanceof CryptoError) || error.code !== 'CRYPTO_CANCELLED') throw error;
      throw new CareLedgerError('NOT_READY', { message: 'The gateway is stopping.', cause: error });
    }
  }
}

/** Rows that are encoded before whatever else waits for the processor gets its turn: some milliseconds' worth. */
const ROWS_AT_ONCE = 100;

/** @throws CareLedgerError SCHEMA_VIOLATION naming row and column, never the value */
async function encodeRows(
  layout: PanelLayoutDocument,
  rows: readonly PanelRowInput[],
): Promise<EncodedRow[]> {
  const encode = rowEncoder(layout);
  const encoded: EncodedRow[] = [];
  for (const [index, { values }] of rows.entries()) {
    if (index % ROWS_AT_ONCE === ROWS_AT_ONCE - 1) await immediate();
    encoded.push(encodedRow(encode, values, index));
  }
  return encoded;
}

function encodedRow(encode: (row: PanelRow) => EncodedRow, values: PanelRow, index: number): EncodedRow {
  try {
    return encode(values);
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    const { argument, expected, came } = error;
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: `rows[${index}] ${argument.replace(/^row\./, '')}: ${expected}`,
      came,
      cause: error,
    });
  }
}

function idTaken(): CareLedgerError {
  return new CareLedgerError('ALREADY_EXISTS', {
    expected: 'a new id for other rows',
    came: 'the id of a panel',
  });
}
