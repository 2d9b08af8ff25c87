/** A bar on a terminal; elsewhere a line whenever something new begins, and every few seconds in between. */
import { SingleBar } from 'cli-progress';
import type { LoadProgress } from './load-samples.js';

const LINE_EVERY_MS = 5_000;

export class ProgressReport {
  #bar: SingleBar | undefined;
  #lastLineAtMs = Number.NEGATIVE_INFINITY;
  #last = '';

  readonly update = (progress: LoadProgress): void => {
    if (process.stdout.isTTY) this.#draw(progress);
    else this.#print(progress);
  };

  /** Leaves the line to others; the next update goes on below. */
  pause(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #draw({ done, total, what }: LoadProgress): void {
    if (this.#bar === undefined) {
      const format = 'Loading samples [{bar}] {percentage}% {what}';
      this.#bar = new SingleBar({ format, hideCursor: true, barsize: 30 });
      this.#bar.start(total, done, { what });
    }
    this.#bar.update(done, { what });
    if (done === total) this.pause();
  }

  #print({ done, total, what }: LoadProgress): void {
    const now = performance.now();
    const isDue = done === total || now - this.#lastLineAtMs > LINE_EVERY_MS;
    const line = `[${Math.floor((100 * done) / total)}%] ${what}`;
    if (!isDue || line === this.#last) return;
    this.#lastLineAtMs = now;
    this.#last = line;
    console.log(line);
  }
}
