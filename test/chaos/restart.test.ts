import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { PROCESS_NAMES } from '@careledger/network';
import { runningNetwork } from '../e2e/support/network.js';
import { until } from '../e2e/support/until.js';
import type { Answer, Person } from '../scenario/support/people.js';
import { makeWorld, mustBe, recordIdsOf, type World } from '../scenario/support/world.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const COMMAND_LIMIT_MS = 150_000;
const CATCH_UP_MS = 30_000;

/** Runs last: it stops and starts the whole network. */
describe('chaos: down, then up', function () {
  this.timeout(2 * COMMAND_LIMIT_MS);

  const network = runningNetwork();
  let world: World;
  let stranger: Person;
  let recordIds: string[];

  before(async () => {
    world = await makeWorld(network);
    stranger = await network.person(3, 'clinician');
    recordIds = recordIdsOf(await world.put(['one', 'two']));
    await command('down');
  });

  it('stops every process', async () => {
    for (const hospital of [1, 2, 3, 4])
      for (const name of PROCESS_NAMES)
        expect(() => network.pidOf(hospital, name), `${name} of ${String(hospital)}`).to.throw(
          'does not run',
        );
    const failure: unknown = await world.officer.get('/readyz').catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(TypeError);
  });

  it('keeps ledger, records, staff and grants: who could open, opens; who could not, is denied', async () => {
    await command('up');
    const opened = mustBe(201, await caughtUp(() => world.open(recordIds)));
    const contents = (opened.body['records'] as { content: string }[]).map(({ content }) =>
      Buffer.from(content, 'base64').toString('utf8'),
    );
    expect(contents.sort()).to.deep.equal(['one', 'two']);
    const denied = await stranger.post('/v1/openings', { recordIds, purpose: 'treatment' });
    expect(denied.body.code).to.equal('ACCESS_DENIED');
  });

  it('goes on where it was: a new record, opened', async () => {
    const more = recordIdsOf(await world.put(['three']));
    mustBe(201, await caughtUp(() => world.open(more)));
  });
});

/** The reader's own peer answers it, and may be some blocks behind the writer's for a moment after the start. */
async function caughtUp(ask: () => Promise<Answer>): Promise<Answer> {
  return until('the records at the reader’s peer', CATCH_UP_MS, async () => {
    const answer = await ask();
    return answer.body.code === 'RECORD_NOT_FOUND' ? undefined : answer;
  });
}

async function command(name: 'up' | 'down'): Promise<void> {
  await promisify(execFile)(process.execPath, ['scripts/network.mjs', name], {
    cwd: ROOT,
    timeout: COMMAND_LIMIT_MS,
  });
}
