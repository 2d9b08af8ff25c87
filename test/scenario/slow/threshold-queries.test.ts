import { expect } from 'chai';
import { bytesToBase64Url, createCeremonyRunner } from '@careledger/crypto';
import type { CeremonyMachines } from '@careledger/gateway';
import { LIMITS, type AggregationKey, type QueryDetails } from '@careledger/protocol';
import { LAYOUT, newId, startAggregateWorld, type AggregateWorld, type Row } from '../support/aggregate.js';
import type { Answer } from '../support/consortium.js';
import { dealtMachines } from '../support/dealt-machine.js';
import { mustBe } from '../support/world.js';

const SHARE = 'queries:Share';

/** Whose say it takes to decrypt, and what it takes to be believed. */
describe('a query under a key that nobody holds', function () {
  this.timeout(60_000);

  let world: AggregateWorld;
  let runners: ReturnType<typeof createCeremonyRunner>[];
  const mspIdOf = (hospital: number): string => world.officers[hospital - 1]!.mspId;
  const sharedBy = ({ partials }: QueryDetails): string[] => partials.map(({ mspId }) => mspId).sort();
  const isShared = (details: QueryDetails): boolean =>
    details.query.status === 'contributed' && details.partials.length === 3;

  before(async () => {
    runners = [];
    const dealt = dealtMachines();
    world = await startAggregateWorld({
      // The first key is dealt; sharing it anew is a ceremony.
      machines: () => {
        const runner = createCeremonyRunner();
        runners.push(runner);
        const paillier: CeremonyMachines['paillier'] = {
          begin: (parameters) =>
            parameters.purpose === 'generate' ? dealt.paillier.begin(parameters) : runner.begin(parameters),
          step: (state, incoming) => runner.step(state, incoming),
        };
        return { paillier, identity: dealt.identity };
      },
    });
    await world.register(LAYOUT);
    for (const hospital of [1, 2, 3]) await load(hospital);
  });
  after(async () => {
    await world.stop();
    await Promise.all(runners.map((runner) => runner.close()));
  });

  async function load(hospital: number): Promise<void> {
    const rows = [...Array(6).keys()].map((index): Row => ({
      patient: `${String(hospital)}/${String(index)}`,
      subject: { conditions: [] },
      values: { temperature: '1.5' },
    }));
    mustBe(201, await world.put(hospital, rows));
  }

  /** The hospital's gateway posts no share until the returned function is called. */
  function holdBack(
    hospital: number,
    change: (argument: object) => object = (argument) => argument,
  ): () => void {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    world.beforeSubmitting(hospital, SHARE, async (argument) => {
      await released;
      return change(argument);
    });
    return () => {
      world.beforeSubmitting(hospital, SHARE, undefined);
      release();
    };
  }

  it('is decrypted by its contributors and a majority: a holder that only holds is not waited for', async () => {
    const release = holdBack(4);
    const { query, ...details } = await world.ask({ statistic: 'sum' });
    expect(query.contributors).to.deep.equal([1, 2, 3].map(mspIdOf));
    expect(query.results?.[0]).to.include({ count: '18', decimal: '27.0' });
    expect(sharedBy({ query, ...details })).not.to.include(mspIdOf(4));
    expect(query.combined).to.deep.equal({ epoch: 0, holders: [1, 2, 3].map(mspIdOf) });
    release();
  });

  it('waits for every contributor, also when a majority has shared', async () => {
    const release = holdBack(2);
    const queryId = await world.open({ statistic: 'mean' });
    const waiting = await world.until(queryId, isShared);
    expect(sharedBy(waiting)).to.deep.equal([1, 3, 4].map(mspIdOf));
    const { identity } = world.consortium.gateway(1).services;
    const publish = world.ledger().submit(identity, 'queries', 'Publish', { queryId });
    expect(await codeOf(publish)).to.equal('TRANSITION_NOT_ALLOWED');
    release();
    const { query } = await world.until(queryId, (details) => details.query.status === 'decrypted');
    expect(query.results?.[0]).to.include({ decimal: '1.5000000' });
  });

  it('does not count a wrong share: it stands under its sender’s name, and the right one is taken after it', async () => {
    let sent = 0;
    world.beforeSubmitting(3, SHARE, (argument) => {
      sent += 1;
      if (sent > 1) return Promise.resolve(argument);
      const { value } = argument as { value: string };
      return Promise.resolve({ ...argument, value: squared(value) });
    });
    const { query, rejected, partials } = await world.ask({ statistic: 'sum' });
    world.beforeSubmitting(3, SHARE, undefined);
    expect(query.results?.[0]).to.include({ decimal: '27.0' });
    expect(rejected.map(({ mspId, reason }) => [mspId, reason])).to.deep.equal([
      [mspIdOf(3), 'PROOF_INVALID'],
    ]);
    expect(partials.filter(({ mspId }) => mspId === mspIdOf(3))).to.have.length(1);
  });

  it('is the product of the contributions or it is not decrypted, and the refusal stands on the ledger', async () => {
    // Hospital 4's own peer shows it another aggregate: the first contribution alone.
    const release = [1, 2, 3].map((hospital) => holdBack(hospital));
    world.seeing(4, (details) => {
      const [first] = details.contributions;
      const { ciphertext } = first!;
      return ciphertext === undefined
        ? details
        : { ...details, query: { ...details.query, aggregate: ciphertext } };
    });
    const { query } = await world.ask({ statistic: 'sum' });
    world.seeing(4, undefined);
    for (const one of release) one();
    expect([query.status, query.refusal]).to.deep.equal([
      'refused',
      { mspId: mspIdOf(4), reason: 'AGGREGATE_MISMATCH' },
    ]);
    expect(query).to.not.have.property('results');
  });

  it('is refused over the budget: nobody is asked, and the researcher is told why', async () => {
    const spender = await world.consortium.person(2, 'researcher');
    // Ten fields in each question, which are ten of the budget.
    const names = 'abcdefghij'.split('');
    const fields = names.map((name) => ({
      kind: 'histogram' as const,
      name,
      unit: '1',
      categories: ['x'],
    }));
    const layout = { ...LAYOUT, id: 'ten', fields, maxRecords: 1, statisticalBits: 40 };
    await world.register(layout);
    const asked = { statistic: 'histogram', fields: names, layoutId: 'ten', layoutVersion: 1 };
    const body = { ...asked, cohort: { all: true }, purpose: 'payment' };
    const ask = (): Promise<Answer> => spender.post('/v1/queries', { queryId: newId(), ...body });
    const allowed = LIMITS.queriesPerBudgetPeriod / fields.length;
    for (let count = 0; count < allowed; count += 1) mustBe(202, await ask());
    const answer = await ask();
    expect([answer.status, answer.body.code]).to.deep.equal([403, 'QUERY_REFUSED']);
    expect(String(answer.body['detail'])).to.match(/budget of 200 fields in 30 days/);
    const queryId = String(answer.body['queryId']);
    const { query, contributions } = await world.until(queryId, () => true);
    expect(query).to.deep.include({ status: 'refused', members: [] });
    expect([query.refusal?.reason, contributions]).to.deep.equal(['BUDGET_EXHAUSTED', []]);
  });

  it('goes on under the same key when it is shared anew without one that left, and old shares are gone', async () => {
    const release = holdBack(2);
    const inFlight = await world.open({ statistic: 'sum' });
    await world.until(inFlight, isShared);
    const { identity } = world.consortium.gateway(4).services;
    await world.ledger().submit(identity, 'members', 'Leave', {});
    const admin = await world.consortium.person(1, 'admin');
    const body = { ceremonyId: newId(), purpose: 'redistribute' };
    mustBe(201, await admin.post('/v1/ceremonies', body));
    const key = await eventually(async () => {
      const found = mustBe(200, await admin.get('/v1/aggregation-key')).body as unknown as AggregationKey;
      return found.sharing.epoch === 1 ? found : undefined;
    });
    expect(key.publicKey).to.deep.equal(world.key.publicKey);
    expect(key.sharing).to.deep.include({ holders: [1, 2, 3].map(mspIdOf), threshold: 2 });
    const { keyId } = key.publicKey;
    for (const hospital of [1, 2, 3, 4]) {
      const custody = world.consortium.custodyOf(hospital);
      await eventually(async () => !(await custody.hasKeyShare({ keyId, epoch: 0 })) || undefined);
      expect(await custody.hasKeyShare({ keyId, epoch: 1 }), String(hospital)).to.equal(hospital !== 4);
    }
    release();
    const before = await world.until(inFlight, ({ query }) => query.status === 'decrypted');
    expect(before.query.results?.[0]).to.include({ decimal: '27.0' });
    expect(before.query.combined?.epoch, 'shared again').to.equal(1);
    const { query } = await world.ask({ statistic: 'mean' });
    expect(query.results?.[0]).to.include({ count: '18', decimal: '1.5000000' });
    expect(query.members).to.deep.equal([1, 2, 3].map(mspIdOf));
  });

  /** c^2 is a ciphertext too, and no partial decryption that its proof holds for. */
  function squared(value: string): string {
    const bytes = Buffer.from(value, 'base64url');
    const { nSquared } = world.publicKey;
    const number = BigInt(`0x${bytes.toString('hex')}`);
    const hex = ((number * number) % nSquared).toString(16).padStart(2 * bytes.length, '0');
    return bytesToBase64Url(new Uint8Array(Buffer.from(hex, 'hex')));
  }
});

async function codeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return (error as { code: unknown }).code;
  }
}

async function eventually<Result>(look: () => Promise<Result | undefined>): Promise<Result> {
  const giveUpAtMs = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > giveUpAtMs) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
