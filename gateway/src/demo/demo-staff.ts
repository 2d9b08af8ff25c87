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

export async function signInStaff(hospital: DemoHospital, state: DemoState): Promise<Tokens> {
  const tokens: Partial<Record<DemoRole, string>> = {};
  for (const role of DEMO_ROLES) tokens[role] = await signInRole(hospital, state, role);
  return tokens as Tokens;
}

async function signInRole(
  { client, adminSecretFile }: DemoHospital,
  state: DemoState,
  role: DemoRole,
): Promise<string> {
  const enrolmentId = enrolmentIdOf(client.hospital.id, role);
  if (state.facts.staffSecrets[enrolmentId] === undefined) {
    const adminToken = await tokenFor(
      client,
      ADMIN_ENROLMENT_ID,
      readFileSync(adminSecretFile, 'utf8').trim(),
    );
    state.facts.staffSecrets[enrolmentId] = await createStaff(client, adminToken, enrolmentId, role);
    state.save();
  }
  return tokenFor(client, enrolmentId, state.facts.staffSecrets[enrolmentId] ?? '');
}

async function createStaff(
  client: GatewayClient,
  adminToken: string,
  enrolmentId: string,
  role: DemoRole,
): Promise<string> {
  const department = DEPARTMENTS[role];
  const body = { enrolmentId, role, ...(department === undefined ? {} : { department }) };
  const { secret } = (await client.post('/v1/staff', body, { token: adminToken })) as { secret: string };
  return secret;
}

async function tokenFor(client: GatewayClient, enrolmentId: string, secret: string): Promise<string> {
  const { token } = (await client.post('/v1/token', { enrolmentId, secret })) as { token?: string };
  if (token === undefined) throw new CareLedgerError('TOKEN_INVALID', { came: 'a sign-in without a token' });
  return token;
}
