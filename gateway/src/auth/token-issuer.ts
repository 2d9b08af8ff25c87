import { createSecretKey, type KeyObject } from 'node:crypto';
import { SignJWT, decodeJwt, errors, jwtVerify } from 'jose';
import { CareLedgerError, type Role } from '@careledger/protocol';
import type { KeyCustody } from '../ports/key-custody.js';
import { isRole } from './certificate.js';

/** What a token of staff says: who, and in which role, at this hospital. */
export interface StaffClaims {
  readonly enrolmentId: string;
  readonly role: Role;
}
/** What a patient's token says: it is good for this pseudonym's own routes. */
export interface PatientClaims {
  readonly pseudonym: string;
  /** Of the keys that opened the session: it ends with them. */
  readonly keyEpoch: number;
}
export type TokenClaims = StaffClaims | PatientClaims;

export interface IssuedToken {
  readonly token: string;
  /** UTC with milliseconds. */
  readonly expiresAt: string;
}

/**
 * The built-in issuer. Tokens are JWTs under HS256 (RFC 7519, RFC 7518 section 3.2): the issuer is the MSP id. For staff
 * the audience is the MSP id too and the subject the enrolment id; a patient's token has an audience of its own, and the
 * pseudonym as subject, so that neither passes for the other.
 *
 * HS256 and not a signature: no one but this gateway has to verify its tokens. The 256-bit key is the custody's MAC of
 * a fixed label, so it needs no file of its own, is the same after a restart, and is lost with the custody.
 */
export interface TokenIssuer {
  issue(claims: StaffClaims): Promise<IssuedToken>;
  /** For `patientLifetimeMs`, and for the keys of that epoch; whether they are replaced is for the caller to look up. */
  issueToPatient(claims: PatientClaims): Promise<IssuedToken>;
  /**
   * @throws CareLedgerError TOKEN_INVALID, TOKEN_EXPIRED; TOKEN_WRONG_HOSPITAL for a token that another member issued.
   */
  verify(token: string): Promise<TokenClaims>;
}

export interface TokenIssuerOptions {
  readonly mspId: string;
  /** At most eight hours. */
  readonly lifetimeMs: number;
  /** Default a quarter of an hour. */
  readonly patientLifetimeMs?: number;
  readonly now?: () => Date;
}

export const MAX_TOKEN_LIFETIME_MS = 8 * 3_600_000;
const PATIENT_TOKEN_LIFETIME_MS = 15 * 60_000;
const ROLE_CLAIM = 'role';
const KEY_EPOCH_CLAIM = 'keyEpoch';
const CLOCK_TOLERANCE_SECONDS = 5;

export async function createTokenIssuer(
  options: TokenIssuerOptions,
  modules: { readonly custody: KeyCustody; readonly isMember: (mspId: string) => boolean },
): Promise<TokenIssuer> {
  const { mspId, now = () => new Date() } = options;
  const lifetimeMs = Math.min(options.lifetimeMs, MAX_TOKEN_LIFETIME_MS);
  const key = await signingKey(modules.custody, mspId);
  const patients = `${mspId}/patients`;
  const sign = async (
    subject: string,
    audience: string,
    {
      claims,
      lifetime,
    }: { readonly claims: Readonly<Record<string, string | number>>; readonly lifetime: number },
  ): Promise<IssuedToken> => {
    const issuedAtSeconds = Math.floor(now().getTime() / 1000);
    const expiresAtSeconds = issuedAtSeconds + Math.floor(lifetime / 1000);
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuer(mspId)
      .setAudience(audience)
      .setSubject(subject)
      .setIssuedAt(issuedAtSeconds)
      .setExpirationTime(expiresAtSeconds)
      .sign(key);
    return { token, expiresAt: new Date(expiresAtSeconds * 1000).toISOString() };
  };
  return {
    issue: ({ enrolmentId, role }) =>
      sign(enrolmentId, mspId, { claims: { [ROLE_CLAIM]: role }, lifetime: lifetimeMs }),
    issueToPatient: ({ pseudonym, keyEpoch }) =>
      sign(pseudonym, patients, {
        claims: { [KEY_EPOCH_CLAIM]: keyEpoch },
        lifetime: options.patientLifetimeMs ?? PATIENT_TOKEN_LIFETIME_MS,
      }),
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: ['HS256'],
          issuer: mspId,
          audience: [mspId, patients],
          requiredClaims: ['sub', 'exp'],
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: now(),
        });
        const { sub, aud, [ROLE_CLAIM]: role, [KEY_EPOCH_CLAIM]: keyEpoch } = payload;
        if (sub !== undefined && aud === patients && typeof keyEpoch === 'number')
          return { pseudonym: sub, keyEpoch };
        if (sub === undefined || aud !== mspId || !isRole(role)) throw new CareLedgerError('TOKEN_INVALID');
        return { enrolmentId: sub, role };
      } catch (error) {
        throw describeRefusal(error, token, mspId, modules.isMember);
      }
    },
  };
}

async function signingKey(custody: KeyCustody, mspId: string): Promise<KeyObject> {
  return createSecretKey(await custody.mac('token-key/hs256/v1', Buffer.from(mspId, 'utf8')));
}

function describeRefusal(
  error: unknown,
  token: string,
  mspId: string,
  isMember: (mspId: string) => boolean,
): CareLedgerError {
  if (error instanceof CareLedgerError) return error;
  if (error instanceof errors.JWTExpired) return new CareLedgerError('TOKEN_EXPIRED');
  // Its signature cannot be checked here; the claim only chooses which refusal is the helpful one.
  const issuer = claimedIssuer(token);
  if (issuer !== undefined && issuer !== mspId && isMember(issuer)) {
    return new CareLedgerError('TOKEN_WRONG_HOSPITAL', { came: `a token of ${issuer}` });
  }
  return new CareLedgerError('TOKEN_INVALID', { cause: error });
}

function claimedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}
