import type { FastifyRequest } from 'fastify';
import { CareLedgerError, type PatientGrant, type Recovery } from '@careledger/protocol';
import type { StaffCaller } from '../services/caller.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { Readers } from './context.js';
import { callerOf } from './request.js';

type Contracts = Pick<ContractCaller, 'evaluate'>;

interface Reading {
  readonly caller: StaffCaller;
  /** The pseudonym that the request names; for instructions it may be an MSP id. */
  readonly owner: string;
}

const PSEUDONYM = /^[0-9a-f]{32}$/;

/**
 * Runs when path and query are parsed: facts about a patient are for those who have to do with the patient. The ledger
 * cannot refuse them, because every member's peer has them; the gateway does for its staff.
 */
export function assertReader(contracts: Contracts) {
  return async (request: FastifyRequest): Promise<void> => {
    const { access } = request.routeOptions.config;
    if (typeof access !== 'object' || access.readers === undefined || request.patient !== undefined) return;
    const caller = callerOf(request);
    if (caller.role === 'auditor') return;
    const reading = { caller, owner: ownerIn(request) };
    if (await ADMITS[access.readers](contracts, reading)) return;
    if (access.readers === 'granted' && (await holdsAny(contracts, reading))) {
      request.grantsOf = caller.mspId;
      return;
    }
    throw notTheirs();
  };
}

/** Of a patient's grants a hospital that the patient is not enrolled at sees those that it holds or forwarded. */
export function seesGrant(
  { grantsOf }: Pick<FastifyRequest, 'grantsOf'>,
  grant: Pick<PatientGrant, 'grantee' | 'basis'>,
): boolean {
  return grantsOf === undefined || isHeldBy(grantsOf, grant);
}

/** @throws CareLedgerError NOT_OWNER */
export function assertSeesGrant(
  request: Pick<FastifyRequest, 'grantsOf'>,
  grant: Pick<PatientGrant, 'grantee' | 'basis'> | undefined,
): void {
  if (grant === undefined || !seesGrant(request, grant)) throw notTheirs();
}

const ADMITS: Readonly<Record<Readers, (contracts: Contracts, reading: Reading) => Promise<boolean>>> = {
  enrolled: isEnrolledHere,
  granted: isEnrolledHere,
  deciding: async (contracts, { caller, owner }) =>
    decides(
      caller.mspId,
      await contracts.evaluate(caller.identity, 'identities', 'GetRecovery', { pseudonym: owner }),
    ),
};

async function isEnrolledHere(contracts: Contracts, { caller, owner }: Reading): Promise<boolean> {
  if (owner === caller.mspId) return true;
  if (!PSEUDONYM.test(owner)) return false;
  const { mspId } = await contracts.evaluate(caller.identity, 'grants', 'GetSharing', { pseudonym: owner });
  return mspId === caller.mspId;
}

async function holdsAny(contracts: Contracts, { caller, owner }: Reading): Promise<boolean> {
  const argument = { pseudonym: owner, ended: false };
  const { items } = await contracts.evaluate(caller.identity, 'grants', 'List', argument);
  return items.some((grant) => isHeldBy(caller.mspId, grant));
}

function isHeldBy(hospital: string, { grantee, basis }: Pick<PatientGrant, 'grantee' | 'basis'>): boolean {
  if (grantee.mspId === hospital) return true;
  return typeof basis === 'object' && 'by' in basis && basis.by.mspId === hospital;
}

function decides(hospital: string, { mspId, openedBy, approvals, status }: Recovery): boolean {
  if (status === 'opened' || status === 'approved') return true;
  return [mspId, openedBy.mspId, ...approvals.map((approval) => approval.mspId)].includes(hospital);
}

function ownerIn({ params, query }: FastifyRequest): string {
  const named = { ...(query as object), ...(params as object) } as Readonly<Record<string, unknown>>;
  const owner = named['pseudonym'] ?? named['owner'];
  if (typeof owner === 'string') return owner;
  throw new TypeError('a route with readers that names no patient');
}

function notTheirs(): CareLedgerError {
  return new CareLedgerError('NOT_OWNER', {
    expected: 'staff who have to do with the patient, or an auditor',
  });
}
