import type { LogOptions } from '../rest/logging.js';
import { MAX_TOKEN_LIFETIME_MS } from '../auth/token-issuer.js';

/** One hospital's gateway, whatever adapters it runs on. */
export interface GatewayOptions {
  readonly hospital: { readonly name: string; readonly mspId: string };
  /** Port 0 lets the system choose; `Gateway.restUrl` says what it chose. */
  readonly rest: { readonly host: string; readonly port: number };
  /** Folder of the gateway's own tables. One process at a time. */
  readonly dataDir: string;
  /** The members that this hospital admits: its statement of intent, acted on when one of them proposes itself. */
  readonly members: readonly string[];
  /** How many hospitals keep each ciphertext, the owner included. */
  readonly replicationFactor: number;
  /** Digest of the chaincode build that this hospital approves. */
  readonly buildDigest: string;
  /** `first`: only while the consortium has approved none. `always`: an upgrade that the hospital decided on. */
  readonly approveBuild?: 'first' | 'always';
  readonly limits?: Partial<GatewayLimits>;
  readonly log?: LogOptions;
}

export interface GatewayLimits {
  /** Default 32 MiB. */
  readonly bodyLimitBytes: number;
  /** Requests worked on at a time; beyond it, RATE_LIMITED. Default 256. */
  readonly maxInFlight: number;
  readonly requestTimeoutMs: number;
  readonly handlerTimeoutMs: number;
  /** Store objects, headers and ledger reads at a time in one request. Default 16. */
  readonly storeConcurrency: number;
  /** Ciphertext of one opening. Default 256 MiB. */
  readonly maxOpeningBytes: number;
  /** FHIR resources in one document. Default 10,000. */
  readonly maxFhirResources: number;
  /** At most eight hours, which is the default. */
  readonly tokenLifetimeMs: number;
  /** Failed sign-ins per person within `signInWindowMs`. */
  readonly maxSignInFailures: number;
  readonly signInWindowMs: number;
  /** How long `start` waits to become a ready member. Beyond it the gateway answers, goes on trying, and writes nothing. */
  readonly startTimeoutMs: number;
  readonly joinRetryMs: number;
  /** How often a ready gateway looks again at members to admit and at the build that answers. */
  readonly joinRecheckMs: number;
  /** How often work of replication that failed is tried again. */
  readonly replicationRetryMs: number;
  /** When an object that was stored but never anchored counts as left behind. Default 15 minutes. */
  readonly unfinishedMinAgeMs: number;
}

const DEFAULT_LIMITS: GatewayLimits = {
  bodyLimitBytes: 32 * 1_048_576,
  maxInFlight: 256,
  requestTimeoutMs: 60_000,
  handlerTimeoutMs: 120_000,
  storeConcurrency: 16,
  maxOpeningBytes: 256 * 1_048_576,
  maxFhirResources: 10_000,
  tokenLifetimeMs: MAX_TOKEN_LIFETIME_MS,
  maxSignInFailures: 5,
  signInWindowMs: 15 * 60_000,
  startTimeoutMs: 90_000,
  joinRetryMs: 500,
  joinRecheckMs: 10_000,
  replicationRetryMs: 5_000,
  unfinishedMinAgeMs: 15 * 60_000,
};

export function limitsOf(options: Pick<GatewayOptions, 'limits'>): GatewayLimits {
  return { ...DEFAULT_LIMITS, ...options.limits };
}
