import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHeader } from '@careledger/crypto';
import { CareLedgerError, type Access, type EmrRecord, type ErrorCode } from '@careledger/protocol';
import { expect } from 'chai';
import { createFileCustody } from '../custody/index.js';
import type { KeyCustody } from '../ports/key-custody.js';
import { contextOf } from '../services/record-sealing.js';
import type { ErasureKeys } from '../sharing/erasure-keys.js';
import { openAnswerStore } from './answer-store.js';
import { createMemberCertificates } from './member-certificates.js';
import type { PeerServer } from './peer-server.js';
import { DEFAULT_RELEASE_LIMITS, createReleaseAuthority } from './release-authority.js';
import { createReleaseClient, requestRelease } from './release-client.js';
import { identity, makeAuthority, makeOwner, type TestAuthority, type TestOwner } from './release-fixture.js';
import { RELEASE_PATH, type TlsIdentity } from './release-protocol.js';
import { createReleaseServer, type ReleaseServerOptions } from './release-server.js';

async function expectCode(code: ErrorCode, promise: Promise<unknown>): Promise<CareLedgerError> {
  const error: unknown = await promise.then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  expect(error, String(error)).to.be.instanceOf(CareLedgerError);
  expect((error as CareLedgerError).code, String(error)).to.equal(code);
  return error as CareLedgerError;
}

/** Headers of these tests name no leaf. */
const WITHOUT_LEAVES: Pick<ErasureKeys, 'openWith'> = { openWith: () => (_, open) => open(undefined) };

describe('release over mutual TLS', function () {
  this.timeout(20_000);
  const authorities = new Map<string, TestAuthority>();
  const certificates = new Map<string, TlsIdentity>();
  let folder: string;
  let custody: KeyCustody;
  let owner: TestOwner;
  let server: PeerServer;
  let record: EmrRecord;
  let other: EmrRecord;
  let now: number | undefined;

  const rootsOf = (mspId: string): readonly string[] => [authorities.get(mspId)!.root];
  const members = (): Map<string, readonly string[]> =>
    new Map(['Hospital1MSP', 'Hospital2MSP', 'Hospital3MSP'].map((mspId) => [mspId, rootsOf(mspId)]));
  const certificateOf = (name: string): TlsIdentity => certificates.get(name)!;

  const start = (extra: Partial<ReleaseServerOptions> = {}): Promise<PeerServer> =>
    createReleaseServer({
      mspId: 'Hospital1MSP',
      host: '127.0.0.1',
      port: 0,
      tls: certificateOf('Hospital1MSP'),
      members: members(),
      dataDir: folder,
      ledger: owner.ledger,
      store: owner.store,
      custody,
      erasureKeys: WITHOUT_LEAVES,
      serviceIdentity: identity,
      limits: { lagWaitMs: 200, pollMs: 20 },
      clock: () => now ?? Date.now(),
      ...extra,
    });
  const ask = (
    access: Pick<Access, 'accessId'>,
    records: readonly EmrRecord[],
    extra: Partial<Parameters<typeof requestRelease>[0]> & { readonly as?: TlsIdentity } = {},
  ): Promise<ReadonlyMap<string, Uint8Array>> => {
    const { as = certificateOf('Hospital2MSP'), ...rest } = extra;
    return requestRelease({
      url: server.url,
      serverMspId: 'Hospital1MSP',
      tls: { ...as, serverRoots: rootsOf('Hospital1MSP') },
      accessId: access.accessId,
      recordIds: records.map(({ recordId }) => recordId),
      timeoutMs: 5_000,
      ...rest,
    });
  };
  /** Sends whatever a test likes, over the same mutual TLS. */
  const post = (
    body: string,
    path = RELEASE_PATH,
    type = 'application/json',
  ): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const tls = {
        ...certificateOf('Hospital2MSP'),
        ca: [...rootsOf('Hospital1MSP')],
        agent: false as const,
      };
      const headers = { 'content-type': type };
      const sending = httpsRequest(
        new URL(path, server.url),
        { method: 'POST', headers, ...tls },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text });
          });
        },
      );
      sending.on('error', reject).end(body);
    });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'release-'));
    for (const name of ['Hospital1MSP', 'Hospital2MSP', 'Hospital3MSP', 'stranger']) {
      const authority = await makeAuthority(`tlsca ${name}`);
      authorities.set(name, authority);
      certificates.set(name, await authority.issue(`gateway ${name}`));
    }
    custody = await createFileCustody({
      dir: join(folder, 'custody'),
      passphrase: 'a passphrase',
      mspId: 'Hospital1MSP',
    });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  beforeEach(async () => {
    now = undefined;
    owner = await makeOwner(custody);
    record = await owner.addRecord(0);
    other = await owner.addRecord(1);
    server = await start();
  });
  afterEach(() => server.close());

  it('releases a granted header to the requester alone, bound to the access entry', async () => {
    const access = owner.addAccess([record, other]);
    const headers = await ask(access, [record, other]);
    expect([...headers.keys()]).to.deep.equal([record.recordId, other.recordId]);
    const opening = {
      header: headers.get(record.recordId)!,
      privateKey: owner.requesterKey.privateKey,
      expectedContext: contextOf(record),
    };
    const opened = await openHeader({
      ...opening,
      purpose: { kind: 'release', releaseBinding: access.accessId },
    });
    expect(opened.dataKey.length).to.equal(32);
    const failure = await openHeader({
      ...opening,
      purpose: { kind: 'release', releaseBinding: 'f'.repeat(64) },
    }).then(
      () => 'opened',
      () => 'refused',
    );
    expect(failure, 'under another binding').to.equal('refused');
  });

  it('serves the opening flow over kept connections', async () => {
    const client = createReleaseClient({ tls: certificateOf('Hospital2MSP'), members: members() });
    const question = { ownerMspId: 'Hospital1MSP', gatewayUrl: server.url };
    for (const asked of [[record], [other], [record, other]]) {
      const { accessId } = owner.addAccess(asked);
      expect((await client.request({ ...question, accessId, records: asked })).size).to.equal(asked.length);
    }
    const { accessId } = owner.addAccess([record]);
    const unknown = { ...question, ownerMspId: 'NobodyMSP', accessId, records: [record] };
    await expectCode('PEER_GATEWAY_UNAVAILABLE', client.request(unknown));
    client.close();
  });

  describe('who asks', () => {
    it('answers nobody without a client certificate', async () => {
      const access = owner.addAccess([record]);
      const outcome = await new Promise<string>((resolve) => {
        const options = { method: 'POST', ca: [...rootsOf('Hospital1MSP')], agent: false as const };
        httpsRequest(new URL(RELEASE_PATH, server.url), options, () => {
          resolve('answered');
        })
          .on('error', () => {
            resolve('refused');
          })
          .end(JSON.stringify({ accessId: access.accessId, recordIds: [record.recordId] }));
      });
      expect(outcome).to.equal('refused');
    });

    it('answers nobody with a certificate of a fourth party, or an expired one', async () => {
      const access = owner.addAccess([record]);
      await expectCode('PEER_GATEWAY_UNAVAILABLE', ask(access, [record], { as: certificateOf('stranger') }));
      const expired = await authorities.get('Hospital2MSP')!.issue('gateway', -1000);
      await expectCode('PEER_GATEWAY_UNAVAILABLE', ask(access, [record], { as: expired }));
    });

    it('does not let a member fetch what another member opened', async () => {
      const access = owner.addAccess([record]);
      const as = certificateOf('Hospital3MSP');
      await expectCode('RELEASE_NOT_AUTHORISED', ask(access, [record], { as }));
      expect((await ask(access, [record])).size).to.equal(1);
      await expectCode('RELEASE_NOT_AUTHORISED', ask(access, [record], { as }));
    });

    it('tells members apart by issuer, never by the names in a certificate', async () => {
      const impostor = await makeAuthority('tlsca Hospital2MSP');
      const known = createMemberCertificates(members());
      const leafOf = ({ cert }: TlsIdentity): X509Certificate => new X509Certificate(cert);
      expect(known.mspIdOf(leafOf(certificateOf('Hospital2MSP')), Date.now())).to.equal('Hospital2MSP');
      expect(known.mspIdOf(leafOf(await impostor.issue('gateway Hospital2MSP')), Date.now())).to.equal(
        undefined,
      );
      expect(known.mspIdOf(leafOf(certificateOf('Hospital2MSP')), Date.now() + 3 * 86_400_000)).to.equal(
        undefined,
      );
      expect(known.mspIdOf(new X509Certificate(rootsOf('Hospital2MSP')[0]!), Date.now())).to.equal(undefined);
      const shared = new Map([...members(), ['Hospital4MSP', rootsOf('Hospital2MSP')]]);
      expect(() => createMemberCertificates(shared)).to.throw(TypeError, 'share a TLS authority');
    });

    it('takes an answer from the owner only: another member’s gateway at its address is refused', async () => {
      const access = owner.addAccess([record]);
      await server.close();
      server = await start({ tls: certificateOf('Hospital3MSP') });
      await expectCode('PEER_GATEWAY_UNAVAILABLE', ask(access, [record]));
    });
  });

  describe('what the ledger says', () => {
    it('releases nothing that was denied, not even beside what was granted', async () => {
      const denied = {
        ...owner.addAccess([record]).decisions[0]!,
        outcome: 'deny',
        reason: 'NO_GRANT',
      } as const;
      const access = owner.addAccess([other], { decisions: [denied] });
      await expectCode('RELEASE_NOT_AUTHORISED', ask(access, [record]));
      const mixed = owner.addAccess([other]);
      mixed.decisions.push(denied);
      await expectCode('RELEASE_NOT_AUTHORISED', ask(mixed, [other, record]));
      expect((await ask(mixed, [other])).size).to.equal(1);
    });

    it('releases nothing for a record of another hospital or one the entry does not name', async () => {
      const foreign = await owner.addRecord(2, { ownerMspId: 'Hospital3MSP' });
      await expectCode('RELEASE_NOT_AUTHORISED', ask(owner.addAccess([foreign]), [foreign]));
      await expectCode('RELEASE_NOT_AUTHORISED', ask(owner.addAccess([other]), [record]));
      const gone = { ...record, recordId: `${'e'.repeat(32)}.0` };
      await expectCode('RELEASE_NOT_AUTHORISED', ask(owner.addAccess([gone]), [gone]));
    });

    it('releases nothing for an unknown transaction, within bounded time', async () => {
      const started = performance.now();
      await expectCode('RELEASE_NOT_AUTHORISED', ask({ accessId: 'e'.repeat(64) }, [record]));
      expect(performance.now() - started).to.be.within(200, 2_000);
    });

    it('releases nothing for a transaction that is not VALID, or no opening', async () => {
      const access = owner.addAccess([record]);
      owner.transactions.set(access.accessId, {
        txId: access.accessId,
        blockNumber: 1n,
        code: 'MVCC_READ_CONFLICT',
      });
      const error = await expectCode('RELEASE_NOT_AUTHORISED', ask(access, [record]));
      expect(error.message).to.include('MVCC_READ_CONFLICT');
      owner.transactions.set('e'.repeat(64), { txId: 'e'.repeat(64), blockNumber: 1n, code: 'VALID' });
      await expectCode('RELEASE_NOT_AUTHORISED', ask({ accessId: 'e'.repeat(64) }, [record]));
    });

    it('waits for a peer that lags behind', async () => {
      const access = owner.addAccess([record]);
      const status = owner.transactions.get(access.accessId)!;
      owner.transactions.delete(access.accessId);
      setTimeout(() => owner.transactions.set(access.accessId, status), 100);
      expect((await ask(access, [record])).size).to.equal(1);
    });

    it('releases nothing while the ledger is down, and releases when it is back', async () => {
      const access = owner.addAccess([record]);
      owner.ledgerDown = true;
      await expectCode('LEDGER_UNAVAILABLE', ask(access, [record]));
      owner.ledgerDown = false;
      const released = await ask(access, [record]);
      owner.ledgerDown = true;
      await expectCode('LEDGER_UNAVAILABLE', ask(access, [record]));
      owner.ledgerDown = false;
      expect(await ask(access, [record])).to.deep.equal(released);
    });

    it('does not wait for ever for a ledger that hangs', async () => {
      await server.close();
      const ledger = { ...owner.ledger, transaction: () => new Promise<never>(() => undefined) };
      server = await start({ ledger, limits: { ledgerTimeoutMs: 100 } });
      await expectCode('LEDGER_UNAVAILABLE', ask(owner.addAccess([record]), [record]));
    });

    it('releases nothing of an erased record, not even again', async () => {
      const access = owner.addAccess([record]);
      await ask(access, [record]);
      owner.records.set(record.recordId, { ...record, status: 'erased' });
      await expectCode('RELEASE_NOT_AUTHORISED', ask(access, [record]));
      owner.records.set(record.recordId, { ...record, status: 'superseded' });
      expect((await ask(access, [record])).size).to.equal(1);
    });

    it('makes a first release within the window only, and repeats it for a day', async () => {
      const at = Date.now();
      const access = owner.addAccess([record]);
      const late = owner.addAccess([record]);
      const released = await ask(access, [record]);
      now = at + DEFAULT_RELEASE_LIMITS.releaseWindowMs + 1_000;
      await expectCode('RELEASE_NOT_AUTHORISED', ask(late, [record]));
      expect(await ask(access, [record])).to.deep.equal(released);
      now = at + DEFAULT_RELEASE_LIMITS.repeatWindowMs + 1_000;
      await expectCode('RELEASE_NOT_AUTHORISED', ask(access, [record]));
    });
  });

  describe('the same answer, and no other', () => {
    it('gives identical bytes for the same body, however often and in whatever order', async () => {
      const access = owner.addAccess([record, other]);
      const body = JSON.stringify({
        accessId: access.accessId,
        recordIds: [record.recordId, other.recordId],
      });
      const first = await post(body);
      expect(first.status).to.equal(200);
      const again = await Promise.all([post(body), post(body), post(body)]);
      for (const answer of again) expect(answer).to.deep.equal(first);
      await server.close();
      server = await start();
      expect(await post(body), 'after a restart').to.deep.equal(first);
      const turned = JSON.stringify({
        accessId: access.accessId,
        recordIds: [other.recordId, record.recordId],
      });
      expect(await post(turned)).to.deep.equal(first);
    });

    it('gives one answer to requests at the same time', async () => {
      const access = owner.addAccess([record]);
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask(access, [record])));
      for (const answer of answers) expect(answer).to.deep.equal(answers[0]);
    });

    it('refuses another body under an entry that was served', async () => {
      const access = owner.addAccess([record, other]);
      await ask(access, [record]);
      await expectCode('RELEASE_REPLAYED', ask(access, [record, other]));
      await expectCode('RELEASE_REPLAYED', ask(access, [other]));
      expect((await ask(access, [record])).size).to.equal(1);
    });

    it('gives after a crash between storing and replying what it had stored', async () => {
      const access = owner.addAccess([record]);
      await server.close();
      const answers = await openAnswerStore(join(folder, 'releases'));
      const modules = {
        ledger: owner.ledger,
        store: owner.store,
        custody,
        erasureKeys: WITHOUT_LEAVES,
        serviceIdentity: identity,
        answers,
      };
      const options = { mspId: 'Hospital1MSP', limits: DEFAULT_RELEASE_LIMITS, clock: Date.now };
      const body = { accessId: access.accessId, recordIds: [record.recordId] };
      const neverSent = await createReleaseAuthority(options, modules).release('Hospital2MSP', body);
      await answers.close();
      server = await start();
      expect(await post(JSON.stringify(body))).to.deep.equal({ status: 200, text: neverSent });
    });

    it('stores nothing when it fails, so that the same question succeeds later', async () => {
      const access = owner.addAccess([record]);
      owner.storeDown = true;
      await expectCode('STORE_UNAVAILABLE', ask(access, [record]));
      owner.storeDown = false;
      expect((await ask(access, [record])).size).to.equal(1);
    });

    it('does not release when the answer cannot be stored', async () => {
      const access = owner.addAccess([record]);
      const failing = {
        get: () => Promise.resolve(undefined),
        put: () => Promise.reject(new Error('disk full')),
        prune: () => Promise.resolve(),
        forget: () => Promise.resolve(0),
        close: () => Promise.resolve(),
      };
      const modules = {
        ledger: owner.ledger,
        store: owner.store,
        custody,
        erasureKeys: WITHOUT_LEAVES,
        serviceIdentity: identity,
        answers: failing,
      };
      const options = { mspId: 'Hospital1MSP', limits: DEFAULT_RELEASE_LIMITS, clock: Date.now };
      const body = { accessId: access.accessId, recordIds: [record.recordId] };
      const outcome = await createReleaseAuthority(options, modules)
        .release('Hospital2MSP', body)
        .then(
          () => 'released',
          () => 'refused',
        );
      expect(outcome).to.equal('refused');
    });
  });

  describe('bad input and broken parts', () => {
    const codeOf = ({ text }: { text: string }): string => (JSON.parse(text) as { code: string }).code;

    it('answers malformed requests with the catalogue’s codes', async () => {
      expect(codeOf(await post('{'))).to.equal('MALFORMED_JSON');
      expect(codeOf(await post('{}'))).to.equal('SCHEMA_VIOLATION');
      const { accessId } = owner.addAccess([record]);
      const twice = { accessId, recordIds: [record.recordId, record.recordId] };
      expect(codeOf(await post(JSON.stringify(twice)))).to.equal('SCHEMA_VIOLATION');
      const named = { accessId, recordIds: [record.recordId], mspId: 'Hospital3MSP' };
      expect(codeOf(await post(JSON.stringify(named)))).to.equal('CALLER_IN_ARGUMENTS');
      expect(codeOf(await post('x'.repeat(70_000)))).to.equal('BODY_TOO_LARGE');
      expect(codeOf(await post('{}', '/elsewhere'))).to.equal('ROUTE_NOT_FOUND');
    });

    it('tells another hospital nothing of a defect but that there is one', async () => {
      await server.close();
      const defects: unknown[] = [];
      const store = { ...owner.store, get: () => Promise.reject(new Error('secret path')) };
      server = await start({ store, onDefect: (error) => defects.push(error) });
      const access = owner.addAccess([record]);
      const error = await expectCode('PEER_GATEWAY_UNAVAILABLE', ask(access, [record]));
      expect(error.message).not.to.include('secret path');
      const answer = await post(JSON.stringify({ accessId: access.accessId, recordIds: [record.recordId] }));
      expect(answer.text).not.to.include('secret path');
      expect(defects.length).to.equal(2);
    });

    it('reports an owner that is not there, hangs, or has no TLS', async () => {
      const access = owner.addAccess([record]);
      const gone = server.url;
      await server.close();
      const error = await expectCode('PEER_GATEWAY_UNAVAILABLE', ask(access, [record], { url: gone }));
      expect(error.message).to.include('ECONNREFUSED');
      await expectCode(
        'PEER_GATEWAY_UNAVAILABLE',
        ask(access, [record], { url: gone.replace('https', 'http') }),
      );
      const ledger = { ...owner.ledger, transaction: () => new Promise<never>(() => undefined) };
      server = await start({ ledger, limits: { ledgerTimeoutMs: 1_000 } });
      await expectCode('PEER_GATEWAY_UNAVAILABLE', ask(access, [record], { timeoutMs: 200 }));
      const signal = AbortSignal.abort();
      await expectCode('PEER_GATEWAY_UNAVAILABLE', ask(access, [record], { signal }));
    });

    it('does not take an answer to another question', async () => {
      await server.close();
      const answer = JSON.stringify({
        accessId: 'f'.repeat(64),
        headers: [{ recordId: record.recordId, header: 'AA' }],
      });
      server = await createPeerStub(answer);
      await expectCode('PEER_GATEWAY_UNAVAILABLE', ask(owner.addAccess([record]), [record]));
    });

    it('bounds what one member may have under way', async () => {
      await server.close();
      const ledger = { ...owner.ledger, transaction: () => new Promise<never>(() => undefined) };
      server = await start({ ledger, maxInFlightPerMember: 1, limits: { ledgerTimeoutMs: 500 } });
      const access = owner.addAccess([record]);
      const slow = expectCode('LEDGER_UNAVAILABLE', ask(access, [record]));
      await new Promise((resolve) => setTimeout(resolve, 100));
      await expectCode('RATE_LIMITED', ask(access, [record]));
      await slow;
    });

    async function createPeerStub(answer: string): Promise<PeerServer> {
      const { createPeerServer } = await import('./peer-server.js');
      const routes = [{ path: RELEASE_PATH, handle: () => Promise.resolve(answer) }];
      const tls = certificateOf('Hospital1MSP');
      return createPeerServer({ host: '127.0.0.1', port: 0, tls, members: members(), routes });
    }
  });
});
