/** Follows the ledger for a proxy: what ended, or never began, takes its shares with it. */
import { EVENTS, pseudonymsOf } from '@careledger/protocol';
import { KeyedWork } from '../aggregate/keyed-work.js';
import { isStopped, pause } from '../app/pause.js';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';
import type { Proxy } from './proxy.js';

export interface ProxyWorkerModules {
  readonly events: Pick<Ledger, 'events'>;
  readonly identity: SigningIdentity;
  readonly proxy: Pick<Proxy, 'settle'>;
  readonly onProblem: (error: unknown) => void;
}

export interface ProxyWorkerOptions {
  /** How often all shares are compared with the ledger, without an event. */
  readonly recheckMs: number;
  /** Patients looked at side by side. */
  readonly concurrency: number;
  readonly retryMs: number;
}

export const DEFAULT_PROXY_WORKER_OPTIONS: ProxyWorkerOptions = {
  recheckMs: 300_000,
  concurrency: 2,
  retryMs: 2_000,
};

/** After these a grant may have ended, or a tag's epoch have been raised. */
const WATCHED: readonly string[] = [
  EVENTS.grantChanged,
  EVENTS.patientChanged,
  EVENTS.identityRegistered,
  EVENTS.recoveryChanged,
  EVENTS.instructionChanged,
  EVENTS.accessDecided,
];

/** Until the signal aborts; never rejects. */
export async function followForProxy(
  modules: ProxyWorkerModules,
  signal: AbortSignal,
  options: ProxyWorkerOptions = DEFAULT_PROXY_WORKER_OPTIONS,
): Promise<void> {
  const { events, identity, proxy, onProblem } = modules;
  const report = (error: unknown): void => {
    if (!isStopped(signal)) onProblem(error);
  };
  const work = new KeyedWork(options.concurrency, async (pseudonym) => {
    await proxy.settle(pseudonym).catch(report);
  });
  const listen = async (): Promise<void> => {
    while (!isStopped(signal)) {
      try {
        for await (const { payload } of events.events(identity, 'next', signal)) {
          if (!WATCHED.includes(payload.event)) continue;
          for (const pseudonym of pseudonymsOf(payload)) work.ask(pseudonym);
        }
      } catch (error) {
        report(error);
      }
      await pause(options.retryMs, signal);
    }
  };
  // What no event said, because this gateway was away or time alone did it, is found by looking.
  const look = async (): Promise<void> => {
    while (!isStopped(signal)) {
      await proxy.settle().catch(report);
      await pause(options.recheckMs, signal);
    }
  };
  await Promise.all([listen(), look()]);
  await work.stop();
}
