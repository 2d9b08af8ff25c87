/**
 * Proves to an auditor that rows of this hospital's anchored panels are well-formed, without showing them. Only this
 * hospital can: the randomness of its rows follows from the seed that it keeps with the panel.
 */
import {
  CryptoError,
  MAX_PANEL_BLOCK_BYTES,
  base64UrlToBytes,
  decodePanelBlock,
  publicKeyToJson,
  type CryptoErrorCode,
  type PaillierPool,
  type RowsToProve,
} from '@careledger/crypto';
import { CareLedgerError, type Panel, type RowAudit, type RowAuditRequest } from '@careledger/protocol';
import type { RecordStore } from '../ports/record-store.js';
import { toCareLedgerError } from '../services/crypto-errors.js';
import type { AggregateLedger } from './aggregate-ledger.js';
import type { LocalKnowledge } from './local-knowledge.js';

/** A panel, and what is asked about it. */
export interface PanelAudit extends RowAuditRequest {
  readonly panelId: string;
}

export interface RowAuditorModules {
  readonly store: Pick<RecordStore, 'get'>;
  readonly knowledge: Pick<LocalKnowledge, 'panels'>;
  readonly pool: Pick<PaillierPool, 'proveRows'>;
  /** Aborts when the gateway stops. */
  readonly stopping: AbortSignal;
  readonly onRowsProven: (count: number) => void;
  /** For one audit; default 100 s, less than a request may take. */
  readonly limitMs?: number;
}

const DEFAULT_LIMIT_MS = 100_000;
const UNPROVABLE: readonly CryptoErrorCode[] = ['CRYPTO_VALUE_OUT_OF_RANGE', 'CRYPTO_DECRYPTION_FAILED'];

export class RowAuditor {
  #isBusy = false;

  constructor(
    private readonly aggregate: AggregateLedger,
    private readonly modules: RowAuditorModules,
  ) {}

  /**
   * One audit at a time: it occupies the worker threads for seconds per row.
   * @throws CareLedgerError RATE_LIMITED; PANEL_NOT_FOUND, also for a panel of another hospital or one whose seed is not
   * kept; SCHEMA_VIOLATION for a row that the panel has not; PROOF_INVALID when a row cannot be proven; LIMIT_EXCEEDED
   * when that many take too long; NOT_READY when the gateway stops; KEY_NOT_FOUND, STORE_UNAVAILABLE, CID_MISMATCH
   */
  async prove(audit: PanelAudit): Promise<RowAudit> {
    if (this.#isBusy)
      throw new CareLedgerError('RATE_LIMITED', { message: 'Another row audit is under way.' });
    this.#isBusy = true;
    try {
      return await this.#prove(audit);
    } finally {
      this.#isBusy = false;
    }
  }

  async #prove({ panelId, auditId, rows }: PanelAudit): Promise<RowAudit> {
    const panel = await this.aggregate.panel(panelId);
    const kept = await this.modules.knowledge.panels.get(panelId);
    if (kept === undefined || kept.cid !== panel.cid || panel.ownerMspId !== this.aggregate.mspId)
      throw new CareLedgerError('PANEL_NOT_FOUND', { came: 'a panel that this hospital cannot prove' });
    const beyond = rows.find((index) => index >= panel.rows);
    if (beyond !== undefined)
      throw new CareLedgerError('SCHEMA_VIOLATION', {
        expected: `rows below ${String(panel.rows)}`,
        came: String(beyond),
      });
    const proofs = await this.#proveRows(panel, base64UrlToBytes(kept.seed), { auditId, rows });
    const { layoutId, layoutVersion, keyId, cid, ownerMspId } = panel;
    return {
      auditId,
      panelId,
      ownerMspId,
      layoutId,
      layoutVersion,
      keyId,
      cid,
      rows: rows.map((index, place) => ({ index, proof: proofs[place] ?? '' })),
    };
  }

  async #proveRows(
    panel: Panel,
    seed: Uint8Array,
    { auditId, rows }: RowAuditRequest,
  ): Promise<readonly string[]> {
    const { publicKey } = await this.aggregate.activeKey();
    const { layout, digest } = await this.aggregate.layout(panel.layoutId, panel.layoutVersion);
    const bytes = await this.modules.store.get(panel.cid, { maxBytes: MAX_PANEL_BLOCK_BYTES });
    const { limitMs = DEFAULT_LIMIT_MS, stopping } = this.modules;
    const signal = AbortSignal.any([stopping, AbortSignal.timeout(limitMs)]);
    try {
      const block = decodePanelBlock(publicKey, digest, bytes);
      const input: RowsToProve = {
        layout,
        seed,
        context: { mspId: panel.ownerMspId, auditId, panelCid: panel.cid },
        rows: rows.map((index) => ({ index, ciphertext: block.rows[index] ?? 0n })),
      };
      return await this.#inWorkers(publicKeyToJson(publicKey), input, signal);
    } catch (error) {
      throw this.#explained(error);
    }
  }

  #inWorkers(
    publicKey: Parameters<PaillierPool['proveRows']>[0],
    input: RowsToProve,
    signal: AbortSignal,
  ): Promise<string[]> {
    let reported = 0;
    const onProgress = ({ done }: { readonly done: number }): void => {
      this.modules.onRowsProven(done - reported);
      reported = done;
    };
    return this.modules.pool.proveRows(publicKey, input, { signal, onProgress });
  }

  #explained(error: unknown): unknown {
    if (!(error instanceof CryptoError)) return error;
    if (error.code === 'CRYPTO_CANCELLED') return this.#cancelled(error);
    // The hospital's own row is not what its layout allows, or not what its seed made: it has no proof.
    if (!UNPROVABLE.includes(error.code)) return toCareLedgerError(error);
    return new CareLedgerError('PROOF_INVALID', {
      message: 'This hospital cannot prove that the rows are well-formed.',
      expected: 'rows that a record can have',
      came: 'others',
      cause: error,
    });
  }

  #cancelled(cause: CryptoError): CareLedgerError {
    if (this.modules.stopping.aborted)
      return new CareLedgerError('NOT_READY', { message: 'The gateway is stopping.', cause });
    const message = 'Proving these rows takes too long.';
    return new CareLedgerError('LIMIT_EXCEEDED', { message, expected: 'fewer rows', cause });
  }
}
