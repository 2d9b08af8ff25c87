import { expect } from 'chai';
import {
  bytesToBase64Url,
  ciphertextToText,
  contributionCommitment,
  decodePanelBlock,
  layoutDigest,
  makeContribution,
  openingFromJson,
  openingToJson,
  slotsFor,
  type ContributionOpening,
} from '@careledger/crypto';
import { CareLedgerError, type Panel, type QueryDetails } from '@careledger/protocol';
import { verifyContribution, verifyResult, type Evidence } from '@careledger/verifier';
import { LAYOUT, startAggregateWorld, type AggregateWorld, type Row } from '../support/aggregate.js';
import { mustBe } from '../support/world.js';

interface Forged {
  readonly opening: ContributionOpening;
  readonly rows: readonly bigint[];
}
type Forgery = (honest: Forged, others: Forged) => Forged;

describe('the auditor’s check of an aggregate', function () {
  this.timeout(30_000);

  const FORGER = 4;
  let world: AggregateWorld;
  before(async () => {
    world = await startAggregateWorld();
    await world.register(LAYOUT);
    for (const hospital of [1, 2, 3, 4]) {
      const rows = [...Array(6).keys()].map((index): Row => ({
        patient: `${String(hospital)}/${String(index)}`,
        // The last patient of each hospital is outside the cohort.
        subject: { sex: index === 5 ? 'male' : 'female', conditions: [] },
        values: { temperature: String(index - 2), sex: index === 5 ? 'male' : 'female' },
      }));
      mustBe(201, await world.put(hospital, rows));
    }
  });
  after(() => world.stop());
  afterEach(() => {
    world.beforeContributing(FORGER, undefined);
  });

  const evidence: Evidence = {
    panel: async (panelId) =>
      mustBe(200, await world.officers[0]!.get(`/v1/panels/${panelId}`)).body as unknown as Panel,
    // The auditor's own node: any store gives what hashes to the CID.
    fetch: (cid) => world.consortium.storeOf(1).get(cid, { maxBytes: 1_000_000 }),
  };
  const openingOf = async (queryId: string, hospital: number): Promise<unknown> =>
    mustBe(200, await world.officers[hospital - 1]!.get(`/v1/queries/${queryId}/opening`)).body;

  const check = (details: QueryDetails, hospital: number, opening: unknown) =>
    verifyContribution(
      {
        details,
        layout: LAYOUT,
        publicKey: world.publicKey,
        mspId: world.officers[hospital - 1]!.mspId,
        opening,
      },
      evidence,
    );
  async function refusalOf(checked: Promise<unknown>): Promise<CareLedgerError> {
    try {
      await checked;
    } catch (error) {
      if (error instanceof CareLedgerError) return error;
      throw error;
    }
    throw new Error('passed');
  }

  async function rowsOf(opening: ContributionOpening): Promise<bigint[]> {
    const rows: bigint[] = [];
    for (const reference of opening.rowRefs) {
      const [panelId = '', index = ''] = reference.split('#');
      const { cid } = await evidence.panel(panelId);
      const bytes = await evidence.fetch(cid);
      const block = decodePanelBlock(world.publicKey, layoutDigest(LAYOUT), bytes);
      rows.push(block.rows[Number(index)]!);
    }
    return rows;
  }

  /** A query to which hospital 4 contributes what the forgery makes of its honest part, and opens it accordingly. */
  async function askWith(forgery: Forgery): Promise<{ details: QueryDetails; opening: unknown }> {
    let opened: unknown;
    world.beforeContributing(FORGER, async (argument) => {
      const { queryId } = argument as { readonly queryId: string };
      const honest = openingFromJson(await openingOf(queryId, FORGER));
      await world.until(queryId, ({ contributions }) => contributions.length === 3);
      const others = openingFromJson(await openingOf(queryId, 1));
      const { opening, rows } = forgery(
        { opening: honest, rows: await rowsOf(honest) },
        { opening: others, rows: await rowsOf(others) },
      );
      opened = openingToJson(opening);
      const { maskPlaintext, randomness } = opening;
      const ciphertext = makeContribution({ publicKey: world.publicKey, rows, maskPlaintext, randomness });
      return {
        ...argument,
        ciphertext: ciphertextToText(world.publicKey, ciphertext),
        commitment: contributionCommitment(opening),
      };
    });
    const queryId = await world.open({ cohort: { sex: 'female' } });
    const details = await world.until(queryId, ({ contributions }) => contributions.length === 4);
    return { details, opening: opened };
  }

  it('passes for every honest contribution, and not for another hospital’s opening or another query’s', async () => {
    const details = await world.ask({ cohort: { sex: 'female' } });
    const other = await world.ask({ cohort: { sex: 'female' }, statistic: 'sum' });
    const { queryId } = details.query;
    for (const hospital of [1, 2, 3, 4]) await check(details, hospital, await openingOf(queryId, hospital));
    const own = (await openingOf(queryId, 1)) as object;
    const wrong: readonly (readonly [number, unknown])[] = [
      [2, own],
      [1, await openingOf(other.query.queryId, 1)],
      [1, { ...own, salt: bytesToBase64Url(new Uint8Array(32)) }],
      [1, {}],
    ];
    for (const [hospital, opening] of wrong) {
      const refused = await refusalOf(check(details, hospital, opening));
      expect(refused.code).to.equal('CONTRIBUTION_MISMATCH');
    }
  });

  const without = (opening: ContributionOpening, index: number): string[] =>
    opening.rowRefs.filter((_, at) => at !== index);
  const forgeries: readonly (readonly [string, RegExp, Forgery])[] = [
    [
      'one row more than it committed to',
      /product/,
      ({ opening, rows }) => ({ opening, rows: [...rows, rows[0]!] }),
    ],
    ['one row less', /product/, ({ opening, rows }) => ({ opening, rows: rows.slice(1) })],
    [
      'a row twice',
      /each row once/,
      ({ opening, rows }) => ({
        opening: { ...opening, rowRefs: [...opening.rowRefs, opening.rowRefs[0]!] },
        rows: [...rows, rows[0]!],
      }),
    ],
    [
      'a mask on a slot that was asked for',
      /not asked for/,
      ({ opening, rows }) => ({ opening: { ...opening, maskPlaintext: opening.maskPlaintext + 1n }, rows }),
    ],
    [
      'another hospital’s row',
      /rows of the panels it named/,
      ({ opening, rows }, others) => ({
        opening: { ...opening, rowRefs: [...without(opening, 0), others.opening.rowRefs[0]!] },
        rows: [...rows.slice(1), others.rows[0]!],
      }),
    ],
    [
      'a row under another row’s name',
      /product/,
      ({ opening, rows }) => ({ opening, rows: [rows[1]!, ...rows.slice(1)] }),
    ],
    [
      'a row that is not in the panel',
      /a row of the panel/,
      ({ opening, rows }) => ({
        opening: { ...opening, rowRefs: [...opening.rowRefs, opening.rowRefs[0]!.replace(/#.*/, '#999')] },
        rows: [...rows, rows[0]!],
      }),
    ],
  ];
  for (const [what, says, forgery] of forgeries) {
    it(`finds ${what}`, async () => {
      const { details, opening } = await askWith(forgery);
      const found = await refusalOf(check(details, FORGER, opening));
      expect([found.code, found.message]).to.satisfy(
        ([code, message]: [string, string]) => code === 'CONTRIBUTION_MISMATCH' && says.test(message),
        found.message,
      );
      // The others are not under suspicion.
      await check(details, 1, await openingOf(details.query.queryId, 1));
    });
  }

  it('passes for the same detour without a forgery', async () => {
    const { details, opening } = await askWith((honest) => honest);
    await check(details, FORGER, opening);
    const refused = await world.consortium.person(1, 'researcher');
    const small = await world.ask({ cohort: { sex: 'male' } }, refused);
    const found = await refusalOf(check(small, 1, opening));
    expect(found.message).to.match(/a refusal/);
  });

  it('re-derives the result, and finds an altered one', async () => {
    const details = await world.ask({ cohort: { sex: 'female' }, statistic: 'variance' });
    const { publicKey, key } = world;
    const derive = (altered: QueryDetails): unknown => {
      try {
        verifyResult({ details: altered, layout: LAYOUT, publicKey }, key);
      } catch (error) {
        return (error as { code: unknown }).code;
      }
      return 'equal';
    };
    const { query, contributions, partials } = details;
    const [result] = query.results!;
    expect(result?.count).to.equal('20');
    expect(slotsFor(LAYOUT, query.fields, query.statistic)).to.have.length(3);
    expect(derive(details)).to.equal('equal');
    const altered: Record<string, QueryDetails> = {
      'another figure': { ...details, query: { ...query, results: [{ ...result!, decimal: '0.0' }] } },
      'another count': { ...details, query: { ...query, results: [{ ...result!, count: '21' }] } },
      'no result': { ...details, query: { ...query, results: [] } },
      'another aggregate': { ...details, query: { ...query, aggregate: contributions[0]!.ciphertext! } },
      'a contribution left out': { ...details, contributions: contributions.slice(1) },
    };
    for (const [what, one] of Object.entries(altered)) expect(derive(one), what).to.equal('RESULT_MISMATCH');
    const swapped = partials.map((partial, index) => ({
      ...partial,
      value: partials[(index + 1) % partials.length]!.value,
    }));
    // Shares are a product: their order does not matter, each of them does.
    expect(derive({ ...details, partials: swapped })).to.equal('equal');
    expect(derive({ ...details, partials: partials.slice(1) })).to.equal('RESULT_MISMATCH');
    const doubled = partials.map((partial, index) => ({
      ...partial,
      value: partials[index === 0 ? 1 : index]!.value,
    }));
    expect(derive({ ...details, partials: doubled })).to.equal('RESULT_MISMATCH');
  });

  it('re-derives a mean of nobody: how many there were, and no figure', async () => {
    const layout = { ...LAYOUT, id: 'nobody' };
    await world.register(layout);
    for (const hospital of [1, 2, 3, 4]) {
      const rows = [...Array(5).keys()].map((index): Row => ({
        patient: `nobody/${String(hospital)}/${String(index)}`,
        subject: { conditions: [] },
        values: { sex: 'female' },
      }));
      mustBe(201, await world.put(hospital, rows, { layout }));
    }
    const details = await world.ask({ layout, statistic: 'mean' });
    const nobody = { statistic: 'mean', field: 'temperature', unit: 'Cel', count: '0' };
    expect(details.query.results).to.deep.equal([nobody]);
    verifyResult({ details, layout, publicKey: world.publicKey }, world.key);
    const figure = { ...details.query, results: [{ ...details.query.results![0]!, decimal: '0.0' }] };
    expect(() => {
      verifyResult({ details: { ...details, query: figure }, layout, publicKey: world.publicKey }, world.key);
    })
      .to.throw(CareLedgerError)
      .with.property('code', 'RESULT_MISMATCH');
  });
});
