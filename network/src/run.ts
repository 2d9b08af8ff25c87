import { spawn } from 'node:child_process';
import { NetworkError } from './errors.js';

export interface RunOptions {
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  timeoutMs?: number;
  /** Given each line of output as it comes, for progress. */
  onLine?: (line: string) => void;
}

export interface RunResult {
  code: number | null;
  output: string;
}

const DEFAULT_TIMEOUT_MS = 60_000;
const KEPT_OUTPUT_CHARACTERS = 1_000_000;

/** Runs a command to its end. Standard output and error come back together, in order. */
export function runToEnd(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let output = '';
    const take = (chunk: string): void => {
      output = (output + chunk).slice(-KEPT_OUTPUT_CHARACTERS);
      if (options.onLine)
        for (const line of chunk.split('\n')) if (line.trim() !== '') options.onLine(line.trim());
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, output });
    });
  });
}

/** Runs a command and returns what it printed; a failure tells its last line. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await runToEnd(command, args, options);
  if (result.code === 0) return result.output;
  throw commandFailed(command, args, result);
}

export function commandFailed(command: string, args: readonly string[], result: RunResult): NetworkError {
  const name = command.split('/').at(-1) ?? command;
  const ending = result.code === null ? 'it was killed (time limit)' : `exit code ${String(result.code)}`;
  return new NetworkError('NET_COMMAND_FAILED', {
    expected: `'${name} ${args.slice(0, 3).join(' ')}' to succeed`,
    came: `${ending}: ${lastLine(result.output)}`,
    remedy: 'mend what the line says, then run the same command again',
  });
}

/** The last line that says something. Fabric's commands print usage after the error, so errors come first. */
export function lastLine(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.findLast((line) => /^error|error:|\bfatal\b|panic/i.test(line)) ?? lines.at(-1) ?? 'no output';
}
