import { CareLedgerError, type AccessWithReceipt, type ListAccess, type Page } from '@careledger/protocol';
import type { StaffCaller } from './caller.js';
import type { ContractCaller } from './contract-caller.js';

/**
 * Who may read which access entries here: an auditor all; officer and admin those that touch their hospital; everyone
 * else their own. Of a foreign requester's entry an officer or admin sees the decisions about the own hospital's records,
 * not those about others' patients. A page may come back with fewer entries than asked for; its bookmark goes on all the same.
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
      return { ...page, items: page.items.flatMap((entry) => seenBy(caller, entry) ?? []) };
    },
    async get(caller, accessId) {
      const entry = await contracts.evaluate(caller.identity, 'access', 'Get', { accessId });
      const seen = seenBy(caller, entry);
      if (seen === undefined) throw new CareLedgerError('ACCESS_NOT_FOUND');
      return seen;
    },
  };
}

/** The entry, or the part of it, that the caller may read. */
function seenBy(caller: StaffCaller, entry: AccessWithReceipt): AccessWithReceipt | undefined {
  const { requester } = entry;
  if (caller.role === 'auditor') return entry;
  const isOfHospital = requester.mspId === caller.mspId;
  if (caller.role !== 'officer' && caller.role !== 'admin')
    return isOfHospital && requester.enrolmentId === caller.enrolmentId ? entry : undefined;
  if (isOfHospital) return entry;
  const decisions = entry.decisions.filter(({ ownerMspId }) => ownerMspId === caller.mspId);
  return decisions.length === 0 ? undefined : { ...entry, decisions };
}
