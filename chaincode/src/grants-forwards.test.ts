import { expect } from 'chai';
import type { Notice, Page, PatientGrant } from '@careledger/protocol';
import { ALPHA, BRAVO, CHARLIE, DELTA, enrolled, id, staff } from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed, type Rejection } from './testing/rejections.js';
import {
  GRANTEES,
  acknowledged,
  bookOf,
  clinicianOf,
  sharingHospitals,
  sharingPatient,
  signerOf,
  type EdgePlan,
  type SharingPatient,
} from './testing/sharing.js';

const relay = staff(DELTA, 'gateway');
const bravo = clinicianOf(BRAVO);
const charlie = clinicianOf(CHARLIE);
const toBravo = (maxHops: number): EdgePlan => ({ grantee: GRANTEES.bravo, maxHops });
const toCharlie = (maxHops = 0): EdgePlan => ({ grantee: GRANTEES.charlie, maxHops });
const toDelta: EdgePlan = { grantee: GRANTEES.delta };

describe('grants handed on', () => {
  let ledger: MemoryLedger;
  let patient: SharingPatient;
  beforeEach(async () => {
    ledger = await sharingHospitals();
    patient = await sharingPatient(ledger);
  });

  const get = async (grantId: string) => {
    const query = { pseudonym: patient.pseudonym, grantId };
    return (await ledger.evaluate(relay, 'grants:Get', query)) as PatientGrant;
  };
  const statusesOf = async (...grants: PatientGrant[]) =>
    Promise.all(grants.map(async ({ grantId }) => (await get(grantId)).status));
  const tags = () => bookOf(ledger, patient.pseudonym).tags;
  const RAISED = { 'laboratory/normal': { epoch: 1, sharable: true } };

  it('go from hospital to hospital without the patient, hop by hop', async () => {
    const root = await patient.grantByEdge(toBravo(2));
    const first = await patient.forward(root, toCharlie(1));
    const second = await patient.forward(first, toDelta);
    expect(second.basis).to.deep.equal({ parentId: first.grantId, by: charlie });
    const { links } = await patient.chain(second.grantId);
    expect(links.map(({ grant }) => grant.grantId)).to.deep.equal(
      [root, first, second].map(({ grantId }) => grantId),
    );
    await expectRejections(ledger, 'grants:Forward', [
      {
        why: 'beyond the hop limit',
        code: 'HOPS_EXHAUSTED',
        caller: clinicianOf(DELTA),
        argument: await patient.forwardRequest(second, { grantee: GRANTEES.bravoDoctor }),
      },
    ]);
  });

  it('are refused to whoever may not, and beyond what was granted', async () => {
    const terms = { condition: { recordIds: [`${id()}.0`] }, receiptDueWithinMs: 60_000 };
    const root = await patient.grantByEdge(toBravo(2), terms);
    const request = async (changes: object = {}, plan = toCharlie()) =>
      patient.forwardRequest(root, plan, { ...terms, ...changes });
    const argument = await request();
    const refused = async (why: string, code: Rejection['code'], changes: object, plan?: EdgePlan) => ({
      why,
      code,
      caller: bravo,
      argument: await request(changes, plan),
    });
    const exceeds = 'FORWARD_EXCEEDS_GRANT';
    await expectRejections(ledger, 'grants:Forward', [
      ...malformed(bravo, argument),
      { why: 'another hospital', code: 'NOT_OWNER', caller: charlie, argument },
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: clinicianOf('EchoMSP'), argument },
      await refused('an unknown parent', 'GRANT_NOT_FOUND', { parentId: id() }),
      await refused('an unknown patient', 'PATIENT_NOT_FOUND', { pseudonym: id() }),
      await refused('as many hops as its parent', 'HOPS_EXHAUSTED', {}, toCharlie(2)),
      await refused('another type', exceeds, { recordTypes: ['laboratory', 'imaging'] }),
      await refused('another purpose', exceeds, { purposes: ['research'] }),
      await refused('longer', exceeds, { notAfter: '2027-12-01T00:00:00.000Z' }),
      await refused('more records', exceeds, { condition: undefined }),
      await refused('a later receipt', exceeds, { receiptDueWithinMs: 60_001 }),
      await refused('back to itself', exceeds, {}, { grantee: GRANTEES.bravo }),
      await refused('an inactive grantee', 'MEMBER_NOT_ACTIVE', {
        grantee: { kind: 'member', mspId: 'EchoMSP' },
      }),
      await refused('the parent’s own id', 'ALREADY_EXISTS', { grantId: root.grantId }),
      await refused(
        'another parent in the statement',
        'EDGE_INVALID',
        {},
        { ...toCharlie(), statement: { parent: 'ab'.repeat(32) } },
      ),
      await refused(
        'another tag in the statement',
        'EDGE_INVALID',
        {},
        { ...toCharlie(), statement: { typeLabel: 'ab'.repeat(32) } },
      ),
      await refused(
        'an allowance of its own',
        'EDGE_INVALID',
        {},
        { ...toCharlie(), statement: { allowsRecoverable: true } },
      ),
      await refused(
        'a stranger’s signature',
        'EDGE_INVALID',
        {},
        { ...toCharlie(), signer: signerOf('member/DeltaMSP') },
      ),
      await refused('acknowledgements of nobody', 'EDGE_NOT_ACKNOWLEDGED', { acks: [] }),
    ]);
    const gateway = {
      why: 'a gateway in nobody’s name',
      code: 'ROLE_NOT_ALLOWED',
      caller: staff(BRAVO, 'gateway'),
      argument,
    } as const;
    await expectRejections(ledger, 'grants:Forward', [gateway]);
    await ledger.submit(bravo, 'grants:Forward', argument);
    await expectRejections(ledger, 'grants:Forward', [
      { why: 'a replay', code: 'ALREADY_EXISTS', caller: bravo, argument },
    ]);
  });

  it('are the named person’s and the named role’s to hand on, not their hospital’s', async () => {
    const toDoctor = await patient.grantByEdge({ grantee: GRANTEES.bravoDoctor, maxHops: 1 });
    const toRole = await patient.grantByEdge({ grantee: GRANTEES.bravoClinicians, maxHops: 1 });
    const other = staff(BRAVO, 'clinician', 'dr-2');
    const officer = staff(BRAVO, 'officer', 'o-1');
    const forPerson = await patient.forwardRequest(toDoctor, toCharlie());
    const forRole = await patient.forwardRequest(toRole, toCharlie());
    await expectRejections(ledger, 'grants:Forward', [
      { why: 'a colleague', code: 'NOT_OWNER', caller: other, argument: forPerson },
      { why: 'another role', code: 'NOT_OWNER', caller: officer, argument: forRole },
    ]);
    await ledger.submit(bravo, 'grants:Forward', forPerson);
    await ledger.submit(other, 'grants:Forward', forRole);
  });

  it('do not go in a circle', async () => {
    const root = await patient.grantByEdge(toBravo(2));
    const first = await patient.forward(root, toCharlie(1));
    const argument = await patient.forwardRequest(first, { grantee: GRANTEES.bravo });
    await expectRejections(ledger, 'grants:Forward', [
      { why: 'back to the first hospital', code: 'FORWARD_EXCEEDS_GRANT', caller: charlie, argument },
    ]);
  });

  it('are not handed on once they, or what is above, have ended or wait for new edges', async () => {
    const root = await patient.grantByEdge(toBravo(2), { notAfter: '2026-12-01T00:00:00.000Z' });
    const other = await patient.grantByEdge(toBravo(1));
    const expired = await patient.forwardRequest(root, toCharlie(), { notAfter: '2026-11-30T00:00:00.000Z' });
    const stale = await patient.forwardRequest(other, toCharlie());
    const closed = { why: 'a closed tag', code: 'TAG_CLOSED', caller: bravo } as const;
    await patient.setSharing('laboratory', false);
    await expectRejections(ledger, 'grants:Forward', [{ ...closed, argument: stale }]);
    await patient.setSharing('laboratory', true);
    await expectRejections(ledger, 'grants:Forward', [
      { ...closed, why: 'a stale edge', code: 'EPOCH_STALE', argument: stale },
      {
        ...closed,
        why: 'a stale parent',
        code: 'EPOCH_STALE',
        argument: await patient.forwardRequest(other, toCharlie()),
      },
    ]);
    ledger.setTime('2026-12-01T00:00:00.001Z');
    await expectRejections(ledger, 'grants:Forward', [
      { ...closed, why: 'a past period', code: 'SCHEMA_VIOLATION', argument: expired },
      {
        ...closed,
        why: 'an expired parent',
        code: 'TRANSITION_NOT_ALLOWED',
        argument: { ...expired, notAfter: '2026-12-02T00:00:00.000Z' },
      },
    ]);
    await patient.revoke(other.grantId);
    await expectRejections(ledger, 'grants:Forward', [
      { ...closed, why: 'a revoked parent', code: 'GRANT_NOT_FOUND', argument: stale },
    ]);
  });

  it('end with the grant they stand on, and the epoch of their tags is raised', async () => {
    const root = await patient.grantByEdge(toBravo(2));
    const beside = await patient.grantByEdge({ grantee: GRANTEES.delta });
    const first = await patient.forward(root, toCharlie(1));
    const second = await patient.forward(first, toDelta);
    await patient.revoke(root.grantId);
    expect(await statusesOf(root, first, second, beside)).to.deep.equal([
      'revoked',
      'ended',
      'ended',
      'active',
    ]);
    expect(tags()).to.deep.equal(RAISED);
  });

  it('end alone when the patient revokes them, and when their time is over', async () => {
    const root = await patient.grantByEdge(toBravo(2));
    const first = await patient.forward(root, toCharlie(1));
    const second = await patient.forward(first, toDelta);
    await patient.revoke(first.grantId);
    expect(await statusesOf(root, first, second)).to.deep.equal(['active', 'revoked', 'ended']);
    ledger.setTime('2027-11-01T00:00:00.001Z');
    await ledger.submit(relay, 'grants:Sweep', { pseudonym: patient.pseudonym });
    expect(await statusesOf(root)).to.deep.equal(['expired']);
    expect(tags()).to.deep.equal({ 'laboratory/normal': { epoch: 2, sharable: true } });
  });

  it('are ended by the hospital that made them, and by no other', async () => {
    const root = await patient.grantByEdge(toBravo(2));
    const first = await patient.forward(root, toCharlie(1));
    const second = await patient.forward(first, toDelta);
    const argument = { pseudonym: patient.pseudonym, grantId: first.grantId };
    const refused = (why: string, code: Rejection['code'], changes: object, caller = bravo) => ({
      why,
      code,
      caller,
      argument: { ...argument, ...changes },
    });
    await expectRejections(ledger, 'grants:EndForward', [
      ...malformed(bravo, argument),
      refused('its grantee', 'NOT_OWNER', {}, charlie),
      refused('a gateway', 'ROLE_NOT_ALLOWED', {}, staff(BRAVO, 'gateway')),
      refused('no member', 'MEMBER_NOT_ACTIVE', {}, clinicianOf('EchoMSP')),
      refused('the patient’s own grant', 'NOT_OWNER', { grantId: root.grantId }),
      refused('an unknown grant', 'GRANT_NOT_FOUND', { grantId: id() }),
    ]);
    await ledger.submit(staff(BRAVO, 'officer'), 'grants:EndForward', argument);
    expect(await statusesOf(root, first, second)).to.deep.equal(['active', 'ended', 'ended']);
    expect(tags()).to.deep.equal(RAISED);
    await expectRejections(ledger, 'grants:EndForward', [
      refused('an ended one', 'TRANSITION_NOT_ALLOWED', {}),
    ]);
  });

  it('live on with new edges, first the patient’s, then the hospital’s', async () => {
    const root = await patient.grantByEdge(toBravo(1));
    const first = await patient.forward(root, toCharlie());
    const present = {
      why: 'an edge of the present epoch',
      code: 'TRANSITION_NOT_ALLOWED',
      caller: relay,
    } as const;
    await expectRejections(ledger, 'grants:Renew', [
      { ...present, argument: patient.renewRequest(root, toBravo(1)) },
    ]);
    await patient.revoke((await patient.grantByEdge(toDelta)).grantId);
    const renewal = patient.renewRequest(root, toBravo(1));
    const refused = (why: string, code: Rejection['code'], argument: object) => ({
      why,
      code,
      caller: relay,
      argument,
    });
    const other = await enrolled(ledger, ALPHA);
    await expectRejections(ledger, 'grants:Renew', [
      ...malformed(relay, renewal),
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'gateway'), argument: renewal },
      refused('another patient’s key', 'SIGNATURE_INVALID', {
        ...other.sign('grants:Renew', renewal.arguments),
        acks: renewal.acks,
      }),
      refused('a grant of a hospital', 'TRANSITION_NOT_ALLOWED', patient.renewRequest(first, toCharlie())),
      refused(
        'another tag',
        'EDGE_INVALID',
        patient.renewRequest(root, { ...toBravo(1), recordType: 'imaging' }),
      ),
      refused('another grantee', 'EDGE_INVALID', patient.renewRequest(root, { ...toCharlie(), maxHops: 1 })),
      refused('more hops', 'EDGE_INVALID', patient.renewRequest(root, toBravo(2))),
      refused('an earlier epoch', 'EPOCH_STALE', patient.renewRequest(root, { ...toBravo(1), tagEpoch: 0 })),
      refused(
        'an unknown grant',
        'GRANT_NOT_FOUND',
        patient.renewRequest({ ...root, grantId: id() }, toBravo(1)),
      ),
      refused('nobody’s word', 'EDGE_NOT_ACKNOWLEDGED', { ...renewal, acks: [] }),
    ]);
    const onward = async () => {
      const above = (await patient.chain(root.grantId)).links[0]?.edges[0];
      if (above === undefined) throw new TypeError('a grant without edges');
      const edge = patient.edge(toCharlie(), { edge: above, grantee: root.grantee });
      return { pseudonym: patient.pseudonym, grantId: first.grantId, ...acknowledged([edge]) };
    };
    await expectRejections(ledger, 'grants:RenewForward', [
      { why: 'before its parent', code: 'EPOCH_STALE', caller: bravo, argument: await onward() },
    ]);
    const { response } = await ledger.submit(relay, 'grants:Renew', renewal);
    expect((response as PatientGrant).edges?.map(({ tagEpoch }) => tagEpoch)).to.deep.equal([1]);
    await expectRejections(ledger, 'grants:Renew', [refused('a replay', 'NONCE_REUSED', renewal)]);
    const forwardRenewal = await onward();
    await expectRejections(ledger, 'grants:RenewForward', [
      ...malformed(bravo, forwardRenewal),
      { why: 'another hospital', code: 'NOT_OWNER', caller: charlie, argument: forwardRenewal },
      {
        why: 'the patient’s own',
        code: 'TRANSITION_NOT_ALLOWED',
        caller: bravo,
        argument: { ...forwardRenewal, grantId: root.grantId },
      },
    ]);
    await ledger.submit(bravo, 'grants:RenewForward', forwardRenewal);
    const chain = await patient.chain(first.grantId);
    expect(chain.links.map(({ edges }) => edges[0]?.tagEpoch)).to.deep.equal([1, 1]);
    await expectRejections(ledger, 'grants:RenewForward', [
      { why: 'a replay', code: 'TRANSITION_NOT_ALLOWED', caller: bravo, argument: forwardRenewal },
    ]);
    const { pseudonym } = patient;
    const told = (await ledger.evaluate(relay, 'emergencies:Notices', { pseudonym })) as Page<Notice>;
    const steps = told.items.map(({ kind, caseId, status, mspId = 'patient' }) =>
      [kind, caseId, status, mspId].join(' '),
    );
    expect(steps).to.deep.equal([
      `renewal ${root.grantId} renewed patient`,
      `renewal ${first.grantId} renewed ${BRAVO}`,
    ]);
  });
});

describe('tags closed to sharing', () => {
  let ledger: MemoryLedger;
  let patient: SharingPatient;
  beforeEach(async () => {
    ledger = await sharingHospitals();
    patient = await sharingPatient(ledger);
  });

  it('are raised when they are closed, and stay raised when they open again', async () => {
    await patient.setSharing('laboratory', false);
    const closed = { tags: { 'laboratory/normal': { epoch: 1, sharable: false } } };
    expect(await patient.sharing).to.deep.include({ identityEpoch: 0, ...closed });
    const argument = patient.grantRequest({ grantee: GRANTEES.bravo });
    await expectRejections(ledger, 'grants:Grant', [
      { why: 'a closed tag', code: 'TAG_CLOSED', caller: relay, argument },
    ]);
    await patient.setSharing('laboratory', true);
    expect(await patient.sharing).to.deep.include({
      tags: { 'laboratory/normal': { epoch: 1, sharable: true } },
    });
  });

  it('are the patient’s alone to close', async () => {
    const args = {
      pseudonym: patient.pseudonym,
      recordType: 'laboratory',
      sensitivity: 'normal',
      sharable: false,
    };
    const argument = patient.sign('grants:SetSharing', args);
    const other = await enrolled(ledger, ALPHA);
    const opened = patient.sign('grants:SetSharing', { ...args, sharable: true });
    const refused = (why: string, code: Rejection['code'], changed: object) => ({
      why,
      code,
      caller: relay,
      argument: changed,
    });
    await expectRejections(ledger, 'grants:SetSharing', [
      ...malformed(relay, argument),
      { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'gateway'), argument },
      refused('another’s key', 'SIGNATURE_INVALID', other.sign('grants:SetSharing', args)),
      refused('an open tag opened', 'TRANSITION_NOT_ALLOWED', opened),
      refused(
        'a patient without an identity',
        'TRANSITION_NOT_ALLOWED',
        other.sign('grants:SetSharing', { ...args, pseudonym: other.pseudonym }),
      ),
    ]);
    await ledger.submit(relay, 'grants:SetSharing', argument);
    await expectRejections(ledger, 'grants:SetSharing', [
      refused('a replay', 'NONCE_REUSED', argument),
      refused('a closed tag closed', 'TRANSITION_NOT_ALLOWED', patient.sign('grants:SetSharing', args)),
    ]);
    const closing = patient.sign('patients:Close', { pseudonym: patient.pseudonym });
    await ledger.submit(relay, 'patients:Close', closing);
    await expectRejections(ledger, 'grants:SetSharing', [
      refused(
        'a closed patient',
        'TRANSITION_NOT_ALLOWED',
        patient.sign('grants:SetSharing', { ...args, sharable: true }),
      ),
    ]);
    expect((await ledger.refusal(relay, 'grants:GetSharing', { pseudonym: id() })).code).to.equal(
      'PATIENT_NOT_FOUND',
    );
  });
});
