/** Wakes readers when a block has been written. A reader looks first and waits after, in one turn: none is missed. */
export class HeightSignal {
  private waiters = new Set<() => void>();

  raise(): void {
    const waiting = this.waiters;
    this.waiters = new Set();
    for (const wake of waiting) wake();
  }

  /** Resolves at the next block, or when the signal is aborted. */
  wait(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        this.waiters.delete(wake);
        resolve();
      };
      signal.addEventListener('abort', wake);
      this.waiters.add(wake);
    });
  }
}
