/** Figures of one interleaved run: rounds in which every job runs once, ratios taken inside a round, medians over rounds. */

export interface Round {
  readonly [job: string]: number;
}

/** Runs every job once per round, in another order each time; a job answers its figure (a rate, or a time). */
export async function interleave(
  rounds: number,
  jobs: Readonly<Record<string, () => Promise<number>>>,
): Promise<Round[]> {
  const names = Object.keys(jobs);
  const results: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const figures: Record<string, number> = {};
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(turn + round) % names.length] ?? '';
      figures[name] = (await jobs[name]?.()) ?? Number.NaN;
    }
    process.stderr.write(`round ${round + 1} of ${rounds}: ${JSON.stringify(figures)}\n`);
    results.push(figures);
  }
  return results;
}

/** One JSON line: the median of the rounds' ratios, the medians of both figures, and what else is to be said. */
export function report(
  name: string,
  unit: string,
  rounds: readonly Round[],
  [over, under]: readonly [string, string],
  details: Readonly<Record<string, unknown>> = {},
): void {
  const ratios = rounds.map((round) => (round[over] ?? Number.NaN) / (round[under] ?? Number.NaN));
  const figureOf = (job: string) => rounded(median(rounds.map((round) => round[job] ?? Number.NaN)));
  const line = {
    name,
    ...details,
    ratio: rounded(median(ratios)),
    unit,
    [over]: figureOf(over),
    [under]: figureOf(under),
    rounds: rounds.length,
  };
  console.log(JSON.stringify(line));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[middle - (sorted.length % 2 === 0 ? 1 : 0)],
    sorted[middle],
  ];
  return (low + high) / 2;
}

/** Jobs per second, with a fixed number under way. */
export async function rateOf(
  total: number,
  inFlight: number,
  job: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const started = performance.now();
  const worker = async (): Promise<void> => {
    while (next < total) {
      const index = next;
      next += 1;
      await job(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, total) }, worker));
  return (total * 1000) / (performance.now() - started);
}

/** Seconds of the processor that this process takes for `job`, its garbage collector included. */
export function processorSeconds(job: () => void): number {
  const started = process.cpuUsage();
  job();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1e6;
}

export async function elapsedMs(job: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await job();
  return performance.now() - started;
}

export const rounded = (value: number): number => Number(value.toPrecision(4));
