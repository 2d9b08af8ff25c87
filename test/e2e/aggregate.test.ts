import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { layoutOf, type PanelLayout } from '@careledger/crypto';
import { DEMO_STATISTICS, readHeartSamples } from '@careledger/gateway/demo';
import type { AggregationKey, Cohort, QueryDetails } from '@careledger/protocol';
import type { QueryReport } from '@careledger/verifier';
import { randomHex } from '../scenario/support/patient.js';
import type { Person } from '../scenario/support/people.js';
import { mustBe } from '../scenario/support/world.js';
import { CEREMONY_TIMEOUT_MS, keyOfTheConsortium } from './support/key.js';
import { runningNetwork } from './support/network.js';
import { until } from './support/until.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const HEART = join(ROOT, 'samples', 'heart-disease');
const DEMONSTRATION_LIMIT_MS = 170_000;
const QUERY_LIMIT_MS = 60_000;

describe('end to end: statistics over four hospitals', function () {
  this.timeout(180_000);

  const network = runningNetwork();
  let researcher: Person;
  let auditor: Person;
  let officer: Person;
  let layout: PanelLayout;

  before(async function () {
    this.timeout(CEREMONY_TIMEOUT_MS);
    await keyOfTheConsortium(await network.person(1, 'admin'));
  });

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
    let folder: string;
    const files = (name: string): string => join(folder, name);

    async function verify(
      ...args: readonly string[]
    ): Promise<{ readonly code: number; readonly report: QueryReport }> {
      const command = ['scripts/careledger.mjs', 'verify', ...args, '--json'];
      const options = { cwd: ROOT, timeout: DEMONSTRATION_LIMIT_MS, maxBuffer: 16 * 1_048_576 };
      return new Promise((resolve, reject) => {
        execFile(process.execPath, command, options, (error, stdout, stderr) => {
          const code = error === null ? 0 : Number(error.code);
          if (code > 1 || stdout === '') reject(new Error(`${String(code)}: ${stderr}`));
          else resolve({ code, report: JSON.parse(stdout) as QueryReport });
        });
      });
    }

    before(async () => {
      researcher = await network.person(1, 'researcher');
      officer = await network.person(2, 'officer');
      auditor = await network.person(4, 'auditor');
      const key = mustBe(200, await auditor.get('/v1/aggregation-key')).body as unknown as AggregationKey;
      const { layouts } = readHeartSamples(HEART, key.publicKey.keyBits);
      const { id, version } = layoutOf(layouts, ['age']);
      const registered = mustBe(200, await auditor.get(`/v1/panel-layouts/${id}/${version}`)).body;
      layout = registered['layout'] as PanelLayout;
      details = await ask({ sex: 'female' });
      const path = `/v1/queries/${details.query.queryId}/opening`;
      opening = mustBe(200, await officer.get(path)).body as unknown as typeof opening;
      folder = await mkdtemp(join(tmpdir(), 'careledger-audit-'));
      await writeFile(files('opening.json'), JSON.stringify(opening));
    });
    after(() => rm(folder, { recursive: true, force: true }));

    it('careledger verify derives it again from blocks of a peer, and an opened contribution from its rows', async () => {
      expect(details.query.status).to.equal('decrypted');
      const { queryId } = details.query;
      const source = ['--hospital', 'h4', '--to', files('evidence')];
      const { code, report } = await verify('query', queryId, ...source, '--opening', files('opening.json'));
      expect(report.findings).to.deep.equal([]);
      expect([code, report.query?.results]).to.deep.equal([0, details.query.results]);
      expect(report.opened).to.have.length(1);
      expect([report.ledger.orderers, report.ledger.quorum]).to.deep.equal([4, 3]);
    });

    it('and finds a row left out of the opening, or a byte changed in a block, without any network', async () => {
      const { queryId } = details.query;
      const from = ['--from', files('evidence')];
      await writeFile(
        files('doctored.json'),
        JSON.stringify({ ...opening, rowRefs: opening.rowRefs.slice(1) }),
      );
      const doctored = await verify('query', queryId, ...from, '--opening', files('doctored.json'));
      expect(doctored.code).to.equal(1);
      expect(doctored.report.findings.map(({ code }) => code)).to.deep.equal(['CONTRIBUTION_MISMATCH']);
      const [, second] = (await readdir(files('evidence/blocks'))).sort();
      const block = join(files('evidence/blocks'), second!);
      const bytes = await readFile(block);
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(block, bytes);
      expect((await verify('query', queryId, ...from)).code).to.equal(1);
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
