import { Type, type Static } from 'typebox';
import { LIMITS } from '../limits.js';
import { Base64Url, ObjectId, closed } from './common.js';
import { PanelSchema } from './panels.js';

/** Place of a row in its panel, from 0. */
const RowIndex = Type.Integer({ minimum: 0, maximum: LIMITS.panelRows - 1 });

/** Which rows of a panel its hospital shall prove to be well-formed. The auditor chooses both. */
export const RowAuditRequestSchema = closed({
  /** Enters the challenge of every proof: an answer to another audit does not serve for this one. */
  auditId: ObjectId,
  rows: Type.Array(RowIndex, { minItems: 1, maxItems: LIMITS.rowsPerAudit, uniqueItems: true }),
});
export type RowAuditRequest = Static<typeof RowAuditRequestSchema>;

const { panelId, layoutId, layoutVersion, keyId, cid, ownerMspId } = PanelSchema.properties;
/** The hospital's answer; whoever has ledger and record store can check it (verifier `verifyRowAudit`). */
export const RowAuditSchema = closed({
  auditId: ObjectId,
  panelId,
  ownerMspId,
  layoutId,
  layoutVersion,
  keyId,
  cid,
  /** In the order of the request. */
  rows: Type.Array(
    closed({
      index: RowIndex,
      /** crypto `rowProofToText`. */
      proof: Base64Url(LIMITS.rowProofCharacters),
    }),
    { minItems: 1, maxItems: LIMITS.rowsPerAudit },
  ),
});
export type RowAudit = Static<typeof RowAuditSchema>;
