import {
  CareLedgerError,
  TIMESTAMP_WINDOW_MS,
  canonicalJson,
  msFromInstant,
  type OpenSession,
  type Patient,
} from '@careledger/protocol';
import { base64UrlToBytes, patientMessage, verifyPatientSignature } from '@careledger/crypto';
import type { SigningIdentity } from '../ports/ledger.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { LocalTable } from '../services/local-tables.js';
import type { IssuedToken, PatientClaims, TokenIssuer } from './token-issuer.js';

/** What a patient signs to be let in: as every request of a patient, under a method that no contract has. */
export const OPEN_SESSION = 'sessions:Open';

export interface PatientSessions {
  /**
   * A short token for the patient whose key signed: good for this pseudonym's own routes at this gateway, until the key
   * is replaced.
   * @throws CareLedgerError SIGNATURE_INVALID (unknown pseudonyms too), NOT_OWNER when it is enrolled at another
   * hospital, TIMESTAMP_OUTSIDE_WINDOW, NONCE_REUSED; RATE_LIMITED when too many sessions were opened at once
   */
  open(request: OpenSession): Promise<IssuedToken>;
  /**
   * Keys that were rotated or recovered end the sessions that the earlier ones opened.
   * @throws CareLedgerError TOKEN_INVALID
   */
  assertPresent(claims: PatientClaims): Promise<void>;
}

/** Row of the `session-nonces` table, by pseudonym and nonce: until when a repetition has to be known. */
export interface SessionNonceRow {
  readonly untilMs: number;
}

export interface PatientSessionsOptions {
  readonly mspId: string;
  readonly channel: string;
  /** Nonces remembered at once; beyond it, RATE_LIMITED until old ones are over. */
  readonly maxNonces: number;
  /** Of one pseudonym: one key that opens session after session does not take the others' room. */
  readonly maxNoncesPerPatient: number;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export interface PatientSessionsModules {
  readonly contracts: Pick<ContractCaller, 'evaluate'>;
  readonly identity: SigningIdentity;
  readonly tokens: Pick<TokenIssuer, 'issueToPatient'>;
  readonly nonces: LocalTable<SessionNonceRow>;
}

export function createPatientSessions(
  options: PatientSessionsOptions,
  modules: PatientSessionsModules,
): PatientSessions {
  const { contracts, identity, tokens } = modules;
  const nonces = rememberNonces(options, modules.nonces);
  const patientOf = (pseudonym: string): Promise<Patient | undefined> =>
    contracts.evaluate(identity, 'patients', 'Get', { pseudonym }).catch(unknownAsUndefined);
  return {
    async assertPresent({ pseudonym, keyEpoch }) {
      const patient = await patientOf(pseudonym);
      if (patient?.keyEpoch === keyEpoch) return;
      throw new CareLedgerError('TOKEN_INVALID', {
        message: 'The keys that opened this session were replaced.',
        expected: `a session of the keys of epoch ${String(patient?.keyEpoch)}`,
        came: `one of epoch ${String(keyEpoch)}`,
      });
    },
    async open(request) {
      const { pseudonym, mspId, at } = request.arguments;
      if (mspId !== options.mspId)
        throw new CareLedgerError('NOT_OWNER', { expected: `a request to ${options.mspId}`, came: mspId });
      if (Math.abs(msFromInstant(at) - options.clock()) > TIMESTAMP_WINDOW_MS)
        throw new CareLedgerError('TIMESTAMP_OUTSIDE_WINDOW', { came: at });
      const patient = await patientOf(pseudonym);
      assertSigned(request, options.channel, patient);
      if (patient.mspId !== options.mspId)
        throw new CareLedgerError('NOT_OWNER', { expected: `the gateway of ${patient.mspId}` });
      await nonces.use(pseudonym, request.nonce);
      return tokens.issueToPatient({ pseudonym, keyEpoch: patient.keyEpoch });
    },
  };
}

function unknownAsUndefined(error: unknown): undefined {
  if (error instanceof CareLedgerError && error.code === 'PATIENT_NOT_FOUND') return undefined;
  throw error;
}

/** Whoever asks for a pseudonym that does not exist learns no more than with a wrong signature. */
function assertSigned(
  request: OpenSession,
  channel: string,
  patient: Patient | undefined,
): asserts patient is Patient {
  const { arguments: args, nonce, signature } = request;
  try {
    if (patient === undefined) throw new CareLedgerError('SIGNATURE_INVALID');
    const message = patientMessage({
      channel,
      method: OPEN_SESSION,
      argumentsJson: canonicalJson(args),
      nonce,
    });
    verifyPatientSignature({
      publicKey: base64UrlToBytes(patient.keys.signing),
      message,
      signature: base64UrlToBytes(signature),
    });
  } catch (cause) {
    throw new CareLedgerError('SIGNATURE_INVALID', { cause });
  }
}

/**
 * Each nonce works once for as long as its time would still be taken: kept in a table, so that a restart forgets none,
 * and in memory, so that two requests at once do not both pass.
 */
function rememberNonces(
  { maxNonces, maxNoncesPerPatient, clock }: PatientSessionsOptions,
  table: LocalTable<SessionNonceRow>,
): { use(pseudonym: string, nonce: string): Promise<void> } {
  const known = new Map<string, number>();
  let loaded: Promise<void> | undefined;
  const load = async (): Promise<void> => {
    for await (const [key, { untilMs }] of table.entries()) known.set(key, untilMs);
  };
  const forgetOld = async (): Promise<void> => {
    const nowMs = clock();
    for (const [key, untilMs] of known) {
      if (untilMs > nowMs) continue;
      await table.delete(key);
      known.delete(key);
    }
  };
  const isFull = (pseudonym: string): boolean => {
    if (known.size >= maxNonces) return true;
    const own = [...known.keys()].filter((key) => key.startsWith(`${pseudonym}/`));
    return own.length >= maxNoncesPerPatient;
  };
  return {
    async use(pseudonym, nonce) {
      const key = `${pseudonym}/${nonce}`;
      loaded ??= load().catch((error: unknown) => {
        loaded = undefined;
        throw error;
      });
      await loaded;
      if (known.has(key)) throw new CareLedgerError('NONCE_REUSED');
      if (isFull(pseudonym)) await forgetOld();
      if (isFull(pseudonym)) throw new CareLedgerError('RATE_LIMITED');
      // Again: another request may have come while old ones were forgotten.
      if (known.has(key)) throw new CareLedgerError('NONCE_REUSED');
      const untilMs = clock() + 2 * TIMESTAMP_WINDOW_MS;
      known.set(key, untilMs);
      await table.put(key, { untilMs });
    },
  };
}
