import { CareLedgerError, type AccessWithReceipt, type ListAccess, type Page } from '@careledger/protocol';
import type { StaffCaller } from './caller.js';
import type { ContractCaller } from './contract-caller.js';

/**
 * Who may read which access entries here: an auditor all; officer and admin those that touch their hospital; everyone
 * else their own. A page may come back with fewer entries than asked for; its bookmark goes on all the same.
 */
export interface AuditService {
  list(caller: StaffCaller, query: ListAccess): Promise<Page<AccessWithReceipt>>;
  /** @throws CareLedgerError ACCESS_NOT_FOUND, also for an entry that the caller may not read. */
  get(caller: StaffCaller, accessId: string): Promise<AccessWithReceipt>;
}

export function createAuditService({ contracts }: { readonly contracts: ContractCaller }): AuditService {
  return {
    async list(caller, query) {
      const page = await contracts.evaluate(caller.identity, 'access', 'List', query);
      return { ...page, items: page.items.filter((entry) => maySee(caller, entry)) };
    },
    async get(caller, accessId) {
      const entry = await contracts.evaluate(caller.identity, 'access', 'Get', { accessId });
      if (!maySee(caller, entry)) throw new CareLedgerError('ACCESS_NOT_FOUND');
      return entry;
    },
  };
}

function maySee(caller: StaffCaller, { requester, decisions }: AccessWithReceipt): boolean {
  if (caller.role === 'auditor') return true;
  const isOfHospital = requester.mspId === caller.mspId;
  if (caller.role === 'officer' || caller.role === 'admin') {
    return isOfHospital || decisions.some(({ ownerMspId }) => ownerMspId === caller.mspId);
  }
  return isOfHospital && requester.enrolmentId === caller.enrolmentId;
}
