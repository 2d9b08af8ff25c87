import { createHash, randomBytes } from 'node:crypto';
import {
  encodeScalar,
  generateHpkeKeyPair,
  initPairing,
  mclPairing,
  modQ,
  randomScalar,
  sealLink,
  sealPartialKey,
  sharingOnThisThread,
  traceIdentity,
} from '@careledger/crypto';
import {
  CareLedgerError,
  type LinkCase,
  type LinkOutcome,
  type Member,
  type OpenLinkCase,
} from '@careledger/protocol';
import { expect } from 'chai';
import type { SealedFolder } from '../../custody/sealed-folder.js';
import { createSharingVault } from '../../custody/sharing-vault.js';
import type { MasterKeyView, MasterSharingView, SharingCustody } from '../../ports/sharing-custody.js';
import type { StaffCaller } from '../../services/caller.js';
import type { ContractCaller } from '../../services/contract-caller.js';
import type { LocalTable } from '../../services/local-tables.js';
import { LinkAuthority } from '../link-authority.js';
import { LinkCases, type LinkCaseRow } from '../link-cases.js';
import type { LinkLedger } from '../link-ledger.js';

const HOSPITALS = ['Hospital1MSP', 'Hospital2MSP', 'Hospital3MSP', 'Hospital4MSP'];
const [OPENER = ''] = HOSPITALS;
const hex = (): string => randomBytes(16).toString('hex');
const AT = '2026-11-20T08:00:00.000Z';
const NO_WAIT = { lagWaitMs: 0, pollMs: 1 };
const officer = (mspId: string) => ({ mspId, enrolmentId: `officer-${mspId}`, role: 'officer' as const });

describe('linking pseudonyms', () => {
  let shares: ReadonlyMap<string, Uint8Array>;
  let masterKey: MasterKeyView;
  let sharing: MasterSharingView;
  let links: Map<string, Uint8Array>;
  /** Two of one patient, one of another. */
  let pseudonyms: readonly [string, string, string];

  before(async () => {
    await initPairing();
    const engine = mclPairing();
    const coefficients = [randomScalar(), randomScalar(), randomScalar()];
    const commitments = coefficients.map((a) => engine.encodeG2(engine.g2Power(engine.g2, a)));
    const at = (point: number): bigint =>
      coefficients.reduceRight((value, a) => modQ(value * BigInt(point) + a), 0n);
    const publicKey = commitments[0] ?? new Uint8Array();
    masterKey = { publicKey, keyId: createHash('sha256').update(publicKey).digest('hex') };
    sharing = { epoch: 1, threshold: 3, holders: HOSPITALS, commitments };
    shares = new Map(HOSPITALS.map((mspId, index) => [mspId, encodeScalar(at(index + 1))]));
    pseudonyms = [hex(), hex(), hex()];
    const [one, another] = [randomBytes(32), randomBytes(32)];
    links = new Map(
      pseudonyms.map((pseudonym, index) => [
        pseudonym,
        sealLink(pseudonym, publicKey, new Uint8Array(index < 2 ? one : another)),
      ]),
    );
  });

  interface World {
    readonly cases: LinkCases;
    readonly authority: (mspId: string) => LinkAuthority;
    readonly ledger: { linkCase?: LinkCase; posted: number };
    /** Gateways that do not answer. */
    readonly away: Set<string>;
    /** What a hospital's custody gives instead. */
    readonly lying: Map<string, SharingCustody['identityPartialKey']>;
    readonly told: Readonly<Record<string, unknown>>[];
    readonly oneTimeKeys: Map<string, Uint8Array>;
    readonly request: Omit<OpenLinkCase, 'oneTimeKey'>;
    open(): Promise<unknown>;
    approve(...mspIds: readonly string[]): void;
  }

  /** The contract's part is played here: chaincode/src/links-contract.test.ts has its rules. */
  function makeWorld(): World {
    const state: { linkCase?: LinkCase; posted: number } = { posted: 0 };
    const oneTimeKeys = new Map<string, Uint8Array>();
    const away = new Set<string>();
    const lying = new Map<string, SharingCustody['identityPartialKey']>();
    const told: Readonly<Record<string, unknown>>[] = [];
    const rows = new Map<string, LinkCaseRow>();
    const ledgerOf = (mspId: string): LinkLedger => ({
      mspId,
      masterKey: () => Promise.resolve({ masterKey, sharing }),
      activeMembers: () => Promise.resolve(HOSPITALS.map((member) => ({ mspId: member }) as Member)),
      linkCase: () => Promise.resolve(state.linkCase),
      sealedLink: (pseudonym) => Promise.resolve(links.get(pseudonym)),
      postOutcome(_id: string, outcome: LinkOutcome) {
        if (state.linkCase === undefined) throw new Error('no case');
        state.posted += 1;
        state.linkCase = { ...state.linkCase, status: 'posted', outcome };
        return Promise.resolve({ txId: '', blockNumber: '1', result: state.linkCase });
      },
    });
    const vaultOf = (mspId: string): SharingCustody =>
      createSharingVault({
        mspId,
        folder: {} as SealedFolder,
        machine: sharingOnThisThread(),
        encryptionPrivateKey: () => Promise.reject(new Error('not asked for')),
        oneTimePrivateKey(publicKey) {
          const privateKey = oneTimeKeys.get(Buffer.from(publicKey).toString('hex'));
          return privateKey === undefined
            ? Promise.reject(new CareLedgerError('TRANSITION_NOT_ALLOWED'))
            : Promise.resolve(privateKey);
        },
        masterShare: () => Promise.resolve(shares.get(mspId) ?? new Uint8Array()),
      });
    const authority = (mspId: string): LinkAuthority => {
      const instead = lying.get(mspId);
      const custody = instead === undefined ? vaultOf(mspId) : { identityPartialKey: instead };
      return new LinkAuthority({ ledger: ledgerOf(mspId), custody }, NO_WAIT);
    };
    const submit = (_identity: unknown, _contract: string, _method: string, argument: object) => {
      const asked = argument as OpenLinkCase;
      state.linkCase = {
        ...asked,
        status: 'opened',
        openedBy: officer(OPENER),
        approvals: [],
        endsAt: AT,
        openedAt: AT,
        changedAt: AT,
        txId: '',
      };
      return Promise.resolve({ txId: '', blockNumber: '1', result: state.linkCase });
    };
    const table: LocalTable<LinkCaseRow> = {
      get: (key) => Promise.resolve(rows.get(key)),
      put: (key, row) => Promise.resolve(void rows.set(key, row)),
      delete: (key) => Promise.resolve(void rows.delete(key)),
      entries: () => Promise.reject(new Error('not asked for')) as never,
    };
    const cases = new LinkCases({
      ledger: ledgerOf(OPENER),
      contracts: { submit } as unknown as Pick<ContractCaller, 'submit'>,
      custody: {
        createRecipientKey() {
          const { publicKey, privateKey } = generateHpkeKeyPair();
          oneTimeKeys.set(Buffer.from(publicKey).toString('hex'), privateKey);
          return Promise.resolve(publicKey);
        },
        forgetRecipientKey: (publicKey) =>
          Promise.resolve(void oneTimeKeys.delete(Buffer.from(publicKey).toString('hex'))),
        sharing: vaultOf(OPENER),
      },
      peers: {
        async ask(mspId, question) {
          if (away.has(mspId)) throw new CareLedgerError('PEER_GATEWAY_UNAVAILABLE');
          return (await authority(mspId).give(OPENER, question.body)) as never;
        },
      },
      authority: { give: (caller, body) => authority(OPENER).give(caller, body) },
      table,
      tell: (_text, details) => told.push(details),
    });
    const request = { linkCaseId: hex(), pseudonyms: [...pseudonyms], reason: 'by order' };
    const caller = { ...officer(OPENER), identity: {} } as StaffCaller;
    return {
      cases,
      authority,
      ledger: state,
      away,
      lying,
      told,
      oneTimeKeys,
      request,
      open: () => cases.open(caller, request, {}),
      approve(...mspIds) {
        if (state.linkCase === undefined) throw new Error('no case');
        const approvals = mspIds.map((mspId) => ({ by: officer(mspId), at: AT, txId: '' }));
        state.linkCase = { ...state.linkCase, status: 'approved', approvals };
      },
    };
  }

  const errorOf = (promise: Promise<unknown>): Promise<CareLedgerError> =>
    promise.then(
      () => expect.fail('it was accepted'),
      (error: unknown) => error as CareLedgerError,
    );

  it('says which are one patient’s, and leaves no key behind', async () => {
    const world = makeWorld();
    await world.open();
    await world.open();
    expect(world.oneTimeKeys.size).to.equal(1);
    world.approve(...HOSPITALS.slice(1));
    world.away.add('Hospital4MSP');
    const { outcome } = await world.cases.conclude(world.request.linkCaseId);
    const [one, two, other] = pseudonyms;
    expect(outcome).to.deep.equal({ groups: [[one, two], [other]], unreadable: [], badHolders: [] });
    expect(world.oneTimeKeys.size).to.equal(0);
    // Asked again after a crash in between: what stands is answered.
    expect((await world.cases.conclude(world.request.linkCaseId)).outcome).to.deep.equal(outcome);
    expect(world.ledger.posted).to.equal(1);
  });

  it('names holders whose part is wrong, and goes on without them', async () => {
    const world = makeWorld();
    await world.open();
    world.approve(...HOSPITALS);
    const wrongPart: SharingCustody['identityPartialKey'] = ({ oneTimeKey, keyId, name, keyEpoch }) =>
      sealPartialKey(
        { keyId, sharingEpoch: 1, holder: 'Hospital2MSP', name, keyEpoch },
        oneTimeKey,
        new Uint8Array(48),
      );
    world.lying.set('Hospital2MSP', wrongPart);
    const { outcome } = await world.cases.conclude(world.request.linkCaseId);
    expect(outcome?.badHolders).to.deep.equal(['Hospital2MSP']);
    expect(outcome?.groups).to.have.length(2);
    expect(world.told).to.have.length(1);
  });

  it('opens nothing with fewer parts than a majority', async () => {
    const world = makeWorld();
    await world.open();
    world.approve(...HOSPITALS);
    world.away.add('Hospital3MSP').add('Hospital4MSP');
    const error = await errorOf(world.cases.conclude(world.request.linkCaseId));
    expect(error.code).to.equal('KEY_NOT_FOUND');
    expect(error.extensions['missing']).to.have.length(2);
    expect([world.ledger.posted, world.oneTimeKeys.size]).to.deep.equal([0, 1]);
  });

  it('says of a link that is no link that it cannot be read', async () => {
    const world = makeWorld();
    const [one, two, other] = pseudonyms;
    const kept = links.get(other);
    links.set(other, links.get(one) ?? new Uint8Array());
    try {
      await world.open();
      world.approve(...HOSPITALS);
      const { outcome } = await world.cases.conclude(world.request.linkCaseId);
      expect(outcome).to.deep.include({ groups: [[one, two]], unreadable: [other] });
    } finally {
      links.set(other, kept ?? new Uint8Array());
    }
  });

  it('gives no part below a majority, to another hospital, or of a case that is over', async () => {
    const world = makeWorld();
    const { linkCaseId } = world.request;
    const give = (caller = OPENER) => errorOf(world.authority('Hospital2MSP').give(caller, { linkCaseId }));
    expect((await give()).code).to.equal('RELEASE_NOT_AUTHORISED');
    await world.open();
    expect((await give()).code).to.equal('RELEASE_NOT_AUTHORISED');
    // A status that nobody's approvals carry: what altered contracts elsewhere might write.
    world.approve('Hospital2MSP', 'Hospital3MSP');
    expect((await give()).code).to.equal('RELEASE_NOT_AUTHORISED');
    world.approve('Hospital2MSP', 'Hospital3MSP', 'Hospital3MSP');
    expect((await give()).code).to.equal('RELEASE_NOT_AUTHORISED');
    world.approve(...HOSPITALS.slice(1));
    expect((await give('Hospital3MSP')).code).to.equal('RELEASE_NOT_AUTHORISED');
    const given = await world.authority('Hospital2MSP').give(OPENER, { linkCaseId });
    expect(given.parts.map(({ pseudonym }) => pseudonym)).to.deep.equal(pseudonyms);
    for (const status of ['lapsed', 'posted'] as const) {
      world.ledger.linkCase = { ...world.ledger.linkCase!, status };
      expect((await give()).code).to.equal('RELEASE_NOT_AUTHORISED');
    }
    const malformed = { linkCaseId, pseudonyms: [traceIdentity(hex()).name] };
    const error = await errorOf(world.authority('Hospital2MSP').give(OPENER, malformed));
    expect(error.code).to.equal('SCHEMA_VIOLATION');
  });

  it('is concluded by the hospital that asked, once approved, under its own request', async () => {
    const world = makeWorld();
    const { linkCaseId } = world.request;
    expect((await errorOf(world.cases.conclude(linkCaseId))).code).to.equal('LINK_CASE_NOT_FOUND');
    await world.open();
    expect((await errorOf(world.cases.conclude(linkCaseId))).code).to.equal('TRANSITION_NOT_ALLOWED');
    const other = { ...officer(OPENER), enrolmentId: 'officer-9', identity: {} } as StaffCaller;
    expect((await errorOf(world.cases.open(other, world.request, {}))).code).to.equal('ALREADY_EXISTS');
    world.approve(...HOSPITALS);
    world.ledger.linkCase = { ...world.ledger.linkCase!, openedBy: officer('Hospital2MSP') };
    expect((await errorOf(world.cases.conclude(linkCaseId))).code).to.equal('NOT_OWNER');
    expect(world.ledger.posted).to.equal(0);
  });
});
