import { expect } from 'chai';
import { KEYS, LIMITS, type AccessDecision, type EmrRecord, type PatientGrant } from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  CID,
  DELTA,
  DIGEST,
  X25519_KEY,
  anchored,
  enrolled,
  open,
  record,
  staff,
} from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed, type Rejection } from './testing/rejections.js';
import {
  GRANTEES,
  clinicianOf,
  sharingHospitals,
  sharingPatient,
  type SharingPatient,
} from './testing/sharing.js';

const bravo = clinicianOf(BRAVO);
const charlie = clinicianOf(CHARLIE);
const gateway = staff(ALPHA, 'gateway');
const NEW_CID = `b${'d'.repeat(58)}`;

describe('openings along edges, and the records they open', () => {
  let ledger: MemoryLedger;
  let patient: SharingPatient;
  let recordId: string;
  beforeEach(async () => {
    ledger = await sharingHospitals();
    patient = await sharingPatient(ledger);
    [recordId = ''] = await anchored(ledger, ALPHA, [shared()]);
  });

  const sharing = (changes: object = {}) => ({
    ...{ headerCid: CID, handle: DIGEST, sensitivity: 'normal', tagEpoch: 0, keyEpoch: 0 },
    ...changes,
  });
  function shared(changes: object = {}, ofSharing: object = {}) {
    return record(patient.pseudonym, {
      headerVersion: 2,
      erasureLeaf: 0,
      sharing: sharing(ofSharing),
      ...changes,
    });
  }
  const decide = async (caller = bravo, ids = [recordId]): Promise<AccessDecision> => {
    const [decision] = (await open(ledger, caller, ids)).decisions;
    if (decision === undefined) throw new TypeError('no decision');
    return decision;
  };
  const get = async (id = recordId) =>
    (await ledger.evaluate(gateway, 'records:Get', { recordId: id })) as EmrRecord;
  const resealing = (ids: string[], tagEpoch: number, changes: object = {}) => ({
    batchId: recordId.split('.')[0],
    records: ids.map((id) => ({
      ...{ recordId: id, contentCid: NEW_CID, headerCid: NEW_CID, digest: 'cd'.repeat(32), sizeBytes: 9 },
      ...{ headerVersion: 2, erasureLeaf: 1 },
      sharing: sharing({ tagEpoch }),
      ...changes,
    })),
  });

  it('go by re-encryption under a grant, by the owner’s copy at the owner, by release under an instruction', async () => {
    expect(await decide()).to.include({ outcome: 'deny', reason: 'NO_GRANT' });
    const grant = await patient.grantByEdge({ grantee: GRANTEES.bravo });
    expect(await decide()).to.include({
      outcome: 'grant',
      basis: 'grant',
      via: 're-encryption',
      grantId: grant.grantId,
    });
    expect(await decide(clinicianOf(ALPHA))).to.include({ basis: 'own-hospital', via: 'own' });
    await patient.instruct({
      kind: 'auto-grant',
      purpose: 'treatment',
      role: 'clinician',
      recordTypes: ['laboratory'],
      validForMs: 60_000,
    });
    expect(await decide(charlie)).to.include({ basis: 'instruction', via: 'release' });
    expect(await decide(charlie), 'the grant that it made').to.include({ basis: 'grant', via: 'release' });
  });

  it('reach the third hospital through the second, and nobody after the first was revoked', async () => {
    const root = await patient.grantByEdge({ grantee: GRANTEES.bravo, maxHops: 1 });
    await patient.forward(root, { grantee: GRANTEES.charlie });
    expect(await decide(charlie)).to.include({ outcome: 'grant', via: 're-encryption' });
    await patient.revoke(root.grantId);
    for (const caller of [bravo, charlie]) expect(await decide(caller)).to.include({ reason: 'NO_GRANT' });
  });

  it('close with the grant above, though nobody has swept yet', async () => {
    const root = await patient.grantByEdge(
      { grantee: GRANTEES.bravo, maxHops: 1 },
      { notAfter: '2026-12-01T00:00:00.000Z' },
    );
    await patient.forward(root, { grantee: GRANTEES.charlie });
    ledger.setTime('2026-12-01T00:00:00.001Z');
    expect(await decide(charlie)).to.include({ reason: 'GRANT_EXPIRED' });
    await ledger.submit(gateway, 'grants:Sweep', { pseudonym: patient.pseudonym });
    expect(await decide(charlie)).to.include({ reason: 'NO_GRANT' });
  });

  it('are denied for a type or sensitivity without an edge, and for what is sealed for the owner alone', async () => {
    await patient.grantByEdge({ grantee: GRANTEES.bravo });
    const [restricted = '', imaging = '', ownersOnly = ''] = await anchored(ledger, ALPHA, [
      shared({}, { sensitivity: 'restricted' }),
      shared({ type: 'imaging' }),
      record(patient.pseudonym),
    ]);
    expect(await decide(bravo, [restricted])).to.include({ reason: 'RECORD_TYPE_NOT_COVERED' });
    expect(await decide(bravo, [imaging])).to.include({ reason: 'RECORD_TYPE_NOT_COVERED' });
    expect(await decide(bravo, [ownersOnly])).to.include({ reason: 'RESEAL_PENDING' });
  });

  it('of a grant that lives on wait for new edges and for the record’s new seal', async () => {
    const grant = await patient.grantByEdge({ grantee: GRANTEES.bravo });
    await patient.revoke((await patient.grantByEdge({ grantee: GRANTEES.charlie })).grantId);
    expect(await decide()).to.include({ reason: 'GRANT_EPOCH_STALE' });
    await ledger.submit(gateway, 'grants:Renew', patient.renewRequest(grant, { grantee: GRANTEES.bravo }));
    expect(await decide()).to.include({ reason: 'RESEAL_PENDING' });
    await ledger.submit(gateway, 'records:Reseal', resealing([recordId], 1));
    expect(await decide()).to.include({ outcome: 'grant', via: 're-encryption' });
  });

  it('are denied while the patient has closed the tag, whatever grants them', async () => {
    await patient.grantByEdge({ grantee: GRANTEES.bravo });
    await patient.instruct({
      kind: 'auto-grant',
      purpose: 'treatment',
      role: 'clinician',
      recordTypes: ['laboratory'],
      validForMs: 60_000,
    });
    await patient.setSharing('laboratory', false);
    for (const caller of [bravo, charlie])
      expect(await decide(caller)).to.include({ reason: 'TAG_NOT_SHARABLE' });
    expect(await decide(clinicianOf(ALPHA))).to.include({ basis: 'own-hospital' });
  });

  it('read what ends a forward: an opening that raced it is invalidated', async () => {
    const root = await patient.grantByEdge({ grantee: GRANTEES.bravo, maxHops: 1 });
    const forward: PatientGrant = await patient.forward(root, { grantee: GRANTEES.charlie });
    const argument = { recordIds: [recordId], purpose: 'treatment', recipientKey: 'CQ'.padEnd(43, 'A') };
    const opening = await ledger.submit(charlie, 'access:Open', argument);
    const ending = await ledger.submit(bravo, 'grants:EndForward', {
      pseudonym: patient.pseudonym,
      grantId: forward.grantId,
    });
    const book = `\u0000${KEYS.grantBook}\u0000${patient.pseudonym}\u0000`;
    expect([...ending.writes.keys()].filter((key) => opening.reads.has(key))).to.deep.equal([book]);
    const anchoring = await ledger.submit(staff(ALPHA, 'clinician'), 'records:Anchor', {
      batchId: '0a'.repeat(16),
      records: [shared({}, { tagEpoch: 1 })],
    });
    expect(anchoring.reads.has(book), 'so is an anchoring under the epoch of before').to.equal(true);
  });

  it('are denied after those that a rule allows, and end with what stands below when the last was served', async () => {
    const root = await patient.grantByEdge({ grantee: GRANTEES.bravo, maxHops: 1 });
    const forward = await patient.forward(root, { grantee: GRANTEES.charlie });
    await patient.instruct({ kind: 'expire-grant', afterOpenings: 1 });
    expect(await decide()).to.include({ outcome: 'grant', via: 're-encryption' });
    const sweep = async () => {
      const { pseudonym } = patient;
      return (await ledger.submit(gateway, 'grants:Sweep', { pseudonym })).response;
    };
    expect((await patient.chain(root.grantId)).links, 'for the last opening').to.have.length(1);
    for (const caller of [bravo, charlie])
      expect(await decide(caller)).to.include({ reason: 'GRANT_USED_UP' });
    ledger.advance(LIMITS.releaseWindowMs);
    expect(await sweep()).to.deep.equal({ expired: [] });
    ledger.advance(LIMITS.usedUpGrantKeptMs);
    expect(await sweep()).to.deep.equal({ expired: [root.grantId, forward.grantId] });
    expect(await decide()).to.include({ reason: 'NO_GRANT' });
    expect((await patient.sharing).tags).to.deep.equal({ 'laboratory/normal': { epoch: 1, sharable: true } });
  });

  it('count under fresh forwards as openings of the grant that the patient limited', async () => {
    await patient.instruct({ kind: 'expire-grant', afterOpenings: 2 });
    const root = await patient.grantByEdge({ grantee: GRANTEES.bravo, maxHops: 1 });
    await patient.forward(root, { grantee: GRANTEES.charlie });
    expect(await decide(charlie)).to.include({ outcome: 'grant' });
    await patient.forward(root, { grantee: GRANTEES.charlie });
    expect(await decide()).to.include({ outcome: 'grant' });
    expect(await decide(charlie)).to.include({ reason: 'GRANT_USED_UP' });
  });

  it('name in their event the patients whose grant books they changed, and nobody else', async () => {
    const argument = { recordIds: [recordId], purpose: 'treatment', recipientKey: X25519_KEY };
    await patient.grantByEdge({ grantee: GRANTEES.bravo });
    const eventOf = async () => (await ledger.submit(bravo, 'access:Open', argument)).events[0];
    expect(await eventOf()).to.not.have.property('pseudonyms');
    await patient.instruct({ kind: 'expire-grant', afterOpenings: 1 });
    expect(await eventOf()).to.deep.include({ pseudonyms: [patient.pseudonym] });
    expect(await eventOf(), 'a denial').to.not.have.property('pseudonyms');
  });

  it('anchors sharing headers of the present epochs only', async () => {
    const caller = staff(ALPHA, 'clinician');
    const stale = (why: string, ofSharing: object) => ({
      why,
      code: 'EPOCH_STALE' as const,
      caller,
      argument: { batchId: '0b'.repeat(16), records: [record(patient.pseudonym), shared({}, ofSharing)] },
    });
    const edgeless = await enrolled(ledger, ALPHA);
    await expectRejections(ledger, 'records:Anchor', [
      stale('a later tag epoch', { tagEpoch: 1 }),
      stale('a later key epoch', { keyEpoch: 1 }),
      {
        ...stale('no identity', {}),
        argument: { batchId: '0b'.repeat(16), records: [shared({ pseudonym: edgeless.pseudonym })] },
      },
    ]);
    await patient.setSharing('laboratory', false);
    await expectRejections(ledger, 'records:Anchor', [stale('the tag epoch of before', {})]);
  });

  it('re-seals what waits for it, and says so', async () => {
    const other = await anchored(ledger, ALPHA, [shared(), shared(), record(patient.pseudonym)]);
    const batchId = other[0]?.split('.')[0];
    await patient.setSharing('laboratory', false);
    const argument = { ...resealing(other.slice(1), 1), batchId };
    const { response, events, policies } = await ledger.submit(gateway, 'records:Reseal', argument);
    expect(response).to.include({ batchId, records: 2 });
    expect(events).to.deep.equal([
      { event: 'records.resealed', id: batchId, mspId: ALPHA, status: 'resealed' },
    ]);
    expect(policies.size, 'the owner’s policy stands').to.equal(0);
    const after = await get(other[1]);
    expect(after).to.deep.include({
      contentCid: NEW_CID,
      status: 'anchored',
      type: 'laboratory',
      erasureLeaf: 1,
    });
    expect(after.sharing).to.include({ tagEpoch: 1 });
    expect(after.resealed).to.include({ times: 1 });
    expect(await get(other[2]), 'sealed for the owner before').to.have.property('sharing');
    expect(await get(other[0])).to.deep.include({ contentCid: CID });
  });

  it('names the leaves that it replaced, the last ones, with who holds parts of their keys', async () => {
    const [served = ''] = await anchored(ledger, ALPHA, [{ ...shared(), keyServers: [BRAVO, CHARLIE] }]);
    const resealAnew = async (round: number, changes: object): Promise<EmrRecord> => {
      await patient.setSharing('laboratory', false);
      const argument = { ...resealing([served], round, changes), batchId: served.split('.')[0] };
      await ledger.submit(gateway, 'records:Reseal', argument);
      await patient.setSharing('laboratory', true);
      return get(served);
    };
    // The leaf of before is another one where others hold its key.
    const alone = await resealAnew(1, { erasureLeaf: 0 });
    expect(alone.keyServers).to.equal(undefined);
    const first = { leaf: 0, keyServers: [BRAVO, CHARLIE] };
    expect(alone.resealed?.spentLeaves).to.deep.equal([first]);
    const keyServers = [CHARLIE, DELTA];
    const again = await resealAnew(2, { erasureLeaf: 0, keyServers });
    expect(again.keyServers).to.deep.equal(keyServers);
    expect(again.resealed?.spentLeaves).to.deep.equal([first, { leaf: 0 }]);
    const rounds = LIMITS.spentLeaves + 2;
    for (let round = 3; round <= rounds; round += 1)
      await resealAnew(round, { erasureLeaf: round - 2, keyServers });
    const spent = (await get(served)).resealed?.spentLeaves ?? [];
    expect(spent).to.have.length(LIMITS.spentLeaves);
    expect(spent.at(-1)).to.deep.equal({ leaf: rounds - 3, keyServers });
  });

  it('re-seals nothing else', async () => {
    const [second = ''] = await anchored(ledger, ALPHA, [shared()]);
    const argument = resealing([recordId], 1);
    const refused = (why: string, code: Rejection['code'], changed: object, caller = gateway) => ({
      why,
      code,
      caller,
      argument: changed,
    });
    await expectRejections(ledger, 'records:Reseal', [
      refused('what is of the present epochs', 'TRANSITION_NOT_ALLOWED', resealing([recordId], 0)),
    ]);
    await patient.setSharing('laboratory', false);
    await expectRejections(ledger, 'records:Reseal', [
      ...malformed(gateway, argument),
      refused('another hospital', 'NOT_OWNER', argument, staff(BRAVO, 'gateway')),
      refused('a clinician', 'ROLE_NOT_ALLOWED', argument, staff(ALPHA, 'clinician')),
      refused('an officer', 'ROLE_NOT_ALLOWED', argument, staff(ALPHA, 'officer')),
      refused('no member', 'MEMBER_NOT_ACTIVE', argument, staff('EchoMSP', 'gateway')),
      refused('the epoch of before', 'EPOCH_STALE', resealing([recordId], 0)),
      refused('a record of another batch', 'SCHEMA_VIOLATION', resealing([second], 1)),
      refused('one record twice', 'SCHEMA_VIOLATION', resealing([recordId, recordId], 1)),
      refused('a record that is not there', 'RECORD_NOT_FOUND', resealing([recordId.replace(/0$/, '7')], 1)),
      refused('an unknown batch', 'RECORD_NOT_FOUND', { ...argument, batchId: 'ff'.repeat(16) }),
      refused(
        'another sensitivity',
        'SCHEMA_VIOLATION',
        resealing([recordId], 1, { sharing: sharing({ tagEpoch: 0, sensitivity: 'restricted' }) }),
      ),
      refused('the leaf of before', 'SCHEMA_VIOLATION', resealing([recordId], 1, { erasureLeaf: 0 })),
      refused(
        'the owner as its own key server',
        'SCHEMA_VIOLATION',
        resealing([recordId], 1, { keyServers: [ALPHA, BRAVO] }),
      ),
      refused(
        'a key server that is no member',
        'SCHEMA_VIOLATION',
        resealing([recordId], 1, { keyServers: [BRAVO, 'EchoMSP'] }),
      ),
    ]);
    await ledger.submit(gateway, 'records:Reseal', argument);
    await expectRejections(ledger, 'records:Reseal', [
      refused('a replay', 'TRANSITION_NOT_ALLOWED', argument),
    ]);
    await ledger.submit(staff(ALPHA, 'officer'), 'records:Erase', { recordId: second, reason: 'on request' });
    const erased = { ...resealing([second], 1), batchId: second.split('.')[0] };
    await expectRejections(ledger, 'records:Reseal', [
      refused('an erased record', 'TRANSITION_NOT_ALLOWED', erased),
    ]);
  });
});
