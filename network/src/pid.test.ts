import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  identifyProcess,
  isRunning,
  parseProcessStat,
  type ProcessIdentity,
  readPidFile,
  stopProcess,
  writePidFile,
} from './pid.js';

function startSleeper(): ProcessIdentity {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const identity = identifyProcess(child.pid ?? 0);
  if (!identity) throw new Error('sleep did not start');
  return identity;
}

describe('pid files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'careledger-pid-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('reads a stat line whose command name holds spaces and brackets', () => {
    const fields = Array.from({ length: 30 }, (_, index) => String(index + 4));
    expect(parseProcessStat(`12 (a) b (c) S ${fields.join(' ')}`)).to.deep.equal({
      state: 'S',
      startTicks: '22',
    });
  });

  it('knows this process, also through a file', () => {
    const identity = identifyProcess(process.pid);
    if (!identity) throw new Error('this process runs');
    const file = join(folder, 'own.json');
    writePidFile(file, identity);
    expect(readPidFile(file)).to.deep.equal(identity);
    expect(isRunning(identity)).to.equal(true);
  });

  it('takes neither an absent file nor another content for a process', () => {
    expect(readPidFile(join(folder, 'absent.json'))).to.equal(undefined);
    writeFileSync(join(folder, 'other.json'), '{"pid":"12"}');
    expect(readPidFile(join(folder, 'other.json'))).to.equal(undefined);
  });

  it('stops a process', async () => {
    const sleeper = startSleeper();
    await stopProcess(sleeper, 2_000);
    expect(isRunning(sleeper)).to.equal(false);
  });

  it('never signals a process that got a recycled number', async () => {
    const sleeper = startSleeper();
    const stale = { ...sleeper, startTicks: String(Number(sleeper.startTicks) - 1) };
    expect(isRunning(stale)).to.equal(false);
    await stopProcess(stale, 100);
    expect(isRunning(sleeper), 'the stranger lives on').to.equal(true);
    await stopProcess(sleeper, 2_000);
  });

  it('takes a process of an earlier boot for gone', () => {
    const identity = identifyProcess(process.pid);
    if (!identity) throw new Error('this process runs');
    expect(isRunning({ ...identity, bootId: 'another' })).to.equal(false);
  });
});
