import { decodePanelBlock, layoutDigest, type PaillierPublicKey } from '@careledger/crypto';
import { CareLedgerError, type Panel, type PanelLayoutDocument } from '@careledger/protocol';
import { wordsOf, type Found } from '../found.js';
import { fetchRecord, type RecordSource } from '../records/record-source.js';

/** A panel's row ciphertexts, from bytes that hash to its CID; undefined, and a finding, when there are none. */
export async function panelRows(
  panel: Panel,
  { publicKey, layout }: { readonly publicKey: PaillierPublicKey; readonly layout: PanelLayoutDocument },
  records: RecordSource,
  found: Found,
): Promise<readonly bigint[] | undefined> {
  const { panelId, cid, txId } = panel;
  const subject = `panel ${panelId}`;
  try {
    const { rows } = decodePanelBlock(publicKey, layoutDigest(layout), await fetchRecord(records, cid));
    if (rows.length === panel.rows) return rows;
    const expected = `${String(panel.rows)} rows`;
    found.add('PANEL_INVALID', { subject, expected, came: String(rows.length), txId });
  } catch (error) {
    const isStore = error instanceof CareLedgerError;
    found.add(isStore ? 'PANEL_CONTENT_CHANGED' : 'PANEL_INVALID', { subject, ...wordsOf(error), txId });
  }
  return undefined;
}
