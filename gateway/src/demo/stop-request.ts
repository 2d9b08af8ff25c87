/** Ctrl-C: the first asks for an orderly end, the second, or one that takes too long, ends at once. */
const ORDERLY_LIMIT_MS = 5_000;
const INTERRUPTED = 130;

export interface StopRequest {
  readonly signal: AbortSignal;
  /** Resolves after the signal has aborted and those who listen to it had their turn. */
  readonly requested: Promise<void>;
  /** Signals do what they did before. */
  release(): void;
}

export function stopRequest(): StopRequest {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let resolve: () => void = () => undefined;
  const requested = new Promise<void>((done) => {
    resolve = done;
  });
  // Everything acknowledged is on the disk already: an end without order loses nothing but its goodbye.
  const end = (): never => process.exit(INTERRUPTED);
  const onSignal = (): void => {
    if (controller.signal.aborted) end();
    timer = setTimeout(end, ORDERLY_LIMIT_MS);
    timer.unref();
    controller.abort();
    setImmediate(resolve);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    requested,
    release() {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      clearTimeout(timer);
    },
  };
}
