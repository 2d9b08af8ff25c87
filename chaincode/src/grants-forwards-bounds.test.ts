import { LIMITS } from '@careledger/protocol';
import { BRAVO, CHARLIE } from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections } from './testing/rejections.js';
import {
  GRANTEES,
  clinicianOf,
  putIdentity,
  sharingHospitals,
  sharingPatient,
  signerOf,
  type EdgePlan,
  type SharingPatient,
} from './testing/sharing.js';

const bravo = clinicianOf(BRAVO);

describe('the bounds of grants handed on', () => {
  let ledger: MemoryLedger;
  let patient: SharingPatient;
  beforeEach(async () => {
    ledger = await sharingHospitals();
    patient = await sharingPatient(ledger);
  });

  it('are not handed on by whoever does not meet the grant’s own condition', async () => {
    const condition = { department: 'cardiology' };
    const root = await patient.grantByEdge({ grantee: GRANTEES.bravo, maxHops: 1 }, { condition });
    const argument = await patient.forwardRequest(root, { grantee: GRANTEES.charlie }, { condition });
    await expectRejections(ledger, 'grants:Forward', [
      { why: 'of another department', code: 'NOT_OWNER', caller: bravo, argument },
    ]);
    await ledger.submit({ ...bravo, ...condition }, 'grants:Forward', argument);
  });

  it('leave the patient room, however many a grantee makes', async () => {
    const root = await patient.grantByEdge({ grantee: GRANTEES.bravo, maxHops: 1 });
    const to = (index: number): EdgePlan => {
      const name = `person/${CHARLIE}/p-${String(index)}`;
      putIdentity(ledger, name, CHARLIE, signerOf(name));
      return { grantee: { kind: 'person', mspId: CHARLIE, enrolmentId: `p-${String(index)}` } };
    };
    for (let index = 0; index < LIMITS.forwardsPerGrant; index += 1) await patient.forward(root, to(index));
    const argument = await patient.forwardRequest(root, to(LIMITS.forwardsPerGrant));
    await expectRejections(ledger, 'grants:Forward', [
      { why: 'one forward too many', code: 'LIMIT_EXCEEDED', caller: bravo, argument },
    ]);
    await patient.grantByEdge({ grantee: GRANTEES.charlie });
  });
});
