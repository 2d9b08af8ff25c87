import { expect } from 'chai';
import {
  base64UrlToBytes,
  bytesToBase64Url,
  edgeAckMessage,
  encryptUnderTag,
  generateHpkeKeyPair,
  generatePatientKeys,
  keyRequestMessage,
  labelOf,
  openPartialKey,
  parseStatement,
  signStatement,
  signPatientPayload,
  verifyPatientSignature,
} from '@careledger/crypto';
import {
  CareLedgerError,
  granteeName,
  memberName,
  patientName,
  type EdgeAck,
  type PatientGrant,
} from '@careledger/protocol';
import type { StaffCaller } from '../../services/caller.js';
import { EdgeRelay } from '../edge-relay.js';
import type { SignedKeyRequest } from '../extraction-protocol.js';
import { Forwards, type ForwardRow } from '../forwards.js';
import { readStatement } from '../statement-facts.js';
import { CHANNEL, HOSPITALS, PSEUDONYM, World, memoryTable } from '../sharing.test-support.js';

const [H1, H2, H3] = HOSPITALS;
const clinicians = { kind: 'role', mspId: H2, role: 'clinician' } as const;
const others = { kind: 'role', mspId: H3, role: 'clinician' } as const;

async function failure(work: Promise<unknown>): Promise<CareLedgerError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(CareLedgerError);
  return error as CareLedgerError;
}

describe('identity keys, proxies and forwards between three hospitals', function () {
  // Some hundred pairings; a busy machine takes its time.
  this.timeout(30_000);

  let world: World;
  const relayOf = (mspId: string): EdgeRelay => {
    const { peers } = world.hospital(mspId);
    // Looked up at each call: a test restarts proxies.
    const proxy = {
      keep: (by: string, body: unknown) => world.hospital(mspId).proxy.keep(by, body),
      withdraw: (by: string, body: unknown) => world.hospital(mspId).proxy.withdraw(by, body),
    };
    return new EdgeRelay({ mspId, proxy, peers, readStatement, onProblem: () => undefined });
  };
  const request = (
    over: Partial<SignedKeyRequest> = {},
    signAs = world.owner.signingKey,
  ): SignedKeyRequest => {
    const unsigned = {
      name: patientName(PSEUDONYM),
      keyEpoch: 0,
      oneTimeKey: bytesToBase64Url(generateHpkeKeyPair().publicKey),
      at: new Date(world.now).toISOString(),
      ...over,
    };
    const message = keyRequestMessage({
      ...unsigned,
      channel: CHANNEL,
      oneTimeKey: base64UrlToBytes(unsigned.oneTimeKey),
    });
    return { ...unsigned, signature: bytesToBase64Url(signPatientPayload(signAs, message)), ...over };
  };

  before(async () => {
    world = await World.open();
    for (const mspId of HOSPITALS) await world.hospital(mspId).keeper.ensure(memberName(mspId));
    await world.hospital(H2).keeper.ensure(granteeName(clinicians));
    await world.hospital(H3).keeper.ensure(granteeName(others));
  });
  after(() => world.close());
  beforeEach(() => {
    world.away.clear();
    world.sharing = { pseudonym: PSEUDONYM, mspId: H1, status: 'enrolled' };
  });

  describe('extraction', () => {
    it('gives a patient parts that combine to the key, and the relay nothing that opens', async () => {
      const { privateKey, publicKey } = generateHpkeKeyPair();
      const asked = request({ oneTimeKey: bytesToBase64Url(publicKey) });
      const { parts, missing, threshold } = await world.hospital(H3).extraction.relay(asked);
      expect(parts).to.have.length(3);
      expect(missing).to.deep.equal([]);
      expect(threshold).to.equal(2);
      const [part] = parts;
      const address = { ...part!, name: asked.name, keyEpoch: 0 };
      expect(await openPartialKey(address, privateKey, base64UrlToBytes(part!.sealed))).to.have.length(48);
      const stranger = generateHpkeKeyPair().privateKey;
      const stolen = openPartialKey(address, stranger, base64UrlToBytes(part!.sealed));
      expect(await stolen.catch((error: unknown) => error)).to.be.instanceOf(Error);
    });

    it('goes on without a holder that is away, and says which', async () => {
      world.away.add(H2);
      const { parts, missing } = await world.hospital(H1).extraction.relay(request());
      expect(parts.map(({ holder }) => holder)).to.deep.equal([H1, H3]);
      expect(missing).to.deep.equal([{ holder: H2, reason: 'PEER_GATEWAY_UNAVAILABLE' }]);
    });

    it('refuses a hospital that asks for another’s name, whoever signed', async () => {
      const name = granteeName(clinicians);
      const unsigned = { name, keyEpoch: 0, oneTimeKey: generateHpkeKeyPair().publicKey };
      const at = new Date(world.now).toISOString();
      const message = keyRequestMessage({ ...unsigned, channel: CHANNEL, at });
      const signature = bytesToBase64Url(
        await world.hospital(H2).custody.signAs({ name, keyEpoch: 0 }, message),
      );
      const asked = { ...unsigned, oneTimeKey: bytesToBase64Url(unsigned.oneTimeKey), at, signature };
      const { authority } = world.hospital(H1);
      expect((await authority.give(H2, asked)).holder).to.equal(H1);
      expect((await failure(authority.give(H3, asked))).code).to.equal('NOT_OWNER');
      expect((await failure(world.hospital(H3).extraction.relay(asked))).code).to.equal('NOT_OWNER');
    });

    it('refuses a patient’s request that is old, altered, or signed by another', async () => {
      const { authority } = world.hospital(H1);
      const asked = request();
      const codes = await Promise.all([
        failure(
          authority.give(H2, { ...asked, oneTimeKey: bytesToBase64Url(generateHpkeKeyPair().publicKey) }),
        ),
        failure(authority.give(H2, { ...asked, at: new Date(world.now + 1).toISOString() })),
        failure(authority.give(H2, request({}, new Uint8Array(32).fill(5)))),
        failure(authority.give(H2, request({ at: new Date(world.now - 121_000).toISOString() }))),
        failure(authority.give(H2, request({ keyEpoch: 1 }))),
        failure(authority.give(H2, { ...asked, extra: true })),
      ]);
      expect(codes.map(({ code }) => code)).to.deep.equal([
        'SIGNATURE_INVALID',
        'SIGNATURE_INVALID',
        'SIGNATURE_INVALID',
        'TIMESTAMP_OUTSIDE_WINDOW',
        'IDENTITY_NOT_FOUND',
        'SCHEMA_VIOLATION',
      ]);
      world.now += 121_000;
      expect((await failure(authority.give(H2, asked))).code).to.equal('TIMESTAMP_OUTSIDE_WINDOW');
    });

    it('gives an earlier epoch’s parts to the present key, and none to the earlier one', async () => {
      const name = patientName(PSEUDONYM);
      const registered = world.identities.get(name);
      if (registered === undefined) throw new TypeError('an unregistered owner');
      const { privateKey, publicKey } = generatePatientKeys();
      world.identities.set(name, { ...registered, keyEpoch: 1, signingKey: bytesToBase64Url(publicKey) });
      try {
        const { authority } = world.hospital(H1);
        expect((await authority.give(H2, request({}, privateKey))).holder).to.equal(H1);
        expect((await failure(authority.give(H2, request()))).code).to.equal('SIGNATURE_INVALID');
        const later = authority.give(H2, request({ keyEpoch: 2 }, privateKey));
        expect((await failure(later)).code).to.equal('IDENTITY_NOT_FOUND');
      } finally {
        world.identities.set(name, registered);
      }
    });

    it('gives nothing to the key of an epoch that a recovery closed, until the next one is registered', async () => {
      const name = patientName(PSEUDONYM);
      const registered = world.identities.get(name);
      if (registered === undefined) throw new TypeError('an unregistered owner');
      const { privateKey, publicKey } = generatePatientKeys();
      try {
        const { authority } = world.hospital(H1);
        expect((await authority.give(H2, request())).holder).to.equal(H1);
        world.identities.set(name, { ...registered, closedBy: 'ab'.repeat(32) });
        expect((await failure(authority.give(H2, request()))).code).to.equal('IDENTITY_CLOSED');
        expect((await failure(authority.give(H2, request({}, privateKey)))).code).to.equal('IDENTITY_CLOSED');
        world.identities.set(name, { ...registered, keyEpoch: 1, signingKey: bytesToBase64Url(publicKey) });
        expect((await authority.give(H2, request({}, privateKey))).holder).to.equal(H1);
      } finally {
        world.identities.set(name, registered);
      }
    });

    it('names a holder whose part is wrong, and takes the key all the same', async () => {
      const name = granteeName({ kind: 'person', mspId: H2, enrolmentId: 'dr-b' });
      const hospital = world.hospital(H2);
      const { custody } = world.hospital(H1);
      const lying = world.hospital(H3);
      const give = lying.authority.give.bind(lying.authority);
      // Another name's part, sealed as this one's.
      lying.authority.give = async (caller, body) => {
        const right = await give(caller, body);
        const other = await custody.identityPartialKey({
          ...{ keyId: world.master.masterKey.keyId, sharing: world.master.sharing, name, keyEpoch: 0 },
          oneTimeKey: base64UrlToBytes((body as SignedKeyRequest).oneTimeKey),
        });
        return { ...right, sealed: bytesToBase64Url(other) };
      };
      await hospital.keeper.ensure(name);
      lying.authority.give = give;
      expect(await hospital.custody.hasIdentityKey({ name, keyEpoch: 0 })).to.equal(true);
      const said = hospital.told.find(({ text }) => text.includes('wrong parts'));
      expect(said?.details['holders']).to.deep.equal([H3]);
    });

    it('has no key with too few right parts', async () => {
      const name = granteeName({ kind: 'person', mspId: H2, enrolmentId: 'dr-c' });
      world.away.add(H1).add(H3);
      const error = await failure(world.hospital(H2).keeper.ensure(name));
      expect(error.code).to.equal('KEY_NOT_FOUND');
      world.away.clear();
      await world.hospital(H2).keeper.ensure(name);
    });
  });

  describe('label keys', () => {
    it('keeps the first one, and labels as the patient does', async () => {
      const { custody } = world.hospital(H1);
      await custody.putLabelKey({ pseudonym: PSEUDONYM, sealed: await world.sealedLabelKey(H1) });
      await custody.putLabelKey({ pseudonym: PSEUDONYM, sealed: await world.sealedLabelKey(H1) });
      const { type } = await custody.labels({
        ...{ pseudonym: PSEUDONYM, recordType: 'laboratory', sensitivity: 'normal' },
      });
      expect(type).to.deep.equal(labelOf(world.labelKey, 'type', 'laboratory'));
      const saved = Uint8Array.from(world.labelKey);
      world.labelKey.fill(1);
      const other = await world.sealedLabelKey(H1);
      world.labelKey.set(saved);
      expect((await failure(custody.putLabelKey({ pseudonym: PSEUDONYM, sealed: other }))).code).to.equal(
        'ALREADY_EXISTS',
      );
    });
  });

  describe('shares of edges', () => {
    const grantId = 'c'.repeat(32);
    const bodyFor = (made: Awaited<ReturnType<World['edge']>>, mspId: string) => ({
      pseudonym: PSEUDONYM,
      edge: made.edge,
      share: made.shares.find((share) => share.mspId === mspId)?.share ?? '',
    });

    it('are kept, acknowledged once for all, and refused when another statement comes for the same edge', async () => {
      const made = await world.edge(granteeName(clinicians), [H1, H3]);
      const { proxy, custody } = world.hospital(H3);
      const ack = await proxy.keep(H1, bodyFor(made, H3));
      expect(await proxy.keep(H1, bodyFor(made, H3))).to.deep.equal(ack);
      verifyPatientSignature({
        publicKey: base64UrlToBytes(world.identities.get(memberName(H3))!.signingKey),
        message: edgeAckMessage({
          edgeId: new Uint8Array(Buffer.from(made.edgeId, 'hex')),
          statement: base64UrlToBytes(made.edge.statement),
          point: 2,
        }),
        signature: base64UrlToBytes(ack.signature),
      });
      expect(await custody.hasEdgeShare(made.edgeId)).to.equal(true);

      // The same edge and share, but a word more in what the maker signs.
      const statement = parseStatement(base64UrlToBytes(made.edge.statement));
      const changed = { ...statement, allowsRecoverable: !statement.allowsRecoverable };
      const again = bytesToBase64Url(signStatement(changed, world.owner.signingKey));
      const body = bodyFor(made, H3);
      const other = { ...body, edge: { ...body.edge, statement: again } };
      expect(parseStatement(base64UrlToBytes(again)).edgeId).to.equal(made.edgeId);
      expect((await failure(proxy.keep(H1, other))).code).to.equal('ALREADY_EXISTS');
      expect(await proxy.keep(H1, bodyFor(made, H3))).to.deep.equal(ack);
    });

    it('that do not fit are refused, and nothing of them stays', async () => {
      const made = await world.edge(granteeName(clinicians), [H1, H3]);
      const { proxy, custody, table } = world.hospital(H3);
      const other = await world.edge(granteeName(clinicians), [H1, H3]);
      const wrong = bytesToBase64Url(await world.seal(made.edgeId, H3, new Uint8Array(48).fill(3)));
      const attempts = [
        { ...bodyFor(made, H3), share: wrong },
        { ...bodyFor(made, H3), share: bodyFor(other, H3).share },
        { ...bodyFor(made, H3), share: bodyFor(made, H1).share },
        { ...bodyFor(made, H3), pseudonym: 'b'.repeat(32) },
        { ...bodyFor(made, H3), edge: { ...made.edge, tagEpoch: 1 } },
      ];
      for (const attempt of attempts)
        expect((await failure(proxy.keep(H1, attempt))).code).to.equal('EDGE_INVALID');
      expect(await custody.hasEdgeShare(made.edgeId)).to.equal(false);
      expect(await table.get(made.edgeId)).to.equal(undefined);
    });

    it('are refused by who is no proxy, for a closed tag, and for a stale epoch', async () => {
      const made = await world.edge(granteeName(clinicians), [H1, H3]);
      expect((await failure(world.hospital(H2).proxy.keep(H1, bodyFor(made, H3)))).code).to.equal(
        'NOT_OWNER',
      );
      const own = await world.edge(granteeName(clinicians), [H1, H2]);
      expect((await failure(world.hospital(H2).proxy.keep(H1, bodyFor(own, H2)))).code).to.equal(
        'EDGE_INVALID',
      );
      const { proxy } = world.hospital(H3);
      world.sharing = { ...world.sharing, tags: { 'laboratory/normal': { epoch: 0, sharable: false } } };
      expect((await failure(proxy.keep(H1, bodyFor(made, H3)))).code).to.equal('EDGE_INVALID');
      world.sharing = { ...world.sharing, tags: { 'laboratory/normal': { epoch: 1, sharable: true } } };
      expect((await failure(proxy.keep(H1, bodyFor(made, H3)))).code).to.equal('EDGE_INVALID');
    });

    it('survive a restart between storing and acknowledging', async () => {
      const made = await world.edge(granteeName(clinicians), [H1, H3]);
      const first = await world.hospital(H3).proxy.keep(H1, bodyFor(made, H3));
      world.restartProxy(H3);
      expect(await world.hospital(H3).proxy.keep(H1, bodyFor(made, H3))).to.deep.equal(first);
    });

    it('go when the grant ends, the tag’s epoch is raised, or the edge never comes into force', async () => {
      const { proxy, custody } = world.hospital(H3);
      const kept = async (made: { readonly edgeId: string }) => custody.hasEdgeShare(made.edgeId);
      const made = await world.edge(granteeName(clinicians), [H1, H3]);
      await proxy.keep(H1, bodyFor(made, H3));
      world.activate({ grantId, grantee: clinicians }, [made]);
      await proxy.settle(PSEUDONYM);
      expect(await kept(made)).to.equal(true);
      world.activate({ grantId, grantee: clinicians, status: 'revoked' }, [made]);
      await proxy.settle(PSEUDONYM);
      expect(await kept(made)).to.equal(false);

      const stale = await world.edge(granteeName(clinicians), [H1, H3]);
      await proxy.keep(H1, bodyFor(stale, H3));
      world.activate({ grantId, grantee: clinicians }, [stale]);
      world.sharing = { ...world.sharing, tags: { 'laboratory/normal': { epoch: 1, sharable: true } } };
      await proxy.settle(PSEUDONYM);
      expect(await kept(stale)).to.equal(false);
      world.sharing = { pseudonym: PSEUDONYM, mspId: H1, status: 'enrolled' };
      world.grants.clear();

      const pending = await world.edge(granteeName(clinicians), [H1, H3]);
      await proxy.keep(H1, bodyFor(pending, H3));
      await proxy.settle();
      expect(await kept(pending)).to.equal(true);
      world.now += 900_001;
      await proxy.settle();
      expect(await kept(pending)).to.equal(false);
      expect((await failure(partialsOf(H3, pending))).code).to.equal('KEY_NOT_FOUND');
    });

    it('are withdrawn by who relayed them, and by nobody else, and not when in force', async () => {
      const { proxy, custody } = world.hospital(H3);
      const made = await world.edge(granteeName(clinicians), [H1, H3]);
      await proxy.keep(H1, bodyFor(made, H3));
      expect(await proxy.withdraw(H2, { edgeIds: [made.edgeId] })).to.deep.equal([]);
      world.activate({ grantId, grantee: clinicians }, [made]);
      expect(await proxy.withdraw(H1, { edgeIds: [made.edgeId] })).to.deep.equal([]);
      world.grants.clear();
      expect(await proxy.withdraw(H1, { edgeIds: [made.edgeId] })).to.deep.equal([made.edgeId]);
      expect(await custody.hasEdgeShare(made.edgeId)).to.equal(false);
    });

    async function partialsOf(
      mspId: string,
      made: { readonly edgeId: string; readonly edge: { statement: string } },
    ) {
      const { custody } = world.hospital(mspId);
      const edges = [{ edgeId: made.edgeId, statement: made.edge.statement }];
      return custody.partials({ edges, headers: [sealed()], keyEpoch: 0 });
    }
  });

  const aad = new Uint8Array([1, 2, 3]);
  let secret: Uint8Array | undefined;
  const sealed = () => {
    const { header, handle, wrapKey } = encryptUnderTag({
      owner: world.owner.identity,
      tag: {
        typeLabel: labelOf(world.labelKey, 'type', 'laboratory'),
        conditionLabel: labelOf(world.labelKey, 'condition', 'normal'),
        tagEpoch: 0,
      },
      aad,
    });
    secret = wrapKey;
    return { bytes: header, handle, aad };
  };

  describe('the relay', () => {
    it('activates when every proxy has acknowledged, and names the one that is away', async () => {
      const made = await world.edge(granteeName(clinicians), [H1, H3]);
      const wanted = {
        pseudonym: PSEUDONYM,
        edges: [made.edge],
        shares: made.shares,
      };
      world.away.add(H3);
      const error = await failure(
        relayOf(H1).activate(wanted, () => Promise.reject(new Error('was submitted'))),
      );
      expect(error.code).to.equal('PROXY_UNAVAILABLE');
      expect(error.extensions['proxies']).to.deep.equal([H3]);
      expect(await world.hospital(H1).custody.hasEdgeShare(made.edgeId)).to.equal(false);
      world.away.clear();
      const acks = await relayOf(H1).activate(wanted, (given: EdgeAck[]) => Promise.resolve(given));
      expect(acks.map(({ mspId }) => mspId)).to.deep.equal([H1, H3]);
      expect(await world.hospital(H3).custody.hasEdgeShare(made.edgeId)).to.equal(true);
    });

    it('takes the shares back when the contract refuses, and leaves them when the outcome is open', async () => {
      const made = await world.edge(granteeName(clinicians), [H1, H3]);
      const wanted = {
        pseudonym: PSEUDONYM,
        edges: [made.edge],
        shares: made.shares,
      };
      const { custody } = world.hospital(H3);
      const refuse = (code: 'NONCE_REUSED' | 'COMMIT_UNKNOWN') => () =>
        Promise.reject(new CareLedgerError(code));
      await failure(relayOf(H1).activate(wanted, refuse('COMMIT_UNKNOWN')));
      expect(await custody.hasEdgeShare(made.edgeId)).to.equal(true);
      await failure(relayOf(H1).activate(wanted, refuse('NONCE_REUSED')));
      expect(await custody.hasEdgeShare(made.edgeId)).to.equal(false);
    });

    it('refuses shares that do not match the proxies', async () => {
      const made = await world.edge(granteeName(clinicians), [H1, H3]);
      const wanted = { pseudonym: PSEUDONYM, edges: [made.edge] };
      const [first] = made.shares;
      for (const shares of [[first!], [...made.shares, { ...first!, mspId: H2 }]]) {
        const error = await failure(relayOf(H1).activate({ ...wanted, shares }, () => Promise.resolve()));
        expect(error.code).to.equal('SCHEMA_VIOLATION');
      }
    });
  });

  it('a grant opens at its grantee, is passed on, and opens there', async () => {
    const grantId = '1'.repeat(32);
    const made = await world.edge(granteeName(clinicians), [H1, H3]);
    await relayOf(H1).activate({ pseudonym: PSEUDONYM, edges: [made.edge], shares: made.shares }, () =>
      Promise.resolve(),
    );
    world.activate({ grantId, grantee: clinicians }, [made]);
    const forwardId = '2'.repeat(32);
    const submitted: { edges: { statement: string }[] }[] = [];
    let refusals = 1;
    const forwards = new Forwards({
      ledger: world.hospital(H2).ledger,
      custody: world.hospital(H2).custody,
      identities: world.hospital(H2).keeper,
      relay: relayOf(H2),
      table: memoryTable<ForwardRow>(),
      contracts: {
        submit: (async (_identity: unknown, _contract: unknown, _method: unknown, argument: never) => {
          submitted.push(argument);
          if (refusals-- > 0) throw new CareLedgerError('LEDGER_UNAVAILABLE');
          return Promise.resolve({ txId: '', blockNumber: '1', result: {} as PatientGrant });
        }) as never,
      },
    });
    const wanted = {
      ...{ grantId: forwardId, pseudonym: PSEUDONYM, parentId: grantId, grantee: others },
      recordTypes: ['laboratory' as const],
      purposes: ['treatment' as const],
      ...{ notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2026-06-01T00:00:00.000Z', maxHops: 0 },
    };
    const caller = { mspId: H2, enrolmentId: 'somebody', role: 'clinician', identity: {} } as StaffCaller;
    const tooFar = await failure(forwards.forward(caller, { ...wanted, maxHops: 8 }));
    expect([tooFar.code, submitted.length]).to.deep.equal(['HOPS_EXHAUSTED', 0]);
    expect((await failure(forwards.forward(caller, wanted))).code).to.equal('LEDGER_UNAVAILABLE');
    await forwards.forward(caller, wanted);
    // The repetition went on with the same edge.
    expect(submitted[0]?.edges).to.deep.equal(submitted[1]?.edges);
    const edge = submitted[1]!.edges[0] as unknown as typeof made.edge;
    const { edgeId, proxies } = readStatement(edge.statement);
    expect(proxies).to.deep.equal([H1, H2]);
    world.activate(
      { grantId: forwardId, grantee: others, maxHops: 0, basis: { parentId: grantId } as never },
      [{ edgeId, edge }],
      grantId,
    );

    const header = sealed();
    const ask = async (mspId: string, edges: readonly { edgeId: string; statement: string }[]) =>
      [
        mspId,
        await world.hospital(mspId).custody.partials({ edges, headers: [header], keyEpoch: 0 }),
      ] as const;
    const first = { edgeId: made.edgeId, statement: made.edge.statement };
    const second = { edgeId, statement: edge.statement };
    const partials = new Map([
      await ask(H1, [first, second]),
      await ask(H3, [first]),
      await ask(H2, [second]),
    ]);
    const at = (name: string) => world.identities.get(name)!;
    const opening = {
      headers: [header],
      partials,
      proxyKeys: new Map(HOSPITALS.map((mspId) => [mspId as string, at(memberName(mspId)).signingKey])),
    };
    const names = [patientName(PSEUDONYM), granteeName(clinicians), granteeName(others)].map(at);
    const { masterKey } = world.master;
    const near = { masterKey, chain: [made.edge], identities: names.slice(0, 2) };
    const far = { masterKey, chain: [made.edge, edge], identities: names };
    const atH2 = await world.hospital(H2).custody.openShared({
      ...{ ...opening, name: granteeName(clinicians), keyEpoch: 0, view: near },
    });
    const atH3 = await world.hospital(H3).custody.openShared({
      ...{ ...opening, name: granteeName(others), keyEpoch: 0, view: far },
    });
    expect(atH2.wrapKeys).to.deep.equal([secret]);
    expect(atH3.wrapKeys).to.deep.equal([secret]);

    const elsewhere = { ...header, aad: new Uint8Array([9]) };
    const swapped = world
      .hospital(H1)
      .custody.partials({ edges: [first], headers: [elsewhere], keyEpoch: 0 });
    expect(await swapped.catch((error: unknown) => (error as Error).name)).to.equal('CryptoError');
    const beyond = forwards.forward(caller, { ...wanted, grantId: '3'.repeat(32), parentId: forwardId });
    expect((await failure(beyond)).code).to.equal('NOT_OWNER');
  });
});
