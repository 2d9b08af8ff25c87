import type { Signer } from './ledger/identities.js';

/**
 * What a check can find, in one place; docs/operations.md explains each to an auditor, and a test compares the two.
 * A code never changes its meaning.
 */
export const FINDINGS = {
  // The chain of blocks
  LEDGER_BLOCK_MISSING: 'A block is missing, or its number is not the one that follows.',
  LEDGER_BLOCK_UNREADABLE: 'Bytes that are no block of Fabric.',
  LEDGER_GENESIS_DIFFERS: 'The first block is not the one that the auditor expects.',
  LEDGER_CHAIN_BROKEN: 'A block does not name the hash of the one before it.',
  LEDGER_DATA_CHANGED: 'The transactions of a block do not hash to what its header says.',
  LEDGER_ORDERERS_MISSING: 'Fewer orderers than a quorum signed a block.',
  LEDGER_CODE_DIFFERS:
    'A transaction came marked valid and breaks a rule of the channel, or came marked invalid and breaks none.',

  // Who wrote a document
  DOCUMENT_UNREADABLE: 'A document on the ledger does not have its documented form.',
  DOCUMENT_NOT_SIGNED:
    'A document says that a hospital wrote it, and the transaction is signed by another, or says something else.',
  DOCUMENT_REWRITTEN: 'What may be written once was written again.',

  // The key
  KEY_INVALID: 'The consortium’s public key or its sharing contradicts itself.',
  KEY_NOT_ACCEPTED: 'A holder did not sign that it accepts this very sharing of the key.',

  // The query
  QUERY_NOT_FOUND: 'No such query on this ledger.',
  QUERY_NOT_ENDED: 'The query has no result yet.',
  LAYOUT_INVALID: 'The layout of the panels is missing, or is not what its digest says.',
  CONTRIBUTOR_NOT_MEMBER: 'A contribution by somebody who was not asked, or is no active member.',
  CONTRIBUTION_INVALID: 'A contribution is no ciphertext under the consortium’s key.',
  CONTRIBUTION_PROOF_INVALID: 'A contribution’s proof of plaintext knowledge does not verify.',
  TOO_FEW_CONTRIBUTORS: 'A result over fewer hospitals than the minimum.',
  TOO_MANY_RECORDS:
    'A result over more rows than the layout has room for: totals may have run into one another.',
  AGGREGATE_MISMATCH: 'The aggregate on the ledger is not the product of the contributions.',
  SHARE_OF_ANOTHER: 'A share belongs to another ciphertext, key or sharing.',
  SHARE_PROOF_INVALID:
    'A share’s proof does not verify: its sender multiplied by something else than its share.',
  SHARE_REJECTED_WRONGLY: 'The contract rejected a share whose proof does verify.',
  SHARE_MISSING: 'A contributor, or a majority of the holders, did not decrypt.',
  SUBSETS_DISAGREE: 'Two majorities of the shares combine to different numbers.',
  RESULT_MISMATCH: 'The published result is not what the shares combine to.',

  // What lies behind it
  PANEL_INVALID: 'A panel that a contribution names is missing, or of another owner, layout or key.',
  PANEL_CONTENT_CHANGED: 'The record store has no bytes that hash to the panel’s CID.',
  CONTRIBUTION_MISMATCH: 'A contribution is not the product of the rows that its opening names.',
  PANEL_NOT_FOUND: 'No such panel on this ledger.',
  AUDIT_OF_ANOTHER: 'An answer to an audit is about another panel, or about other rows than were asked for.',
  ROW_PROOF_INVALID: 'A row’s proof does not verify: it need not be what its layout says.',

  // The ceremony
  CEREMONY_NOT_FOUND: 'No such ceremony on this ledger.',
  CEREMONY_NOT_FINISHED: 'The ceremony has made no key.',
  CEREMONY_POST_MISSING: 'A participant posted no digests for a round that others went on from.',
} as const;
export type FindingCode = keyof typeof FINDINGS;

/** Who signed what was found, and in which transaction. */
export interface SignedBy extends Signer {
  readonly txId: string;
  readonly blockNumber: number;
}

export interface Finding {
  readonly code: FindingCode;
  /** What it is about, such as `share of h3MSP`. */
  readonly subject: string;
  readonly expected: string;
  readonly came: string;
  /** Absent for what nobody signed, such as bytes that a block's giver changed. */
  readonly signedBy?: SignedBy;
}
