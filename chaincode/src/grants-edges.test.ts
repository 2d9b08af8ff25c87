import { expect } from 'chai';
import { generatePatientKeys } from '@careledger/crypto/core';
import { KEYS, LIMITS, patientName, type Edge, type PatientGrant } from '@careledger/protocol';
import { ALPHA, BRAVO, CHARLIE, DELTA, admitFifth, enrolled, id, staff, vote } from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed, type Rejection } from './testing/rejections.js';
import {
  GRANTEES,
  ackOf,
  bookOf,
  othersThan,
  putIdentity,
  sharingHospitals,
  sharingPatient,
  signerOf,
  statementOf,
  type EdgePlan,
  type SharingPatient,
} from './testing/sharing.js';

const relay = staff(CHARLIE, 'gateway');
const toBravo: EdgePlan = { grantee: GRANTEES.bravo };
const ofThree: EdgePlan = { ...toBravo, proxies: othersThan(GRANTEES.bravo) };

function only<Item>(items: readonly Item[]): Item {
  const [item, ...others] = items;
  if (item === undefined || others.length > 0) throw new TypeError('not one item');
  return item;
}

describe('grants by edges', () => {
  let ledger: MemoryLedger;
  let patient: SharingPatient;
  beforeEach(async () => {
    ledger = await sharingHospitals();
    patient = await sharingPatient(ledger);
  });

  const submit = async (request: object) =>
    (await ledger.submit(relay, 'grants:Grant', request)).response as PatientGrant;

  it('keep the statements under keys of their own and only tags in the book', async () => {
    const request = patient.grantRequest(ofThree);
    const { writes, policies, response } = await ledger.submit(relay, 'grants:Grant', request);
    const grant = response as PatientGrant;
    const edge = only(request.arguments.edges);
    const { edgeId } = statementOf(edge);
    expect(grant.edges).to.deep.equal([
      { recordType: 'laboratory', sensitivity: 'normal', tagEpoch: 0, edgeId },
    ]);
    const keys = [...writes.keys()].filter((key) => key.startsWith(`\u0000${KEYS.edge}\u0000`));
    expect(keys).to.have.length(1);
    expect(policies.has(keys[0] ?? ''), 'under the owner’s endorsement').to.equal(true);
    const { links } = await patient.chain(grant.grantId);
    expect(links).to.have.length(1);
    expect(links[0]?.edges[0]).to.deep.include({ ...edge, edgeId, fromKeyEpoch: 0, toKeyEpoch: 0 });
    expect(links[0]?.edges[0]?.proxies.map(({ mspId }) => mspId)).to.deep.equal([ALPHA, CHARLIE, DELTA]);
    expect(JSON.stringify(bookOf(ledger, patient.pseudonym)).length).to.be.lessThan(2000);
  });

  it('cover each record type with each sensitivity, and a chain shows one tag when asked', async () => {
    const recordTypes = ['laboratory', 'condition'] as const;
    const edges = recordTypes.flatMap((recordType) =>
      (['normal', 'restricted'] as const).map((sensitivity) =>
        patient.edge({ ...toBravo, recordType, sensitivity }),
      ),
    );
    const grant = await patient.grantByEdge(toBravo, { recordTypes }, edges);
    expect(grant.edges).to.have.length(4);
    const tag = { recordType: 'condition', sensitivity: 'restricted' };
    const query = { pseudonym: patient.pseudonym, grantId: grant.grantId, tag };
    const chain = (await ledger.evaluate(relay, 'grants:Chain', query)) as { links: { edges: object[] }[] };
    expect(chain.links[0]?.edges).to.have.length(1);
    expect(chain.links[0]?.edges[0]).to.include(tag);
  });

  it('go to a role and to a person, whose identities are other ones', async () => {
    for (const grantee of [GRANTEES.bravoClinicians, GRANTEES.bravoDoctor])
      expect(await submit(patient.grantRequest({ grantee }))).to.deep.include({ grantee });
  });

  it('name a single proxy, when the patient trusts one', async () => {
    const grant = await submit(patient.grantRequest({ ...toBravo, proxies: [DELTA] }));
    expect((await patient.chain(grant.grantId)).links[0]?.edges[0]?.proxies).to.deep.equal([
      { mspId: DELTA, keyEpoch: 0 },
    ]);
  });

  it('are refused with whatever the statement has wrong', async () => {
    const wrong = (why: string, plan: Partial<EdgePlan>, code: Rejection['code'] = 'EDGE_INVALID') => ({
      why,
      code,
      caller: relay,
      argument: patient.grantRequest({ ...toBravo, ...plan }),
    });
    const statement = (changes: NonNullable<EdgePlan['statement']>): Partial<EdgePlan> => ({
      statement: changes,
    });
    const other = await sharingPatient(ledger);
    const stranger = { name: patientName(other.pseudonym), keyEpoch: 0 };
    const own = { name: patientName(patient.pseudonym), keyEpoch: 1 };
    await expectRejections(ledger, 'grants:Grant', [
      ...malformed(relay, patient.grantRequest(toBravo)),
      wrong('another owner', statement({ owner: stranger })),
      wrong('another epoch of the owner’s key', statement({ owner: own, from: own })),
      wrong('another delegator', statement({ from: stranger })),
      wrong('another grantee', statement({ to: { name: 'member/CharlieMSP', keyEpoch: 0 } })),
      wrong(
        'another epoch of the grantee’s key',
        statement({ to: { name: 'member/BravoMSP', keyEpoch: 1 } }),
      ),
      wrong('another tag epoch than it says', statement({ tagEpoch: 1 })),
      wrong('a stale tag epoch', { tagEpoch: 1 }, 'EPOCH_STALE'),
      wrong('a parent', statement({ parent: 'ab'.repeat(32), q: new Uint8Array() })),
      wrong('depth beyond the grant’s hops', statement({ sharable: true, maxDepth: 1 })),
      wrong('W of another edge', statement({ wHash: 'cd'.repeat(32) })),
      wrong('a stranger’s signature', { signer: generatePatientKeys() }),
      wrong('the grantee among the proxies', { proxies: [ALPHA, BRAVO] }),
      wrong('a proxy that is no member', { proxies: [ALPHA, 'EchoMSP'] }, 'MEMBER_NOT_ACTIVE'),
      wrong(
        'an unregistered grantee',
        { grantee: { kind: 'role', mspId: BRAVO, role: 'officer' } },
        'IDENTITY_NOT_FOUND',
      ),
    ]);
  });

  it('are refused to a recoverable grantee, unless the owner allows it', async () => {
    putIdentity(ledger, 'member/BravoMSP', BRAVO, signerOf('member/BravoMSP'), { recoverable: true });
    await expectRejections(ledger, 'grants:Grant', [
      {
        why: 'a grantee that the hospitals can open',
        code: 'EDGE_INVALID',
        caller: relay,
        argument: patient.grantRequest(toBravo),
      },
    ]);
    const allowed = { ...toBravo, statement: { allowsRecoverable: true } };
    expect(await submit(patient.grantRequest(allowed))).to.include({ status: 'active' });
  });

  it('are refused when edges and terms differ', async () => {
    const [laboratory, condition] = [
      patient.edge(toBravo),
      patient.edge({ ...toBravo, recordType: 'condition' }),
    ];
    const restricted = patient.edge({ ...toBravo, sensitivity: 'restricted' });
    const request = (edges: Edge[], changes: object = {}) => patient.grantRequest(toBravo, changes, edges);
    const refused = (why: string, argument: object, code: Rejection['code'] = 'EDGE_INVALID') => ({
      why,
      code,
      caller: relay,
      argument,
    });
    const both = { recordTypes: ['laboratory', 'condition'] };
    const without = patient.sign('grants:Grant', patient.grantArguments());
    await expectRejections(ledger, 'grants:Grant', [
      refused('no edges', without),
      refused('a type without an edge', request([laboratory], both)),
      refused('an edge of a type that is not granted', request([laboratory, condition])),
      refused('a sensitivity for one type only', request([laboratory, condition, restricted], both)),
      refused('two edges of one tag', request([laboratory, patient.edge(toBravo)])),
      refused('hops that the edge does not allow', request([laboratory], { maxHops: 1 })),
      refused(
        'beyond the hops there are',
        request([laboratory], { maxHops: LIMITS.hops + 1 }),
        'SCHEMA_VIOLATION',
      ),
    ]);
    const edgeless = await enrolled(ledger, ALPHA);
    const terms = edgeless.grantArguments({ recordTypes: ['laboratory'], edges: [laboratory] });
    await expectRejections(ledger, 'grants:Grant', [
      refused(
        'edges of a patient without an identity',
        edgeless.sign('grants:Grant', terms),
        'SCHEMA_VIOLATION',
      ),
    ]);
  });

  it('are refused until every proxy has acknowledged', async () => {
    const request = patient.grantRequest(ofThree);
    const edge = only(request.arguments.edges);
    const { edgeId } = statementOf(edge);
    const first = only(request.acks.slice(0, 1));
    const rest = request.acks.slice(1);
    const unacknowledged = (
      why: string,
      acks: readonly object[],
      code: Rejection['code'] = 'EDGE_NOT_ACKNOWLEDGED',
    ) => ({
      why,
      code,
      caller: relay,
      argument: { ...request, acks },
    });
    await expectRejections(ledger, 'grants:Grant', [
      unacknowledged('none', []),
      unacknowledged('one missing', rest),
      unacknowledged('one twice', [first, first, ...rest]),
      unacknowledged('for another edge', [{ ...first, edgeId: 'ab'.repeat(32) }, ...rest]),
      unacknowledged('of a hospital that is no proxy', [...request.acks, { ...first, mspId: BRAVO }]),
      unacknowledged('by another hospital’s key', [
        ackOf(edge, edgeId, { mspId: ALPHA, point: 1, signer: signerOf('member/BravoMSP') }),
        ...rest,
      ]),
      unacknowledged('of another share', [ackOf(edge, edgeId, { mspId: ALPHA, point: 2 }), ...rest]),
    ]);
    await submit(request);
  });

  it('take each serial once, for ever', async () => {
    const request = patient.grantRequest(toBravo);
    const grant = await submit(request);
    const again = () => patient.grantRequest(toBravo, {}, request.arguments.edges);
    const replay = { why: 'the same edge', code: 'ALREADY_EXISTS', caller: relay } as const;
    await expectRejections(ledger, 'grants:Grant', [{ ...replay, argument: again() }]);
    await patient.revoke(grant.grantId);
    await patient.setSharing('laboratory', false);
    const { serial } = statementOf(only(request.arguments.edges));
    await patient.setSharing('laboratory', true);
    await expectRejections(ledger, 'grants:Grant', [
      {
        ...replay,
        why: 'the serial at a later epoch',
        argument: patient.grantRequest({ ...toBravo, statement: { serial } }),
      },
    ]);
  });

  it('are refused after the pseudonym’s key was replaced, until the identity follows', async () => {
    const former = patient.keys;
    const keys = generatePatientKeys();
    const next = {
      signing: Buffer.from(keys.publicKey).toString('base64url'),
      encryption: patient.publicKeys.encryption,
    };
    const rotation = patient.sign('patients:RotateKeys', { pseudonym: patient.pseudonym, keys: next });
    await ledger.submit(relay, 'patients:RotateKeys', rotation);
    patient.keys = keys;
    const stale = { why: 'an identity under the former key', code: 'EPOCH_STALE', caller: relay } as const;
    await expectRejections(ledger, 'grants:Grant', [
      { ...stale, argument: patient.grantRequest({ ...toBravo, signer: former }) },
    ]);
  });

  it('end with the patient’s closing, and their epochs are raised', async () => {
    const grant = await patient.grantByEdge(toBravo);
    const closing = patient.sign('patients:Close', { pseudonym: patient.pseudonym });
    await ledger.submit(relay, 'patients:Close', closing);
    const { grants, tags } = bookOf(ledger, patient.pseudonym);
    expect(grants).to.deep.equal([]);
    expect(tags).to.deep.equal({ 'laboratory/normal': { epoch: 1, sharable: true } });
    const query = { pseudonym: patient.pseudonym, grantId: grant.grantId };
    expect((await ledger.refusal(relay, 'grants:Chain', query)).code).to.equal('GRANT_NOT_FOUND');
  });

  it('take no proxy of a hospital that was suspended', async () => {
    await admitFifth(ledger, 'EchoMSP');
    const request = patient.grantRequest(ofThree);
    await vote(ledger, DELTA, 'suspend');
    await expectRejections(ledger, 'grants:Grant', [
      { why: 'a suspended proxy', code: 'MEMBER_NOT_ACTIVE', caller: relay, argument: request },
      {
        why: 'an unknown chain',
        code: 'SCHEMA_VIOLATION',
        caller: relay,
        argument: { ...request, acks: [{ mspId: id() }] },
      },
    ]);
  });
});
