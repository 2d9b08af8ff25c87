import {
  CareLedgerError,
  parentOf,
  type AccessWithReceipt,
  type CustodyConsent,
  type ErrorCode,
  type Notice,
  type PatientGrant,
  type PatientInstruction,
  type Recovery,
  type SharingState,
} from '@careledger/protocol';
import type { StaffCaller } from './caller.js';
import type { ContractCaller } from './contract-caller.js';

/** A grant with what was forwarded under it. */
export interface GrantNode {
  readonly grant: PatientGrant;
  readonly forwards: GrantNode[];
}

/** Everything that was done in a patient's name or with the patient's records, as one page. */
export interface PatientLog {
  readonly sharing: SharingState;
  /** Live grants, all of them, and a page of those that ended. A forward whose parent is on another page stands at the top. */
  readonly grants: GrantNode[];
  /** Openings and denials with their receipts; decisions about other patients' records are left out. */
  readonly accesses: AccessWithReceipt[];
  /** Active ones, all of them, on the first page, and a page of those that were retired. */
  readonly instructions: PatientInstruction[];
  /** That a hospital may keep the patient's key. */
  readonly consent?: CustodyConsent;
  /** The latest replacement of a lost key. */
  readonly recovery?: Recovery;
  /** Steps of emergencies, of recoveries, and of cases that link the pseudonym: what the patient is told without asking. */
  readonly notices: Notice[];
  /** Where the listings go on; absent members are at their end. */
  readonly next?: LogBookmarks;
}

interface LogBookmarks {
  readonly accesses?: string;
  readonly ended?: string;
  readonly notices?: string;
  readonly instructions?: string;
}

export interface PatientLogQuery {
  readonly pseudonym: string;
  readonly from?: string;
  readonly to?: string;
  readonly pageSize?: number;
  readonly accessesAfter?: string;
  readonly endedAfter?: string;
  readonly noticesAfter?: string;
  readonly instructionsAfter?: string;
}

export interface PatientLogService {
  /**
   * For the patient (asked by the gateway), an auditor, and the office of the hospital at which the patient is enrolled.
   * @throws CareLedgerError PATIENT_NOT_FOUND, NOT_OWNER
   */
  read(caller: StaffCaller, query: PatientLogQuery): Promise<PatientLog>;
}

export function createPatientLog({
  contracts,
}: {
  readonly contracts: Pick<ContractCaller, 'evaluate'>;
}): PatientLogService {
  return {
    async read(caller, query) {
      const { identity } = caller;
      const { pseudonym, accessesAfter, endedAfter, noticesAfter, instructionsAfter, ...page } = query;
      const sharing = await contracts.evaluate(identity, 'grants', 'GetSharing', { pseudonym });
      assertMayRead(caller, sharing);
      const size = page.pageSize === undefined ? {} : { pageSize: page.pageSize };
      const [accesses, live, ended, instructions, consent, recovery, notices] = await Promise.all([
        contracts.evaluate(identity, 'access', 'List', {
          ...{ by: 'patient', value: pseudonym },
          ...page,
          ...bookmark(accessesAfter),
        }),
        contracts.evaluate(identity, 'grants', 'List', { pseudonym, ended: false }),
        contracts.evaluate(identity, 'grants', 'List', {
          ...{ pseudonym, ended: true },
          ...size,
          ...bookmark(endedAfter),
        }),
        contracts.evaluate(identity, 'instructions', 'List', {
          owner: pseudonym,
          ...size,
          ...bookmark(instructionsAfter),
        }),
        contracts
          .evaluate(identity, 'identities', 'GetConsent', { pseudonym })
          .catch(none('CONSENT_NOT_FOUND')),
        contracts
          .evaluate(identity, 'identities', 'GetRecovery', { pseudonym })
          .catch(none('RECOVERY_NOT_FOUND')),
        contracts.evaluate(identity, 'emergencies', 'Notices', {
          pseudonym,
          ...page,
          ...bookmark(noticesAfter),
        }),
      ]);
      const next = {
        ...(accesses.bookmark === undefined ? {} : { accesses: accesses.bookmark }),
        ...(ended.bookmark === undefined ? {} : { ended: ended.bookmark }),
        ...(notices.bookmark === undefined ? {} : { notices: notices.bookmark }),
        ...(instructions.bookmark === undefined ? {} : { instructions: instructions.bookmark }),
      };
      return {
        sharing,
        grants: asTree([...live.items, ...ended.items]),
        accesses: accesses.items.map((access) => aboutOnly(pseudonym, access)),
        instructions: instructions.items as PatientInstruction[],
        notices: notices.items,
        ...(consent === undefined ? {} : { consent }),
        ...(recovery === undefined ? {} : { recovery }),
        ...(Object.keys(next).length === 0 ? {} : { next }),
      };
    },
  };
}

function bookmark(value: string | undefined): { readonly bookmark?: string } {
  return value === undefined ? {} : { bookmark: value };
}

/** A gateway's own name is what a patient's session asks in; the route has compared the pseudonym. */
function assertMayRead({ role, mspId }: StaffCaller, sharing: SharingState): void {
  if (role === 'auditor' || sharing.mspId === mspId) return;
  throw new CareLedgerError('NOT_OWNER', { expected: `the office of ${sharing.mspId}, or an auditor` });
}

function none(code: ErrorCode): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof CareLedgerError && error.code === code) return undefined;
    throw error;
  };
}

function aboutOnly(pseudonym: string, access: AccessWithReceipt): AccessWithReceipt {
  return { ...access, decisions: access.decisions.filter((decision) => decision.pseudonym === pseudonym) };
}

function asTree(grants: readonly PatientGrant[]): GrantNode[] {
  const ids = new Set(grants.map(({ grantId }) => grantId));
  const node = (grant: PatientGrant): GrantNode => ({
    grant,
    forwards: grants.filter((other) => parentOf(other) === grant.grantId).map(node),
  });
  return grants
    .filter((grant) => {
      const parent = parentOf(grant);
      return parent === undefined || !ids.has(parent);
    })
    .map(node);
}
