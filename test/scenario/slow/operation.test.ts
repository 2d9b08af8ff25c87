import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ADMIN_ENROLMENT_ID, startEmbeddedConsortium, type GatewayModules } from '@careledger/gateway';
import { TEST_KEY, startTestConsortium, type TestConsortium } from '../support/consortium.js';
import { makeWorld, mustBe, recordIdsOf, type World } from '../support/world.js';

/** The chaincode build that hospital 1's peer claims to run; undefined: what it does run. */
let claimedBuild: string | undefined;

function claiming(mspId: string, modules: GatewayModules): GatewayModules {
  if (mspId !== 'Hospital1MSP') return modules;
  const { ledger } = modules;
  const evaluate: typeof ledger.evaluate = async (identity, contract, method, argument) => {
    const result = await ledger.evaluate(identity, contract, method, argument);
    return method === 'Build' && claimedBuild !== undefined
      ? { ...(result as object), running: claimedBuild }
      : result;
  };
  return { ...modules, ledger: Object.create(ledger, { evaluate: { value: evaluate } }) as typeof ledger };
}

describe('scenario: operating a gateway', function () {
  this.timeout(60_000);

  const CONTENT = 'a very particular content';
  const lines: string[] = [];
  let dataDir: string;
  let consortium: TestConsortium;
  let world: World;
  let recordIds: string[];

  const start = () =>
    startTestConsortium({
      dataDir,
      wrapModules: claiming,
      limits: { joinRetryMs: 20, joinRecheckMs: 20 },
      log: { level: 'debug', stream: { write: (line) => void lines.push(line) } },
    });

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'careledger-operation-'));
    consortium = await start();
    world = await makeWorld(consortium);
    recordIds = recordIdsOf(await world.put([CONTENT]));
  });
  after(async () => {
    await consortium.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('leaves the administrator’s secret to its own user only; it signs in for eight hours at most', async () => {
    const file = join(dataDir, 'h2', 'gateway', 'admin-secret');
    expect(((await stat(file)).mode & 0o777).toString(8)).to.equal('600');
    const secret = (await readFile(file, 'utf8')).trim();
    const { body } = mustBe(
      200,
      await consortium.as(2, '').post('/v1/token', { enrolmentId: ADMIN_ENROLMENT_ID, secret }),
    );
    const lifetimeMs = Date.parse(String(body['expiresAt'])) - Date.now();
    expect(lifetimeMs).to.be.within(7.9 * 3_600_000, 8 * 3_600_000);
  });

  it('answers BUILD_MISMATCH to every write while another build answers than the approved one', async () => {
    claimedBuild = 'f'.repeat(64);
    const { officer } = world;
    await until(async () => (await officer.get('/readyz')).status === 503);
    expect((await officer.get('/readyz')).body.code).to.equal('BUILD_MISMATCH');
    expect((await world.put(['x'])).body.code).to.equal('BUILD_MISMATCH');
    mustBe(200, await officer.get('/v1/members'));
    claimedBuild = undefined;
    await until(async () => (await officer.get('/readyz')).status === 200);
  });

  it('refuses a second process on the same folder, and goes on', async () => {
    const log = { level: 'silent' } as const;
    const second = startEmbeddedConsortium({ dataDir, ports: 'free', aggregation: TEST_KEY, log });
    const failure = await second.then(
      () => 'started',
      (error: unknown) => (error as Error).message,
    );
    expect(failure).to.match(/^The data folder .* is in use by another CareLedger process\./);
    mustBe(201, await world.put(['still writable']));
  });

  it('finds its data after a restart: tokens, staff, grants and records', async () => {
    await consortium.stop();
    consortium = await start();
    const clinician = consortium.as(2, world.clinician.token);
    const answer = mustBe(201, await clinician.post('/v1/openings', { recordIds, purpose: 'treatment' }));
    const [record] = answer.body['records'] as { content: string }[];
    expect(Buffer.from(record!.content, 'base64').toString('utf8')).to.equal(CONTENT);
  });

  it('logs neither secrets nor contents, and measures without naming anyone', async () => {
    const metrics = await fetch(`${consortium.gateway(2).restUrl}/metrics`).then((answer) => answer.text());
    const log = lines.join('');
    expect(log).to.contain('/v1/openings');
    const { token, enrolmentId } = world.clinician;
    for (const secret of [token, CONTENT, Buffer.from(CONTENT).toString('base64'), world.patient.pseudonym]) {
      expect(log.includes(secret), 'a secret in the log').to.equal(false);
      expect(metrics.includes(secret), 'a secret in the metrics').to.equal(false);
    }
    expect(metrics).to.contain(
      'careledger_transactions_total{contract="access",method="Open",outcome="committed"',
    );
    expect(metrics.includes(enrolmentId), 'a person in the metrics').to.equal(false);
  });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  const giveUpAtMs = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > giveUpAtMs) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
