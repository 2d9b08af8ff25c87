import { Counter, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { ObserveStage } from '../services/opening-stages.js';
import type { TransactionObserver } from '../services/contract-caller.js';

export interface GatewayMetrics {
  readonly registry: Registry;
  readonly observeTransaction: TransactionObserver;
  /** A proxy that did not answer, or whose partials did not verify. */
  observeBadProxy(mspId: string): void;
  readonly observeStage: ObserveStage;
  observeRequest(request: { method: string; route: string; status: number; durationMs: number }): void;
}

/** Counts and durations only: no label carries a person, a patient or a record. */
export function createMetrics(options: { readonly mspId: string }): GatewayMetrics {
  const registry = new Registry();
  registry.setDefaultLabels({ member: options.mspId });
  collectDefaultMetrics({ register: registry });
  const transactions = new Counter({
    name: 'careledger_transactions_total',
    help: 'Transactions submitted, by outcome: committed or an error code.',
    labelNames: ['contract', 'method', 'outcome'] as const,
    registers: [registry],
  });
  const requests = new Histogram({
    name: 'careledger_http_request_duration_seconds',
    help: 'Time from request to answer.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers: [registry],
  });
  const badProxies = new Counter({
    name: 'careledger_bad_partials_total',
    help: 'Openings for which a proxy gave no partials that verify, by proxy.',
    labelNames: ['proxy'] as const,
    registers: [registry],
  });
  const stages = new Histogram({
    name: 'careledger_opening_stage_seconds',
    help: 'Time of the stages of an opening; they overlap, see docs/operations.md.',
    labelNames: ['stage'] as const,
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return {
    registry,
    observeStage(stage, durationMs) {
      stages.observe({ stage }, durationMs / 1000);
    },
    observeBadProxy(proxy) {
      badProxies.inc({ proxy });
    },
    observeTransaction({ contract, method, outcome }) {
      transactions.inc({ contract, method, outcome });
    },
    observeRequest({ method, route, status, durationMs }) {
      requests.observe({ method, route, status: String(status) }, durationMs / 1000);
    },
  };
}
