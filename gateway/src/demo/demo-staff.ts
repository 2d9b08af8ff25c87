/** Demonstration staff of each hospital, one per role, and their tokens. */
import { readFileSync } from 'node:fs';
import { CareLedgerError } from '@careledger/protocol';
import { ADMIN_ENROLMENT_ID } from '../app/first-administrator.js';
import type { DemoState } from './demo-state.js';
import type { GatewayClient } from './gateway-client.js';

export const DEMO_ROLES = ['clinician', 'officer', 'researcher', 'auditor'] as const;
export type DemoRole = (typeof DEMO_ROLES)[number];

export interface DemoHospital {
  readonly client: GatewayClient;
  /** Written by the gateway at its first start. */
  readonly adminSecretFile: string;
}

export type Tokens = Readonly<Record<DemoRole, string>>;

const DEPARTMENTS: Partial<Record<DemoRole, string>> = { clinician: 'cardiology' };

export function enrolmentIdOf(hospital: string, role: DemoRole): string {
  return `${role}-${hospital}`;
}

/** The id under which the demonstration knows somebody's secret, or would enrol them. */
export function knownIdOf({ facts }: DemoState, hospital: string, role: DemoRole): string {
  const first = enrolmentIdOf(hospital, role);
  return candidates(first).find((id) => facts.staffSecrets[id] !== undefined) ?? first;
}

/** Tokens that are good for hours yet, or new ones: all roles at once, each costs a tenth of a second elsewhere. */
export async function signInStaff(hospital: DemoHospital, state: DemoState): Promise<Tokens> {
  const { client } = hospital;
  const { staffSecrets, tokens } = state.facts;
  const idOf = (role: DemoRole): string => knownIdOf(state, client.hospital.id, role);
  const unknown = DEMO_ROLES.filter((role) => staffSecrets[idOf(role)] === undefined);
  if (unknown.length > 0) await enrolAll(hospital, state, unknown);
  const ids = DEMO_ROLES.map(idOf);
  if (!ids.every((id) => isFresh(tokens[id])) || !(await isTaken(client, tokens[idOf('officer')]))) {
    await Promise.all(
      ids.map(async (id) => {
        tokens[id] = await tokenFor(client, id, staffSecrets[id] ?? '');
      }),
    );
    state.save();
  }
  return Object.fromEntries(DEMO_ROLES.map((role) => [role, tokens[idOf(role)] ?? ''])) as Tokens;
}

const LEAST_LEFT_MS = 4 * 3_600_000;

function isFresh(token: string | undefined): boolean {
  const [, claims = ''] = (token ?? '').split('.');
  if (claims === '') return false;
  const { exp = 0 } = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8')) as { exp?: number };
  return exp * 1000 - Date.now() > LEAST_LEFT_MS;
}

async function isTaken(client: GatewayClient, token: string | undefined): Promise<boolean> {
  try {
    await client.get('/v1/members', token);
    return true;
  } catch {
    return false;
  }
}

async function enrolAll(
  { client, adminSecretFile }: DemoHospital,
  state: DemoState,
  roles: readonly DemoRole[],
): Promise<void> {
  const adminSecret = readFileSync(adminSecretFile, 'utf8').trim();
  const adminToken = await tokenFor(client, ADMIN_ENROLMENT_ID, adminSecret);
  for (const role of roles) {
    const { enrolmentId, secret } = await createStaff(client, adminToken, role);
    state.facts.staffSecrets[enrolmentId] = secret;
    state.save();
  }
}

const MAX_CANDIDATES = 20;

/** `clinician-h2`, then `clinician-h2-2` and so on. */
function candidates(first: string): string[] {
  return Array.from({ length: MAX_CANDIDATES }, (_, index) =>
    index === 0 ? first : `${first}-${index + 1}`,
  );
}

/**
 * A load that was killed between the enrolment and the saving of the secret has lost a secret that nobody can show
 * again: the next id is somebody new.
 */
async function createStaff(
  client: GatewayClient,
  adminToken: string,
  role: DemoRole,
): Promise<{ enrolmentId: string; secret: string }> {
  const department = DEPARTMENTS[role];
  for (const enrolmentId of candidates(enrolmentIdOf(client.hospital.id, role))) {
    const body = { enrolmentId, role, ...(department === undefined ? {} : { department }) };
    try {
      const { secret } = (await client.post('/v1/staff', body, { token: adminToken })) as { secret: string };
      return { enrolmentId, secret };
    } catch (error) {
      if (!(error instanceof CareLedgerError) || error.code !== 'ALREADY_EXISTS') throw error;
    }
  }
  throw new CareLedgerError('ALREADY_EXISTS', {
    came: `every id like ${enrolmentIdOf(client.hospital.id, role)}`,
  });
}

async function tokenFor(client: GatewayClient, enrolmentId: string, secret: string): Promise<string> {
  const { token } = (await client.post('/v1/token', { enrolmentId, secret })) as { token?: string };
  if (token === undefined) throw new CareLedgerError('TOKEN_INVALID', { came: 'a sign-in without a token' });
  return token;
}
