/** Row audits between gateways, over the mutual TLS that releases use: an auditor asks at home, the owner proves. */
import {
  CareLedgerError,
  LIMITS,
  ObjectId,
  RowAuditRequestSchema,
  RowAuditSchema,
  closed,
  isErrorCode,
  validate,
  type ErrorCode,
  type RowAudit,
} from '@careledger/protocol';
import { unavailable, type PeerConnection, type PeerResponse } from '../release/peer-client.js';
import type { PeerRoute } from '../release/index.js';
import type { PanelAudit } from './row-audit.js';

export const ROW_AUDIT_PATH = '/row-audit/v1';

const PanelAuditSchema = closed({ panelId: ObjectId, ...RowAuditRequestSchema.properties });
const ASK_LIMIT_MS = 110_000;
const ANSWER_BYTES = 16_384;

/** The owner's codes that mean the same at the auditor's hospital. Any other is about the owner's house. */
const PASSED_ON: readonly ErrorCode[] = [
  'RATE_LIMITED',
  'PANEL_NOT_FOUND',
  'SCHEMA_VIOLATION',
  'PROOF_INVALID',
  'LIMIT_EXCEEDED',
  'NOT_READY',
  'CID_MISMATCH',
];

/** What other members' gateways may ask for their auditors. */
export function rowAuditRoute(prove: (audit: PanelAudit) => Promise<RowAudit>): PeerRoute {
  return {
    path: ROW_AUDIT_PATH,
    handle: async (_callerMspId, body) => JSON.stringify(await prove(validate(PanelAuditSchema, body))),
  };
}

/**
 * Asks the owner's gateway. What it answers has the form of an answer; whether it proves anything, the auditor checks
 * against the ledger (verifier `verifyRowAudit`), trusting neither gateway.
 * @throws CareLedgerError PEER_GATEWAY_UNAVAILABLE, and the owner's codes of `RowAuditor.prove`
 */
export async function askOwner(
  owner: { readonly mspId: string; readonly gatewayUrl: string },
  audit: PanelAudit,
  connect: (member: { readonly mspId: string; readonly gatewayUrl: string }) => PeerConnection,
): Promise<RowAudit> {
  const connection = connect(owner);
  try {
    const response = await connection.post({
      path: ROW_AUDIT_PATH,
      body: audit,
      maxResponseBytes: ANSWER_BYTES + audit.rows.length * LIMITS.rowProofCharacters,
      timeoutMs: ASK_LIMIT_MS,
    });
    return answerOf(response, owner.mspId);
  } finally {
    connection.close();
  }
}

function answerOf({ status, text }: PeerResponse, mspId: string): RowAudit {
  const document = parsed(text);
  if (status === 200) {
    try {
      return validate(RowAuditSchema, document);
    } catch (error) {
      throw unavailable({ mspId }, 'an answer that is none', error);
    }
  }
  const code = (document as { readonly code?: unknown } | undefined)?.code;
  const known = typeof code === 'string' && isErrorCode(code) ? code : undefined;
  if (known === undefined || !PASSED_ON.includes(known))
    throw unavailable({ mspId }, `HTTP ${String(status)}`);
  throw new CareLedgerError(known, { came: `the answer of ${mspId}` });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
