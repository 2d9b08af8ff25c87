import { expect } from 'chai';
import { proveRow, rowProofToText } from '@careledger/crypto';
import type { RowAudit } from '@careledger/protocol';
import { replayLedger, type Replay } from '../ledger/replay.js';
import type { RecordSource } from '../records/record-source.js';
import { streamOf } from '../testing/handmade-ledger.js';
import {
  LAYOUT,
  QueryMaker,
  handmadeQuery,
  ledgerOf,
  panelIdOf,
  recordsOf,
  type HandmadeQuery,
} from '../testing/handmade-query.js';
import { verifyRowAudit } from './verify-row-audit.js';

const AUDIT_ID = 'd4'.repeat(16);
const OWNER = 'h1MSP';
const PANEL_ID = panelIdOf(OWNER);

describe('an audit of a panel’s rows', function () {
  this.timeout(20_000);

  let query: HandmadeQuery;
  let replay: Replay;
  let records: RecordSource;
  let audit: RowAudit;
  before(async () => {
    query = await handmadeQuery();
    replay = await replayLedger(streamOf(ledgerOf(query, query.steps).blocks));
    records = recordsOf(query.files);
    const maker = new QueryMaker(query.dealt);
    const { publicKey } = query;
    const [panelCid] = [...query.files.keys()];
    const proven = [2, 0].map((index) => {
      const ciphertext = query.rows.get(OWNER)![index]!;
      const context = { mspId: OWNER, auditId: AUDIT_ID, panelCid: panelCid!, rowIndex: index };
      const { root: randomness } = maker.open(ciphertext);
      const proof = proveRow({ publicKey, layout: LAYOUT, ciphertext, randomness, context });
      return { index, proof: rowProofToText(publicKey, LAYOUT, proof) };
    });
    audit = {
      auditId: AUDIT_ID,
      panelId: PANEL_ID,
      ownerMspId: OWNER,
      layoutId: LAYOUT.id,
      layoutVersion: LAYOUT.version,
      keyId: publicKey.keyId,
      cid: panelCid!,
      rows: proven,
    };
  });

  const check = async (
    answer: unknown,
    more: { panelId?: string; asked?: unknown; from?: RecordSource } = {},
  ) => {
    const { panelId = PANEL_ID, asked, from = records } = more;
    const verification = { audit: answer, records: from, ...(asked === undefined ? {} : { asked }) };
    const { findings, proven } = await verifyRowAudit(replay, panelId, verification);
    return { proven, codes: findings.map(({ code }) => code), findings };
  };

  it('passes for rows that are well-formed, in the order that was asked for', async () => {
    const asked = { auditId: AUDIT_ID, rows: [2, 0] };
    expect(await check(audit, { asked })).to.deep.include({ proven: [2, 0], codes: [] });
  });

  it('names the row whose proof is another’s, and passes the others', async () => {
    const [first, second] = audit.rows;
    const swapped = { ...audit, rows: [first!, { ...second!, proof: first!.proof }] };
    const found = await check(swapped);
    expect(found).to.deep.include({ proven: [2], codes: ['ROW_PROOF_INVALID'] });
    expect(found.findings[0]).to.deep.include({ subject: `row 0 of panel ${PANEL_ID}` });
    expect(found.findings[0]?.signedBy?.mspId).to.equal(OWNER);
    const cut = { ...audit, rows: [{ ...first!, proof: first!.proof.slice(0, 400) }] };
    expect((await check(cut)).codes).to.deep.equal(['ROW_PROOF_INVALID']);
  });

  it('is no answer to another audit, to other rows, or about another panel', async () => {
    const other = 'e5'.repeat(16);
    expect((await check({ ...audit, auditId: other })).proven, 'a replayed answer').to.deep.equal([]);
    for (const asked of [
      { auditId: other, rows: [2, 0] },
      { auditId: AUDIT_ID, rows: [1, 0] },
    ])
      expect((await check(audit, { asked })).codes).to.deep.equal(['AUDIT_OF_ANOTHER']);
    for (const changed of [
      { panelId: panelIdOf('h2MSP') },
      { ownerMspId: 'h2MSP' },
      { keyId: 'ab'.repeat(32) },
    ])
      expect((await check({ ...audit, ...changed })).codes).to.deep.equal(['AUDIT_OF_ANOTHER']);
    const beyond = { ...audit, rows: [{ ...audit.rows[0]!, index: 7 }] };
    expect((await check(beyond)).codes).to.deep.equal(['AUDIT_OF_ANOTHER']);
    expect((await check({})).codes).to.deep.equal(['DOCUMENT_UNREADABLE']);
    expect((await check(audit, { panelId: 'ff'.repeat(16) })).codes).to.deep.equal(['PANEL_NOT_FOUND']);
  });

  it('is about the anchored bytes and no others', async () => {
    expect((await check(audit, { from: recordsOf(new Map()) })).codes).to.deep.equal([
      'PANEL_CONTENT_CHANGED',
    ]);
  });
});
