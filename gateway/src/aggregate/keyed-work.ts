/**
 * Work by key: one at a time for each key, a few at a time in all. Asked again while it runs, it runs once more: so
 * whoever asks knows that a look begins after the asking.
 */
export class KeyedWork {
  readonly #asked = new Set<string>();
  readonly #running = new Set<string>();
  #whenIdle: (() => void)[] = [];

  /** @param work must not reject */
  constructor(
    private readonly atOnce: number,
    private readonly work: (key: string) => Promise<void>,
  ) {}

  ask(key: string): void {
    this.#asked.add(key);
    this.#start();
  }

  /** Forgets what has not begun, and resolves when what runs has ended. */
  async stop(): Promise<void> {
    this.#asked.clear();
    if (this.#running.size > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  #start(): void {
    for (const key of this.#asked) {
      if (this.#running.size >= this.atOnce) return;
      if (this.#running.has(key)) continue;
      this.#asked.delete(key);
      this.#running.add(key);
      void this.work(key).finally(() => {
        this.#running.delete(key);
        this.#start();
        if (this.#running.size > 0) return;
        for (const resolve of this.#whenIdle.splice(0)) resolve();
      });
    }
  }
}
