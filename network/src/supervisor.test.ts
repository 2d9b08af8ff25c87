import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makePrivateDirectory } from './files.js';
import { hospitalPaths } from './home.js';
import { isRunning, type ProcessIdentity, readPidFile } from './pid.js';
import { declareProcess, processFiles, type ProcessSpec, withdrawProcess } from './process-spec.js';
import { stopHospital } from './supervision.js';
import { Supervisor } from './supervisor.js';
import { sleep, waitFor } from './wait.js';

describe('supervisor', () => {
  let home: string;
  let supervisor: Supervisor;
  let running: Promise<void>;
  const said: string[] = [];

  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'careledger-supervisor-'));
    makePrivateDirectory(hospitalPaths(home, 'h1').run);
    said.length = 0;
    supervisor = new Supervisor(home, 'h1', (text) => said.push(text));
    running = supervisor.run();
  });
  afterEach(async () => {
    supervisor.stop();
    await running;
    await stopHospital(hospitalPaths(home, 'h1'));
    rmSync(home, { recursive: true, force: true });
  });

  const sleeper = (seconds: string): ProcessSpec => ({
    name: 'ca',
    command: 'sleep',
    args: [seconds],
    cwd: tmpdir(),
    env: {},
    listens: [],
    stopGraceMs: 1_000,
    configDigest: '',
  });
  const liveProcess = (other?: ProcessIdentity): Promise<ProcessIdentity> =>
    waitFor(
      () => {
        const identity = readPidFile(processFiles(hospitalPaths(home, 'h1'), 'ca').pid);
        return identity && identity.pid !== other?.pid && isRunning(identity) ? identity : undefined;
      },
      { what: 'the declared process', timeoutMs: 5_000, intervalMs: 50 },
    );

  it('starts what is declared, again after SIGKILL, anew when the declaration changes, and stops what is withdrawn', async () => {
    const paths = hospitalPaths(home, 'h1');
    declareProcess(paths, sleeper('60'));
    const first = await liveProcess();
    process.kill(first.pid, 'SIGKILL');
    const second = await liveProcess(first);
    declareProcess(paths, sleeper('61'));
    const third = await liveProcess(second);
    expect(isRunning(second)).to.equal(false);
    declareProcess(paths, sleeper('61'));
    await sleep(700);
    expect(isRunning(third), 'the same declaration changes nothing').to.equal(true);
    withdrawProcess(paths, 'ca');
    await waitFor(() => (isRunning(third) ? undefined : true), {
      what: 'the withdrawn process to end',
      timeoutMs: 5_000,
    });
  });

  it('starts nothing beside a stranger that holds the port', async () => {
    const stranger = createServer();
    const port = await new Promise<number>((resolve) => {
      stranger.listen(0, '127.0.0.1', () => {
        const address = stranger.address();
        resolve(typeof address === 'object' && address ? address.port : 0);
      });
    });
    declareProcess(hospitalPaths(home, 'h1'), { ...sleeper('60'), listens: [{ host: '127.0.0.1', port }] });
    await waitFor(
      () =>
        said.some((text) => text.includes(`already listens on 127.0.0.1:${String(port)}`)) ? true : undefined,
      {
        what: 'the supervisor to say so',
        timeoutMs: 3_000,
      },
    );
    expect(readPidFile(processFiles(hospitalPaths(home, 'h1'), 'ca').pid)).to.equal(undefined);
    await new Promise((resolve) => stranger.close(resolve));
    await liveProcess();
  });
});
