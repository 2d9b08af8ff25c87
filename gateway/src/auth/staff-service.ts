import { CareLedgerError, type Caller, type Role } from '@careledger/protocol';
import type { IdentityAuthority } from '../ports/identity-authority.js';
import type { KeyCustody } from '../ports/key-custody.js';
import type { StaffCaller } from '../services/caller.js';
import type { LocalTable } from '../services/local-tables.js';
import { callerOf } from './certificate.js';
import { hashSecret, isSecret, makeSecret, type SecretHash } from './secrets.js';
import type { SignInAttempts } from './sign-in-attempts.js';
import type { IssuedToken, StaffClaims, TokenIssuer } from './token-issuer.js';

/** A member of staff, without anything secret. */
export interface Staff {
  readonly enrolmentId: string;
  readonly role: Role;
  readonly department?: string;
}

/** Row of the `staff` table. */
export interface StaffRow extends Staff {
  readonly secret: SecretHash;
}

export interface StaffService {
  /**
   * Makes the key in the custody, has the hospital's authority certify it, and returns the secret for signing in,
   * which is not kept and cannot be shown again.
   * @throws CareLedgerError ALREADY_EXISTS, LEDGER_UNAVAILABLE when the authority does not answer.
   */
  enrol(
    staff: Staff,
    /** Told of the secret before the person is in the table. */
    deliver?: (secret: string) => Promise<void>,
  ): Promise<Staff & { readonly secret: string }>;
  list(): Promise<Staff[]>;
  has(enrolmentId: string): Promise<boolean>;
  /** @throws CareLedgerError TOKEN_INVALID, RATE_LIMITED */
  signIn(credentials: { readonly enrolmentId: string; readonly secret: string }): Promise<IssuedToken>;
  /**
   * The person behind a verified token, with the key that signs for them.
   * @throws CareLedgerError CALLER_UNKNOWN, TOKEN_INVALID when token and certificate do not name the same role.
   */
  callerFor(claims: StaffClaims): Promise<StaffCaller>;
}

export interface StaffModules {
  readonly custody: KeyCustody;
  readonly authority: IdentityAuthority;
  readonly table: LocalTable<StaffRow>;
  readonly tokens: TokenIssuer;
  readonly attempts: SignInAttempts;
}

export function createStaffService(
  /** The gateway's own identity, whose key must not be replaced by enrolling staff under its id. */
  options: { readonly serviceEnrolmentId: string },
  modules: StaffModules,
): StaffService {
  const { custody, authority, table, tokens, attempts } = modules;
  const readCertificate = rememberCertificates();
  return {
    async enrol({ enrolmentId, role, department }, deliver) {
      const isTaken =
        enrolmentId === options.serviceEnrolmentId || (await table.get(enrolmentId)) !== undefined;
      if (isTaken) throw new CareLedgerError('ALREADY_EXISTS');
      const attributes = { enrolmentId, role, ...(department === undefined ? {} : { department }) };
      const { csrPem } = await custody.createSigningKey(enrolmentId);
      await custody.storeCertificate(enrolmentId, await authority.enrol({ ...attributes, csrPem }));
      const secret = makeSecret();
      await deliver?.(secret);
      await table.put(enrolmentId, { ...attributes, secret: await hashSecret(secret) });
      return { ...attributes, secret };
    },

    async list() {
      const staff: Staff[] = [];
      for await (const [, row] of table.entries()) {
        const { enrolmentId, role, department } = row;
        staff.push({ enrolmentId, role, ...(department === undefined ? {} : { department }) });
      }
      return staff;
    },

    async has(enrolmentId) {
      return (await table.get(enrolmentId)) !== undefined;
    },

    async signIn({ enrolmentId, secret }) {
      attempts.begin(enrolmentId);
      const row = await table.get(enrolmentId);
      if (!(await isSecret(secret, row?.secret)) || row === undefined) {
        throw new CareLedgerError('TOKEN_INVALID', { message: 'Enrolment id or secret is wrong.' });
      }
      attempts.succeeded(enrolmentId);
      return tokens.issue({ enrolmentId, role: row.role });
    },

    async callerFor({ enrolmentId, role }) {
      const identity = await signingIdentityOf(custody, enrolmentId);
      const caller = readCertificate(identity);
      if (caller.enrolmentId !== enrolmentId) throw new CareLedgerError('CALLER_UNKNOWN');
      if (caller.role !== role)
        throw new CareLedgerError('TOKEN_INVALID', { came: 'a role unlike the certificate’s' });
      return { ...caller, identity };
    },
  };
}

async function signingIdentityOf(
  custody: KeyCustody,
  enrolmentId: string,
): ReturnType<KeyCustody['signingIdentity']> {
  try {
    return await custody.signingIdentity(enrolmentId);
  } catch (cause) {
    if (cause instanceof CareLedgerError && cause.code === 'STAFF_NOT_FOUND') {
      throw new CareLedgerError('CALLER_UNKNOWN', { cause });
    }
    throw cause;
  }
}

const REMEMBERED_CERTIFICATES = 1000;

/** Parsing takes longer than everything else in a request's authentication. */
function rememberCertificates(): typeof callerOf {
  const known = new Map<string, Caller>();
  return (identity) => {
    const caller = known.get(identity.certificate) ?? callerOf(identity);
    if (known.size >= REMEMBERED_CERTIFICATES) known.clear();
    known.set(identity.certificate, caller);
    return caller;
  };
}
