import { CareLedgerError, type ErrorCode } from '@careledger/protocol';

export type NotReadyCode = Extract<ErrorCode, 'NOT_READY' | 'BUILD_MISMATCH'>;

/** Whether this gateway may write. Not ready until proven. */
export interface Readiness {
  /** Undefined when ready. */
  readonly reason: { readonly code: NotReadyCode; readonly detail: string } | undefined;
  ready(): void;
  notReady(code: NotReadyCode, detail: string): void;
  /** @throws CareLedgerError NOT_READY, BUILD_MISMATCH */
  assertReady(): void;
}

export function createReadiness(): Readiness {
  let reason: Readiness['reason'] = { code: 'NOT_READY', detail: 'The gateway is starting.' };
  return {
    get reason() {
      return reason;
    },
    ready() {
      reason = undefined;
    },
    notReady(code, detail) {
      reason = { code, detail };
    },
    assertReady() {
      if (reason !== undefined) throw new CareLedgerError(reason.code, { message: reason.detail });
    },
  };
}
