import { CareLedgerError, type AccessWithReceipt, type Role } from '@careledger/protocol';
import { expect } from 'chai';
import { createAuditService, type AuditService } from './audit-service.js';
import type { StaffCaller } from './caller.js';
import type { ContractCaller } from './contract-caller.js';

const decision = (ownerMspId: string, byte: string) => ({
  ...{ recordId: `${byte.repeat(16)}.0`, pseudonym: byte.repeat(16), ownerMspId, outcome: 'grant' },
});
/** Hospital 3 opened records of hospitals 1 and 2. */
const ENTRY = {
  ...{ accessId: 'f'.repeat(64), purpose: 'treatment', at: '2026-11-20T08:00:00.000Z' },
  requester: { mspId: 'Hospital3MSP', enrolmentId: 'dr-3', role: 'clinician' },
  decisions: [decision('Hospital1MSP', 'aa'), decision('Hospital2MSP', 'bb')],
} as unknown as AccessWithReceipt;

const caller = (hospital: number, role: Role, enrolmentId = 'someone'): StaffCaller =>
  ({ mspId: `Hospital${String(hospital)}MSP`, enrolmentId, role }) as unknown as StaffCaller;

describe('audit', () => {
  const evaluate = (_identity: unknown, _contract: unknown, method: string) =>
    Promise.resolve(method === 'List' ? { items: [ENTRY], bookmark: 'on' } : ENTRY);
  const audit: AuditService = createAuditService({
    contracts: { evaluate } as unknown as ContractCaller,
  });
  /** Owners in what `get` and `list`, which must agree, show of the entry. */
  const shown = async (by: StaffCaller): Promise<string[] | undefined> => {
    const { items, bookmark } = await audit.list(by, { by: 'hospital', value: by.mspId } as never);
    expect(bookmark).to.equal('on');
    const one = await audit.get(by, ENTRY.accessId).catch((error: unknown) => {
      expect((error as CareLedgerError).code).to.equal('ACCESS_NOT_FOUND');
      return undefined;
    });
    expect(items).to.deep.equal(one === undefined ? [] : [one]);
    return one?.decisions.map(({ ownerMspId }) => ownerMspId);
  };

  it('shows the whole entry to an auditor, the requester and the requester’s office', async () => {
    const both = ['Hospital1MSP', 'Hospital2MSP'];
    for (const by of [caller(1, 'auditor'), caller(3, 'officer'), caller(3, 'clinician', 'dr-3')])
      expect(await shown(by), by.role).to.deep.equal(both);
  });

  it('shows the office of an owner the decisions about its own records, no other hospital’s pseudonyms', async () => {
    for (const role of ['officer', 'admin'] as const) {
      expect(await shown(caller(1, role))).to.deep.equal(['Hospital1MSP']);
      expect(await shown(caller(2, role))).to.deep.equal(['Hospital2MSP']);
    }
  });

  it('shows nothing to another office, to a colleague, and to the owner’s clinicians', async () => {
    for (const by of [caller(4, 'officer'), caller(3, 'clinician'), caller(1, 'clinician', 'dr-3')])
      expect(await shown(by)).to.equal(undefined);
  });
});
