import { boundLog, launch } from './launch.js';
import { isListening } from './probe.js';
import { hospitalPaths, type HospitalPaths } from './home.js';
import { isRunning, type ProcessIdentity, readPidFile, removePidFile, stopProcess } from './pid.js';
import {
  declaredProcesses,
  processFiles,
  PROCESS_NAMES,
  type ProcessName,
  type ProcessSpec,
  specDigest,
} from './process-spec.js';
import { writeJsonAtomic } from './files.js';
import { errorText } from './errors.js';
import { sleep } from './wait.js';

const POLL_MS = 300;
const FIRST_BACKOFF_MS = 250;
const LONGEST_BACKOFF_MS = 10_000;
/** A process that lived this long is healthy again: its next death is a first one. */
const STABLE_AFTER_MS = 30_000;
const LOG_CHECK_MS = 30_000;

/** A running process together with the specification it was started from. */
export interface SupervisedIdentity extends ProcessIdentity {
  specDigest: string;
  restarts: number;
}

interface Restart {
  delayMs: number;
  notBeforeMs: number;
  startedMs: number;
  restarts: number;
}

/**
 * Keeps a hospital's declared processes alive. It holds no state of its own but the pid files, so that a
 * supervisor that was killed is simply started again and adopts what still runs.
 */
export class Supervisor {
  readonly #paths: HospitalPaths;
  readonly #restarts = new Map<ProcessName, Restart>();
  #stopping = false;
  #logsCheckedMs = 0;

  constructor(
    home: string,
    hospitalId: string,
    readonly say: (text: string) => void,
  ) {
    this.#paths = hospitalPaths(home, hospitalId);
  }

  /** Runs until `stop` is called. */
  async run(): Promise<void> {
    while (!this.#stopping) {
      await this.#tick();
      await sleep(POLL_MS);
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  async #tick(): Promise<void> {
    const declared = declaredProcesses(this.#paths);
    for (const spec of declared) {
      if (this.#stopping) return;
      await this.#keepAlive(spec).catch((thrown: unknown) => {
        this.say(`${spec.name}: ${errorText(thrown)}`);
        this.#delayNextStart(spec.name);
      });
    }
    await this.#stopWithdrawn(new Set(declared.map((spec) => spec.name)));
    this.#boundLogs(declared);
  }

  async #keepAlive(spec: ProcessSpec): Promise<void> {
    const files = processFiles(this.#paths, spec.name);
    const known = readPidFile(files.pid) as SupervisedIdentity | undefined;
    const running = known !== undefined && isRunning(known);
    if (running && known.specDigest === specDigest(spec)) return;
    if (running) {
      this.say(`${spec.name}: its specification changed, stopping pid ${String(known.pid)}`);
      await stopProcess(known, spec.stopGraceMs);
      this.#restarts.delete(spec.name);
    }
    if (Date.now() < (this.#restarts.get(spec.name)?.notBeforeMs ?? 0)) return;
    await refuseTakenPorts(spec);
    this.#start(spec, known !== undefined && !running);
  }

  #start(spec: ProcessSpec, afterDeath: boolean): void {
    const files = processFiles(this.#paths, spec.name);
    this.#delayNextStart(spec.name);
    const restarts = (this.#restarts.get(spec.name)?.restarts ?? 0) + (afterDeath ? 1 : 0);
    const identity = launch({
      command: spec.command,
      args: spec.args,
      cwd: spec.cwd,
      env: spec.env,
      logFile: files.log,
      onExit: () => {
        this.say(`${spec.name}: ended`);
      },
    });
    const supervised: SupervisedIdentity = { ...identity, specDigest: specDigest(spec), restarts };
    writeJsonAtomic(files.pid, supervised);
    this.#restarts.set(spec.name, { ...this.#restartOf(spec.name), startedMs: Date.now(), restarts });
    this.say(`${spec.name}: started, pid ${String(identity.pid)}${afterDeath ? ', after it had died' : ''}`);
  }

  #restartOf(name: ProcessName): Restart {
    return this.#restarts.get(name) ?? { delayMs: 0, notBeforeMs: 0, startedMs: 0, restarts: 0 };
  }

  /** Doubles the pause from attempt to attempt, up to a bound, unless the process had been stable. */
  #delayNextStart(name: ProcessName): void {
    const last = this.#restartOf(name);
    const wasStable = last.startedMs > 0 && Date.now() - last.startedMs >= STABLE_AFTER_MS;
    const delayMs = wasStable
      ? FIRST_BACKOFF_MS
      : Math.min(Math.max(last.delayMs * 2, FIRST_BACKOFF_MS), LONGEST_BACKOFF_MS);
    this.#restarts.set(name, { ...last, startedMs: 0, delayMs, notBeforeMs: Date.now() + delayMs });
  }

  async #stopWithdrawn(declared: ReadonlySet<ProcessName>): Promise<void> {
    for (const name of PROCESS_NAMES) {
      if (declared.has(name)) continue;
      const pidFile = processFiles(this.#paths, name).pid;
      const known = readPidFile(pidFile);
      if (!known) continue;
      await stopProcess(known, WITHDRAWN_GRACE_MS);
      removePidFile(pidFile);
      this.say(`${name}: stopped, no longer declared`);
    }
  }

  #boundLogs(declared: readonly ProcessSpec[]): void {
    if (Date.now() - this.#logsCheckedMs < LOG_CHECK_MS) return;
    this.#logsCheckedMs = Date.now();
    for (const { name } of declared) boundLog(processFiles(this.#paths, name).log);
  }
}

const WITHDRAWN_GRACE_MS = 10_000;

/** A stranger on our port would answer for us, or let every call time out; so nothing is started beside it. */
async function refuseTakenPorts(spec: ProcessSpec): Promise<void> {
  for (const { host, port } of spec.listens) {
    if (await isListening(host, port)) {
      throw new Error(`not started: another process already listens on ${host}:${String(port)}`);
    }
  }
}
