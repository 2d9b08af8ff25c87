/**
 * python-paillier (phe) with gmpy2 in a process of its own, asked for one batch of operations at a time, so that its
 * rounds interleave with ours. The python is the one that CARELEDGER_BENCH_PYTHON names, or python3.
 */
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../support/phe_worker.py', import.meta.url));
const PROBE_LIMIT_MS = 30_000;

export type PheOperation = 'encrypt' | 'decrypt' | 'scalar32' | 'add' | 'values';

interface Answer {
  readonly versions?: Readonly<Record<string, string>>;
  /** Processor time of the operations. */
  readonly seconds: number;
  /** `values` only: of decrypting the totals. */
  readonly decryptSeconds?: number;
}

/** Why phe cannot be measured here; undefined when it can. */
export function whyNotPhe(python: string): string | undefined {
  const probe = spawnSync(python, ['-c', 'import phe, gmpy2'], { timeout: PROBE_LIMIT_MS, encoding: 'utf8' });
  if (probe.error !== undefined) return `${python} could not be started (${probe.error.message})`;
  if (probe.status === 0) return undefined;
  const reason = probe.stderr.trim().split('\n').at(-1) ?? '';
  return `${python} has not both phe and gmpy2 (${reason})`;
}

export class Phe {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;

  private constructor(python: string) {
    this.#child = spawn(python, [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** @returns the process, and the versions of what it runs */
  static async start(python: string): Promise<{ phe: Phe; versions: Readonly<Record<string, string>> }> {
    const phe = new Phe(python);
    const { versions = {} } = await phe.#answer();
    return { phe, versions };
  }

  async useKey(bits: number, key: { readonly p: bigint; readonly q: bigint }): Promise<void> {
    await this.#ask({ operation: 'key', bits, p: String(key.p), q: String(key.q) });
  }

  /** Processor seconds of `count` operations. */
  do(
    operation: PheOperation,
    bits: number,
    count: number,
    options: { columns?: number } = {},
  ): Promise<Answer> {
    return this.#ask({ operation, bits, count, ...options });
  }

  stop(): void {
    this.#lines.close();
    this.#child.kill();
  }

  async #ask(request: Readonly<Record<string, unknown>>): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.#answer();
  }

  async #answer(): Promise<Answer> {
    const next = (await this.#answers.next()) as IteratorResult<string, undefined>;
    if (next.done === true) throw new Error('phe ended; its message stands above');
    return JSON.parse(next.value) as Answer;
  }
}
