import { expect } from 'chai';
import { openingToJson, randomUnit, type ContributionOpening } from '@careledger/crypto';
import { KEYS } from '@careledger/protocol';
import { replayLedger } from '../ledger/replay.js';
import type { RecordSource } from '../records/record-source.js';
import { streamOf } from '../testing/handmade-ledger.js';
import {
  QUERY_ID,
  QueryMaker,
  handmadeQuery,
  ledgerOf,
  panelIdOf,
  recordsOf,
  type HandmadeQuery,
  type Step,
} from '../testing/handmade-query.js';
import { verifyQuery, type QueryReport } from './verify-query.js';

const FORGER = 'h4MSP';

describe('an opened contribution', () => {
  let honest: HandmadeQuery;
  let records: RecordSource;
  before(async () => {
    honest = await handmadeQuery();
    records = recordsOf(honest.files);
  });

  const check = async (
    opening: unknown,
    { steps = honest.steps, from = records }: { steps?: readonly Step[]; from?: RecordSource } = {},
  ): Promise<QueryReport> =>
    verifyQuery(await replayLedger(streamOf(ledgerOf(honest, steps).blocks)), QUERY_ID, {
      openings: [opening],
      records: from,
    });
  const openingOf = (mspId: string): ContributionOpening => honest.openings.get(mspId)!;
  const findingsOf = ({ findings }: QueryReport): string[] =>
    findings.map(({ code, expected }) => `${code} ${expected}`);

  /** The steps of a forger that contributes `rows` and opens them as `opening`; all that follows is honest. */
  async function forged(
    opening: ContributionOpening,
    rows: readonly bigint[],
  ): Promise<{ report: QueryReport; others: QueryReport }> {
    const maker = new QueryMaker(honest.dealt);
    const [cid] = [...honest.files.keys()].slice(-1);
    const { step } = maker.contribute(opening, rows, cid!);
    const before = honest.steps.slice(
      0,
      honest.steps.findIndex(({ method }) => method === 'queries:Complete'),
    );
    const contributions = before.map((one) =>
      one.method === 'queries:Contribute' && one.sender === FORGER ? step : one,
    );
    return {
      report: await check(openingToJson(opening), { steps: contributions }),
      others: await check(openingToJson(openingOf('h1MSP')), { steps: contributions }),
    };
  }

  it('is the product of its anchored rows and mask', async () => {
    for (const mspId of honest.openings.keys()) {
      const report = await check(openingToJson(openingOf(mspId)));
      expect(report.findings).to.deep.equal([]);
      expect(report.opened).to.deep.equal([{ mspId, rows: 3, panels: 1 }]);
    }
  });

  it('is of this query and as it was committed to', async () => {
    const opening = openingToJson(openingOf('h1MSP'));
    const wrong: unknown[] = [
      {},
      { ...opening, queryId: 'b2'.repeat(16) },
      { ...opening, mspId: 'h2MSP' },
      { ...opening, salt: openingToJson(openingOf('h2MSP')).salt },
      { ...opening, rowRefs: opening.rowRefs.slice(1) },
      { ...opening, rowRefs: [`${panelIdOf('h1MSP')}#99`, ...opening.rowRefs.slice(1)] },
    ];
    for (const one of wrong) {
      const { findings } = await check(one);
      expect(findings.map(({ code }) => code)).to.deep.equal(['CONTRIBUTION_MISMATCH']);
    }
  });

  const rowsOf = (mspId: string): readonly bigint[] => honest.rows.get(mspId)!;
  const forgeries: Record<string, [RegExp, () => [Partial<ContributionOpening>, readonly bigint[]]]> = {
    'one row more than it committed to': [/product/, () => [{}, [...rowsOf(FORGER), rowsOf(FORGER)[0]!]]],
    'one row less': [/product/, () => [{}, rowsOf(FORGER).slice(1)]],
    'something else than its anchored rows': [/product/, () => [{}, rowsOf('h1MSP')]],
    'a row twice, and said so': [
      /each row once/,
      () => {
        const { rowRefs } = openingOf(FORGER);
        return [{ rowRefs: [...rowRefs, rowRefs[0]!] }, [...rowsOf(FORGER), rowsOf(FORGER)[0]!]];
      },
    ],
    'a mask on a slot that was asked for': [
      /not asked for/,
      () => [{ maskPlaintext: openingOf(FORGER).maskPlaintext + 1n }, rowsOf(FORGER)],
    ],
    'rows of a panel that it did not name': [
      /rows of the panels/,
      () => [{ rowRefs: openingOf('h1MSP').rowRefs }, rowsOf('h1MSP')],
    ],
  };
  for (const [what, [says, forgery]] of Object.entries(forgeries)) {
    it(`is found to be doctored: ${what}; the others are not under suspicion`, async () => {
      const [changes, rows] = forgery();
      const { report, others } = await forged({ ...openingOf(FORGER), ...changes }, rows);
      const mismatches = report.findings.filter(({ code }) => code === 'CONTRIBUTION_MISMATCH');
      expect(mismatches, findingsOf(report).join('; ')).to.have.length(1);
      expect(mismatches[0]?.expected).to.match(says);
      expect(mismatches[0]?.signedBy).to.deep.include({ mspId: FORGER });
      expect(others.findings.map(({ code }) => code)).to.deep.equal(['QUERY_NOT_ENDED']);
    });
  }

  it('is found when it is opened as another than it was committed to', async () => {
    const other = { ...openingOf(FORGER), randomness: randomUnit(honest.publicKey) };
    const { report } = await forged(other, rowsOf(FORGER));
    expect(report.findings.map(({ code }) => code)).to.deep.equal(['QUERY_NOT_ENDED']);
    const shown = await check(openingToJson(other));
    expect(findingsOf(shown)).to.deep.equal([
      'CONTRIBUTION_MISMATCH commitment: the commitment on the ledger',
    ]);
  });

  describe('its rows', () => {
    const opening = () => openingToJson(openingOf('h1MSP'));

    it('with one byte changed in the record store are not those of the CID', async () => {
      for (const change of ['flip', 'none'] as const) {
        const files = new Map(
          [...honest.files].map(([cid, file]) => {
            const changed = Uint8Array.from(file);
            changed[changed.length >> 1]! ^= 1;
            return [cid, change === 'flip' ? changed : new Uint8Array()];
          }),
        );
        const { findings } = await check(opening(), { from: recordsOf(files) });
        expect(findings.map(({ code }) => code)).to.deep.equal(['PANEL_CONTENT_CHANGED']);
      }
      const { findings } = await check(opening(), { from: recordsOf(new Map()) });
      expect(findings.map(({ code }) => code)).to.deep.equal(['PANEL_CONTENT_CHANGED']);
    });

    it('anchored by another hospital, or under another CID than its owner signed', async () => {
      const steps = structuredClone(honest.steps) as Step[];
      const anchored = steps.find(({ method, sender }) => method === 'panels:Anchor' && sender === 'h1MSP')!;
      expect(anchored.writes[0]!.prefix).to.equal(KEYS.panel);
      anchored.sender = 'h2MSP';
      const { findings } = await check(opening(), { steps });
      expect(findings.map(({ code, came }) => [code, came])).to.deep.equal([
        ['DOCUMENT_NOT_SIGNED', 'one of h2MSP'],
      ]);
    });
  });
});
