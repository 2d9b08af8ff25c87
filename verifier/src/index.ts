/** Checks that trust no gateway: what stands on the ledger and in the record store is derived again. */
export { verifyRowAudit, type PanelReport, type RowAuditVerification } from './audit/verify-row-audit.js';
export { verifyCeremony, type CeremonyReport } from './ceremony/verify-ceremony.js';
export { FINDINGS, type Finding, type FindingCode, type SignedBy } from './findings.js';
export { BLOCK_FILE, readBlockFolder } from './ledger/block-folder.js';
export { replayLedger, type LedgerSummary, type Replay, type ReplayOptions } from './ledger/replay.js';
export { verifyQuery, type QueryReport, type QueryVerification } from './query/verify-query.js';
export { cidOf } from './records/cid.js';
export { fetchRecord, folderRecords, kuboRecords, type RecordSource } from './records/record-source.js';
export { reportText, type Report } from './report/text.js';
