import { CryptoError, nativeModPow, rowProofFromText, verifyRows, type ProvenRow } from '@careledger/crypto';
import {
  KEYS,
  RowAuditRequestSchema,
  RowAuditSchema,
  canonicalJson,
  validate,
  type Panel,
  type RowAudit,
} from '@careledger/protocol';
import type { Finding, SignedBy } from '../findings.js';
import { Found, wordsOf } from '../found.js';
import type { Facts } from '../ledger/facts.js';
import type { LedgerSummary, Replay } from '../ledger/replay.js';
import { readKey, readLayout, readPanel } from '../query/anchored-documents.js';
import { openKey, type OpenedKey } from '../query/key.js';
import { panelRows } from '../query/panel-rows.js';
import type { RecordSource } from '../records/record-source.js';

export interface PanelReport {
  readonly kind: 'panel';
  readonly panelId: string;
  readonly ledger: LedgerSummary;
  /** Absent when there is no such panel. */
  readonly panel?: Pick<Panel, 'ownerMspId' | 'layoutId' | 'layoutVersion' | 'cid' | 'rows'>;
  readonly auditId?: string;
  /** Places of the rows whose proof verifies. */
  readonly proven: readonly number[];
  readonly findings: readonly Finding[];
}

export interface RowAuditVerification {
  /** What the hospital answered. */
  readonly audit: unknown;
  /** What the auditor asked; without it, the auditor compares audit id and rows itself. */
  readonly asked?: unknown;
  readonly records: RecordSource;
}

/**
 * Rows that a hospital proved to be well-formed: each is what is anchored, and encrypts values that its layout allows.
 * Nothing of the values is shown.
 */
export async function verifyRowAudit(
  { summary, facts, findings }: Replay,
  panelId: string,
  verification: RowAuditVerification,
): Promise<PanelReport> {
  const found = new Found(signersOf(facts, panelId));
  const panel = readPanel(facts, panelId, found);
  const audit = readAudit(verification, found);
  if (panel === undefined) {
    const subject = `panel ${panelId}`;
    found.add('PANEL_NOT_FOUND', { subject, expected: 'a panel of this id', came: 'none' });
  }
  const proven =
    panel === undefined || audit === undefined
      ? []
      : await checkRows({ panel, audit, facts }, verification.records, found);
  return {
    kind: 'panel',
    panelId,
    ledger: summary,
    ...(panel === undefined ? {} : { panel }),
    ...(audit === undefined ? {} : { auditId: audit.auditId }),
    proven,
    findings: [...findings, ...found.findings],
  };
}

function signersOf(facts: Facts, panelId: string): Map<string, SignedBy> {
  const origins = facts.history(KEYS.panel, [panelId]).map(({ origin }) => origin.signedBy);
  return new Map(origins.map((by) => [by.txId, by]));
}

function readAudit({ audit, asked }: RowAuditVerification, found: Found): RowAudit | undefined {
  const subject = 'audit';
  const answer = found.orAdd('DOCUMENT_UNREADABLE', { subject }, () => validate(RowAuditSchema, audit));
  if (answer === undefined || asked === undefined) return answer;
  const request = found.orAdd('DOCUMENT_UNREADABLE', { subject: 'request of the audit' }, () =>
    validate(RowAuditRequestSchema, asked),
  );
  const { auditId } = answer;
  const answered = canonicalJson({ auditId, rows: answer.rows.map(({ index }) => index) });
  if (request !== undefined && canonicalJson(request) !== answered)
    found.add('AUDIT_OF_ANOTHER', { subject, expected: canonicalJson(request), came: answered });
  return answer;
}

interface Audited {
  readonly panel: Panel;
  readonly audit: RowAudit;
  readonly facts: Facts;
}

async function checkRows(
  { panel, audit, facts }: Audited,
  records: RecordSource,
  found: Found,
): Promise<number[]> {
  const isOfPanel = (['panelId', 'ownerMspId', 'layoutId', 'layoutVersion', 'keyId', 'cid'] as const).every(
    (field) => audit[field] === panel[field],
  );
  if (!isOfPanel) {
    const expected = `an answer about panel ${panel.panelId} as it is anchored`;
    found.add('AUDIT_OF_ANOTHER', { subject: 'audit', expected, came: `one about panel ${audit.panelId}` });
    return [];
  }
  const document = readKey(facts, panel, found);
  const key = document === undefined ? undefined : openKey(document, found);
  const layout = readLayout(facts, panel, found);
  if (key === undefined || layout === undefined) return [];
  const rows = await panelRows(panel, { publicKey: key.publicKey, layout }, records, found);
  if (rows === undefined) return [];
  return provenRows({ panel, audit, rows, key, layout }, found);
}

type Proofs = Omit<Audited, 'facts'> & {
  readonly rows: readonly bigint[];
  readonly key: OpenedKey;
  readonly layout: NonNullable<ReturnType<typeof readLayout>>;
};

/** All at once; one by one when a row has to be named. */
function provenRows({ panel, audit, rows, key: { publicKey }, layout }: Proofs, found: Found): number[] {
  const { auditId } = audit;
  const read = audit.rows.flatMap(({ index, proof: text }): { index: number; row: ProvenRow }[] => {
    const place = { subject: `row ${String(index)} of panel ${panel.panelId}`, txId: panel.txId };
    const ciphertext = rows[index];
    if (ciphertext === undefined) {
      found.add('AUDIT_OF_ANOTHER', { ...place, expected: 'a row of the panel', came: 'none there' });
      return [];
    }
    const proof = found.orAdd('ROW_PROOF_INVALID', place, () => rowProofFromText(publicKey, layout, text));
    const context = { mspId: panel.ownerMspId, auditId, panelCid: panel.cid, rowIndex: index };
    return proof === undefined ? [] : [{ index, row: { ciphertext, context, proof } }];
  });
  const verify = (some: typeof read): CryptoError | undefined => {
    try {
      verifyRows({ publicKey, layout, rows: some.map(({ row }) => row), modPow: nativeModPow });
      return undefined;
    } catch (error) {
      if (error instanceof CryptoError) return error;
      throw error;
    }
  };
  if (read.length === 0 || verify(read) === undefined) return read.map(({ index }) => index);
  return read.flatMap((one) => {
    const error = verify([one]);
    if (error === undefined) return [one.index];
    const place = { subject: `row ${String(one.index)} of panel ${panel.panelId}`, txId: panel.txId };
    found.add('ROW_PROOF_INVALID', { ...place, ...wordsOf(error) });
    return [];
  });
}
