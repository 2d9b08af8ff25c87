import { CareLedgerError } from '@careledger/protocol';

export interface SignInAttemptsOptions {
  readonly maxFailures: number;
  readonly windowMs: number;
  /** People remembered at once; the oldest is forgotten beyond it. */
  readonly maxTracked: number;
  readonly now: () => number;
}

/** Failed sign-ins per enrolment id, in memory: a bound on guessing, not a record. */
export interface SignInAttempts {
  /**
   * Counts the attempt as failed before the secret is looked at, so that many at once are bounded too.
   * @throws CareLedgerError RATE_LIMITED
   */
  begin(enrolmentId: string): void;
  succeeded(enrolmentId: string): void;
}

export function createSignInAttempts(options: SignInAttemptsOptions): SignInAttempts {
  const failures = new Map<string, { count: number; readonly since: number }>();
  const current = (enrolmentId: string): { count: number; readonly since: number } | undefined => {
    const entry = failures.get(enrolmentId);
    if (entry === undefined || options.now() - entry.since <= options.windowMs) return entry;
    failures.delete(enrolmentId);
    return undefined;
  };
  const remember = (enrolmentId: string, entry: { count: number; readonly since: number }): void => {
    failures.set(enrolmentId, entry);
    const [oldest] = failures.keys();
    if (failures.size > options.maxTracked && oldest !== undefined) failures.delete(oldest);
  };
  return {
    begin(enrolmentId) {
      const entry = current(enrolmentId) ?? { count: 0, since: options.now() };
      if (entry.count < options.maxFailures) {
        entry.count += 1;
        remember(enrolmentId, entry);
        return;
      }
      throw new CareLedgerError('RATE_LIMITED', {
        message: 'Too many failed sign-ins for this enrolment id.',
        expected: `a pause of ${Math.ceil(options.windowMs / 60_000)} minutes`,
      });
    },
    succeeded(enrolmentId) {
      failures.delete(enrolmentId);
    },
  };
}
