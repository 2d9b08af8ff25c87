import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { layoutOf, publicKeyFromJson, type PanelLayout, type PaillierPublicKey } from '@careledger/crypto';
import { DEMO_STATISTICS, readHeartSamples } from '@careledger/gateway/demo';
import {
  CareLedgerError,
  type AggregationKey,
  type Cohort,
  type Panel,
  type QueryDetails,
} from '@careledger/protocol';
import { verifyContribution, verifyResult, type Evidence } from '@careledger/verifier';
import { randomHex } from '../scenario/support/patient.js';
import type { Person } from '../scenario/support/people.js';
import { mustBe } from '../scenario/support/world.js';
import { runningNetwork } from './support/network.js';
import { until } from './support/until.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const HEART = join(ROOT, 'samples', 'heart-disease');
const DEMONSTRATION_LIMIT_MS = 170_000;
const QUERY_LIMIT_MS = 60_000;
const MAX_PANEL_BYTES = 16 * 1_048_576;

describe('end to end: statistics over four hospitals', function () {
  this.timeout(180_000);

  const network = runningNetwork();
  let researcher: Person;
  let auditor: Person;
  let officer: Person;
  let publicKey: PaillierPublicKey;
  let key: AggregationKey;
  let layout: PanelLayout;

  it('npm start -- --ledger fabric --once: every encrypted result equals its plaintext', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['scripts/start.mjs', '--ledger', 'fabric', '--once'],
      { cwd: ROOT, timeout: DEMONSTRATION_LIMIT_MS },
    );
    const lines = stdout.split('\n');
    const equal = lines.filter((line) => / yes +[0-9.]+ m?s$/.test(line));
    expect(equal.length, stdout).to.equal(DEMO_STATISTICS.length);
    expect(lines.filter((line) => / NO +[0-9.]+ m?s$/.test(line))).to.deep.equal([]);
  });

  describe('seen by an auditor who trusts no gateway', () => {
    let details: QueryDetails;
    let opening: { rowRefs: string[] };
    const mspId = network.configOf(2).hospital.mspId;
    const evidence: Evidence = {
      panel: async (panelId) =>
        mustBe(200, await auditor.get(`/v1/panels/${panelId}`)).body as unknown as Panel,
      fetch: (cid) => network.storeOf(4).get(cid, { maxBytes: MAX_PANEL_BYTES }),
    };

    before(async () => {
      researcher = await network.person(1, 'researcher');
      officer = await network.person(2, 'officer');
      auditor = await network.person(4, 'auditor');
      key = mustBe(200, await auditor.get('/v1/aggregation-key')).body as unknown as AggregationKey;
      publicKey = publicKeyFromJson(key.publicKey);
      const { layouts } = readHeartSamples(HEART, key.publicKey.keyBits);
      const { id, version } = layoutOf(layouts, ['age']);
      const registered = mustBe(200, await auditor.get(`/v1/panel-layouts/${id}/${version}`)).body;
      layout = registered['layout'] as PanelLayout;
      details = await ask({ sex: 'female' });
      const path = `/v1/queries/${details.query.queryId}/opening`;
      opening = mustBe(200, await officer.get(path)).body as unknown as typeof opening;
    });

    it('is what the contributions and the shares on the ledger come to', () => {
      expect(details.query.status).to.equal('decrypted');
      verifyResult({ details, layout, publicKey }, key);
      const results = details.query.results!.map((result) => ({ ...result, numerator: '1', decimal: '1' }));
      const changed = { ...details, query: { ...details.query, results } };
      expect(() => {
        verifyResult({ details: changed, layout, publicKey }, key);
      })
        .to.throw(CareLedgerError)
        .with.property('code', 'RESULT_MISMATCH');
    });

    it('a contribution, opened, is the product of its anchored rows; with a row left out, it is not', async () => {
      const check = { details, layout, publicKey, mspId };
      await verifyContribution({ ...check, opening }, evidence);
      const doctored = { ...opening, rowRefs: opening.rowRefs.slice(1) };
      const found = await verifyContribution({ ...check, opening: doctored }, evidence).catch(
        (error: unknown) => error,
      );
      expect(found).to.be.instanceOf(CareLedgerError).with.property('code', 'CONTRIBUTION_MISMATCH');
    });

    it('shows an opening to the hospital’s own officer only', async () => {
      const path = `/v1/queries/${details.query.queryId}/opening`;
      expect((await auditor.get(path)).body.code).to.equal('ROLE_NOT_ALLOWED');
    });

    it('refuses a cohort below the minimum, and the refusal stands on the ledger', async () => {
      const { query, contributions } = await ask({ age: { from: 29, to: 29 } });
      expect(query.status).to.equal('refused');
      expect(query).to.not.have.property('results');
      expect(query.refusal?.reason).to.equal('TOO_FEW_CONTRIBUTORS');
      // One of the 303 is 29 years old; a hospital does not tell whether it has nobody or too few.
      const reasons = contributions.map(({ reason }) => reason);
      expect(reasons).to.deep.equal(network.configs.map(() => 'COHORT_BELOW_MINIMUM'));
      const seen = mustBe(200, await auditor.get(`/v1/queries/${query.queryId}`))
        .body as unknown as QueryDetails;
      expect(seen.query.refusal).to.deep.equal(query.refusal);
    });
  });

  async function ask(cohort: Cohort): Promise<QueryDetails> {
    const queryId = randomHex(16);
    const query = {
      queryId,
      statistic: 'mean',
      layoutId: layout.id,
      layoutVersion: layout.version,
      fields: ['age'],
      cohort,
      purpose: 'research',
    };
    mustBe(202, await researcher.post('/v1/queries', query));
    return until(`an answer to query ${queryId}`, QUERY_LIMIT_MS, async () => {
      const { body } = mustBe(200, await researcher.get(`/v1/queries/${queryId}`));
      const details = body as unknown as QueryDetails;
      return ['decrypted', 'refused'].includes(details.query.status) ? details : undefined;
    });
  }
});
