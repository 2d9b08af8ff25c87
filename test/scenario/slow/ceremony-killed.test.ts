import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { Ceremony } from '@careledger/protocol';

const SCRIPT = fileURLToPath(new URL('../support/ceremony-process.js', import.meta.url));
/** What is said between two kills, in the words of the log: each kill comes a little later in the ceremony. */
const KILLED_AFTER = [
  'started the ceremony',
  'joined',
  'the ceremony goes on',
  'the ceremony goes on',
  'has ended here',
];

interface Line {
  readonly msg?: string;
  readonly ceremonies?: Ceremony[];
}

describe('ceremonies whose gateways are killed again and again', function () {
  this.timeout(110_000);

  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'careledger-killed-'));
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  /** @returns the ceremonies when both finished before anything was said that it is killed after */
  async function run(killedAfter: string | undefined): Promise<Ceremony[] | undefined> {
    const child = spawn(process.execPath, [SCRIPT, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit');
    let finished: Ceremony[] | undefined;
    for await (const text of createInterface({ input: child.stdout })) {
      const { msg = '', ceremonies } = JSON.parse(text) as Line;
      finished = ceremonies ?? finished;
      if (killedAfter !== undefined && msg.includes(killedAfter)) child.kill('SIGKILL');
    }
    await ended;
    return finished;
  }

  it('make both keys in the first attempt: nothing is lost, and nothing is said twice in two ways', async () => {
    let kills = 0;
    let finished: Ceremony[] | undefined;
    for (const what of [...KILLED_AFTER, undefined]) {
      finished ??= await run(what);
      if (finished === undefined) kills += 1;
    }
    expect(kills, 'kills').to.be.at.least(3);
    expect(finished?.map(({ scheme }) => scheme)).to.have.members(['paillier', 'identity']);
    for (const ceremony of finished ?? [])
      expect(ceremony).to.deep.include({ status: 'finished', attempt: 1, faults: [], interruptions: [] });
  });
});
