import { expect } from 'chai';
import type { ClassicLevel } from 'classic-level';
import { bytesToBase64Url, type PanelLayout } from '@careledger/crypto';
import type { Cohort, CohortSubject, QueryDetails } from '@careledger/protocol';
import {
  LAYOUT,
  newId,
  plaintextOf,
  startAggregateWorld,
  type AggregateWorld,
  type Row,
} from '../support/aggregate.js';
import type { Answer } from '../support/consortium.js';
import { mustBe } from '../support/world.js';

const codeOf = ({ status, body }: Answer) => [status, body.code];
const CONDITIONS = 'http://snomed.info/sct';
const cohortWithout = (code: string): Cohort => ({ not: { condition: { system: CONDITIONS, code } } });

const SECRETS: PanelLayout = {
  id: 'secrets',
  version: 1,
  keyBits: 512,
  fields: [{ kind: 'numeric', name: 'marker', unit: '1', scale: 0, min: '4000000', max: '4999999' }],
  maxRecords: 100,
  statisticalBits: 40,
};

let world: AggregateWorld;

describe('aggregates that are refused', function () {
  this.timeout(30_000);

  before(async () => {
    world = await startAggregateWorld();
    await world.register(LAYOUT);
    await world.register(SECRETS);
  });
  after(() => world.stop());

  describe('by hospitals', refusedByHospitals);
  describe('by the contract', refusedByTheContract);
  describe('panels over HTTP', panelsOverHttp);
});

function refusedByHospitals(): void {
  const rowsOf = new Map<string, Row[][]>();
  /** `sizes` patients of each hospital; facts of the patient at `index` of hospital 1 to 4. */
  async function load(
    id: string,
    sizes: readonly number[],
    subjectOf: (hospital: number, index: number) => CohortSubject = () => ({ conditions: [] }),
  ): Promise<PanelLayout> {
    const layout = { ...LAYOUT, id };
    await world.register(layout);
    const parts = sizes.map((size, at) =>
      [...Array(size).keys()].map((index): Row => ({
        patient: `${id}/${String(at + 1)}/${String(index)}`,
        subject: subjectOf(at + 1, index),
        values: { temperature: (index / 10).toFixed(1) },
      })),
    );
    rowsOf.set(id, parts);
    await Promise.all(
      parts.map(
        async (part, at) => part.length === 0 || mustBe(201, await world.put(at + 1, part, { layout })),
      ),
    );
    return layout;
  }

  const reasons = ({ contributions }: QueryDetails): (string | undefined)[] =>
    contributions.map(({ reason }) => reason);

  it('a cohort below the minimum at one hospital: its refusal stands on the ledger, the result is over the rest', async () => {
    const layout = await load('one-small', [6, 5, 7, 4]);
    const details = await world.ask({ layout, statistic: 'sum' });
    expect(reasons(details)).to.deep.equal([undefined, undefined, undefined, 'COHORT_BELOW_MINIMUM']);
    const { query } = details;
    expect(query.contributors).to.have.length(3).and.not.to.include(world.officers[3]!.mspId);
    const rest = rowsOf.get('one-small')!.slice(0, 3).flat();
    expect(query.results).to.deep.equal(
      plaintextOf(layout, rest, { statistic: 'sum', fields: ['temperature'] }),
    );
  });

  it('two hospitals below: no result, and every reason on the ledger', async () => {
    const layout = await load('two-small', [6, 5, 0, 4]);
    const details = await world.ask({ layout });
    expect(details.query.status).to.equal('refused');
    expect(details.query.refusal).to.deep.include({ reason: 'TOO_FEW_CONTRIBUTORS' });
    expect(reasons(details)).to.deep.equal([undefined, undefined, 'NO_ROWS', 'COHORT_BELOW_MINIMUM']);
    expect([details.query.results, details.query.aggregate, details.partials]).to.deep.equal([
      undefined,
      undefined,
      [],
    ]);
  });

  it('a cohort that singles somebody out of an earlier one; the equal cohort again is no news', async () => {
    // One patient of the first two hospitals, none of the third, and as many as may be told apart of the fourth.
    const marked = [1, 1, 0, 5];
    const isMarked = (hospital: number, index: number) => index < marked[hospital - 1]!;
    const layout = await load('differing', [8, 8, 8, 13], (hospital, index) => ({
      conditions: isMarked(hospital, index) ? [{ system: CONDITIONS, code: '22298006' }] : [],
    }));
    const first = await world.ask({ layout });
    expect(first.query.status).to.equal('decrypted');
    const again = await world.ask({ layout, statistic: 'variance' });
    expect([again.query.status, ...reasons(again)]).to.deep.equal(['decrypted', ...Array<undefined>(4)]);
    const differing = await world.ask({ layout, cohort: cohortWithout('22298006') });
    expect(differing.query.status).to.equal('refused');
    // Also where nobody is marked: otherwise the refusals would say at which hospitals somebody is.
    const expected = ['DIFFERENCING', 'DIFFERENCING', 'DIFFERENCING', undefined];
    expect(reasons(differing)).to.deep.equal(expected);
    // Another researcher's first cohort differs from nothing.
    const other = await world.consortium.person(2, 'researcher');
    const fresh = await world.ask({ layout, cohort: cohortWithout('22298006') }, other);
    expect(fresh.query.status).to.equal('decrypted');
  });

  it('the same patients with one row more, such as a later visit', async () => {
    const layout = await load('visits', [6, 6, 6, 6]);
    expect((await world.ask({ layout })).query.status).to.equal('decrypted');
    const later = [1, 2].map((hospital) => rowsOf.get('visits')![hospital - 1]!.slice(0, 1));
    await Promise.all(later.map(async (rows, at) => mustBe(201, await world.put(at + 1, rows, { layout }))));
    const again = await world.ask({ layout });
    expect(reasons(again)).to.deep.equal(['DIFFERENCING', 'DIFFERENCING', undefined, undefined]);
  });

  it('a purpose that hospitals do not contribute for', async () => {
    const layout = await load('purpose', [6, 6, 6, 6]);
    const details = await world.ask({ layout, purpose: 'treatment' });
    expect(reasons(details)).to.deep.equal(Array(4).fill('PURPOSE_NOT_ALLOWED'));
    expect(details.query.status).to.equal('refused');
    const allowed = await world.ask({ layout, purpose: 'public-health' });
    expect(allowed.query.status).to.equal('decrypted');
  });

  it('wrong roles', async () => {
    const { officers, researcher, consortium } = world;
    const clinician = await consortium.person(1, 'clinician');
    const auditor = await consortium.person(1, 'auditor');
    const query = {
      queryId: newId(),
      statistic: 'count',
      layoutId: LAYOUT.id,
      layoutVersion: 1,
      fields: ['temperature'],
      cohort: { all: true },
      purpose: 'research',
    };
    const panel = {
      panelId: newId(),
      layoutId: LAYOUT.id,
      layoutVersion: 1,
      rows: [{ patient: 'p', subject: { conditions: [] }, values: {} }],
    };
    const answers = [
      await clinician.post('/v1/queries', query),
      await auditor.post('/v1/queries', query),
      await researcher.post('/v1/panels', panel),
      await researcher.post('/v1/panel-layouts', { layout: { ...LAYOUT, id: 'mine' } }),
      await auditor.get(`/v1/queries/${newId()}/opening`),
    ];
    expect(answers.map(codeOf)).to.deep.equal(Array(5).fill([403, 'ROLE_NOT_ALLOWED']));
    expect(codeOf(await researcher.get(`/v1/queries/${query.queryId}`))).to.deep.equal([
      404,
      'QUERY_NOT_FOUND',
    ]);
    await world.register({ ...LAYOUT, id: 'theirs' });
    expect((await officers[0]!.get('/v1/panel-layouts/theirs/1')).status).to.equal(200);
  });
}

function refusedByTheContract(): void {
  const panelOf = async (hospital: number): Promise<string> => {
    const rows = [...Array(5).keys()].map((index): Row => ({
      patient: `${String(hospital)}/${String(index)}`,
      subject: { conditions: [] },
      values: { temperature: '1.5' },
    }));
    return String(mustBe(201, await world.put(hospital, rows)).body['panelId']);
  };

  it('units modulo n squared, once, of the caller’s own panels, by those who were asked', async () => {
    const panels = [await panelOf(1), await panelOf(2), await panelOf(3), await panelOf(4)];
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const held = new Promise<object>((resolve) => {
      world.beforeSubmitting(4, 'queries:Contribute', async (argument) => {
        resolve(argument);
        await released;
        return argument;
      });
    });
    const queryId = await world.open({ statistic: 'sum' });
    await world.until(queryId, ({ contributions }) => contributions.length === 3);
    const honest = await held;

    const { n, nSquared, keyBits } = world.publicKey;
    const text = (value: bigint, bytes = keyBits / 4): string => {
      const hex = value.toString(16).padStart(2 * bytes, '0');
      return bytesToBase64Url(Uint8Array.from(Buffer.from(hex, 'hex')));
    };
    const refusedAs = async (hospital: number, changes: object): Promise<unknown> => {
      const { identity } = world.consortium.gateway(hospital).services;
      try {
        await world.ledger().submit(identity, 'queries', 'Contribute', { ...honest, ...changes });
      } catch (error) {
        return (error as { code: unknown }).code;
      }
      return 'taken';
    };
    const ciphertexts = {
      zero: text(0n),
      one: text(1n),
      'n squared': text(nSquared),
      'more than n squared': text(nSquared + n + 2n),
      'sharing a factor with n': text(3n * n),
      'of another width': text(n + 2n, keyBits / 4 + 1),
      'not canonical text': `${text(n + 2n)}=`,
    };
    for (const [what, ciphertext] of Object.entries(ciphertexts)) {
      const code = await refusedAs(4, { ciphertext });
      expect(code, what).to.be.oneOf(
        what === 'not canonical text' ? ['SCHEMA_VIOLATION'] : ['CIPHERTEXT_INVALID'],
      );
    }
    expect(await refusedAs(4, { ciphertext: text(n + 2n) }), 'what it proves nothing about').to.equal(
      'PROOF_INVALID',
    );
    expect(await refusedAs(4, { panelIds: [panels[0]] }), 'another hospital’s panel').to.equal('NOT_OWNER');
    expect(await refusedAs(4, { panelIds: [newId()] }), 'no panel').to.equal('PANEL_NOT_FOUND');
    expect(await refusedAs(1, { panelIds: [panels[0]] }), 'a second answer').to.equal('ALREADY_EXISTS');
    expect(await refusedAs(1, {}), 'in another’s place').to.equal('ALREADY_EXISTS');

    const { query, contributions } = await world.until(queryId, () => true);
    expect([query.status, contributions.length]).to.deep.equal(['opened', 3]);
    release();
    const ended = await world.until(queryId, (details) => details.query.status === 'decrypted');
    expect(ended.query.results?.[0]?.decimal).to.equal('30.0');
    expect(await refusedAs(4, {}), 'after the end').to.equal('TRANSITION_NOT_ALLOWED');
    world.beforeSubmitting(4, 'queries:Contribute', undefined);
  });
}

function panelsOverHttp(): void {
  const PATIENT = 'MRN-7F3A-9921';
  const VALUE = '4171937';
  const layout = SECRETS;
  const secret = (index: number): Row => ({
    patient: `${PATIENT}-${String(index)}`,
    subject: { sex: 'female', ageYears: 44, conditions: [{ system: CONDITIONS, code: '19829001' }] },
    values: { marker: String(Number(VALUE) + index) },
  });

  it('the same id with the same rows is the same panel, whatever was lost on the way; with other rows it is taken', async () => {
    const panelId = newId();
    const rows = [secret(1), secret(2)];
    const first = mustBe(201, await world.put(1, rows, { layout, panelId }));
    const again = mustBe(201, await world.put(1, rows, { layout, panelId }));
    const key = { 'idempotency-key': newId() };
    const third = mustBe(201, await world.put(1, rows, { layout, panelId, headers: key }));
    expect([again.body, third.body]).to.deep.equal([first.body, first.body]);
    for (const hospital of [1, 2]) {
      const taken = await world.put(hospital, [secret(3)], { layout, panelId });
      expect(codeOf(taken)).to.deep.equal([409, 'ALREADY_EXISTS']);
    }
  });

  it('values outside the layout, unknown fields and other text are refused: nothing is stored or anchored', async () => {
    const panelId = newId();
    const cids = await world.consortium.recordingPuts(1, async () => {
      for (const values of [{ marker: '3999999' }, { pulse: '70' }, { marker: 'high' }]) {
        const answer = await world.put(1, [secret(1), { ...secret(2), values }], { layout, panelId });
        expect(codeOf(answer)).to.deep.equal([400, 'SCHEMA_VIOLATION']);
        expect(JSON.stringify(answer.body))
          .to.match(/rows\[1\]/)
          .and.not.include('3999999');
      }
      const other = { ...layout, version: 9 };
      expect(codeOf(await world.put(1, [secret(1)], { layout: other, panelId }))).to.deep.equal([
        404,
        'PANEL_NOT_FOUND',
      ]);
    });
    expect(cids).to.deep.equal([]);
    expect(codeOf(await world.officers[0]!.get(`/v1/panels/${panelId}`))).to.deep.equal([
      404,
      'PANEL_NOT_FOUND',
    ]);
    const stored = await world.consortium.recordingPuts(1, async () => {
      mustBe(201, await world.put(1, [secret(1)], { layout, panelId }));
    });
    expect(stored).to.have.length(1);
  });

  it('a layout does not change under its id and version', async () => {
    const changed = { ...layout, maxRecords: 99 };
    const [officer] = world.officers;
    expect(codeOf(await officer!.post('/v1/panel-layouts', { layout: changed }))).to.deep.equal([
      409,
      'ALREADY_EXISTS',
    ]);
    mustBe(201, await officer!.post('/v1/panel-layouts', { layout: { ...changed, version: 2 } }));
    const { body } = mustBe(200, await officer!.get('/v1/panel-layouts/secrets/1'));
    expect(body['layout']).to.deep.include({ maxRecords: layout.maxRecords });
  });

  it('leave no patient number and no value in the ledger’s blocks or in any store', async () => {
    const rows = [...Array(6).keys()].map(secret);
    const anchored = await Promise.all(
      [1, 2, 3, 4].map(async (hospital) => mustBe(201, await world.put(hospital, rows, { layout }))),
    );
    const { query } = await world.ask({ layout, fields: ['marker'], statistic: 'sum' });
    expect(query.status).to.equal('decrypted');

    const blocks = await everyBlock(world);
    const objects = await everyObject(world);
    const find = (where: readonly Uint8Array[], text: string): number =>
      where.filter((bytes) => Buffer.from(bytes).includes(text)).length;
    // The search finds what is meant to be there.
    expect(find(blocks, String(anchored[0]!.body['panelId']))).to.be.at.least(1);
    expect(find(objects, world.publicKey.keyId)).to.be.at.least(4);
    const values = rows.map(({ values: { marker } }) => String(marker));
    for (const text of [PATIENT, '19829001', ...values]) {
      expect([find(blocks, text), find(objects, text)], text).to.deep.equal([0, 0]);
    }
  });
}

async function everyBlock(world: AggregateWorld): Promise<Uint8Array[]> {
  const { identity } = world.consortium.gateway(1).services;
  const height = await world.ledger().height(identity);
  const blocks: Uint8Array[] = [];
  const stop = new AbortController();
  for await (const block of world.ledger().blocks(identity, 0n, stop.signal)) {
    blocks.push(block);
    if (BigInt(blocks.length) === height) break;
  }
  stop.abort();
  return blocks;
}

/** Raw blocks of every embedded store, pieces of larger objects included. */
async function everyObject(world: AggregateWorld): Promise<Uint8Array[]> {
  const objects: Uint8Array[] = [];
  for (const hospital of [1, 2, 3, 4]) {
    const { db } = world.consortium.storeOf(hospital) as unknown as {
      readonly db: ClassicLevel<string, Uint8Array>;
    };
    for await (const [, bytes] of db.iterator()) objects.push(Buffer.from(bytes));
  }
  return objects;
}
