/** Openings along edges with the real arithmetic, on a ledger and stores in memory: for the tests of this folder. */
import { randomBytes } from 'node:crypto';
import {
  bytesToBase64Url,
  generateHpkeKeyPair,
  hpkePublicKey,
  identityKey,
  initPairing,
  makeEdge,
  makeIdentity,
  makeLabelKey,
  labelOf,
  masterKeyId,
  mclPairing,
  partialKey,
  sealEdgeShare,
  sealPartialKey,
  sharingOnThisThread,
  hexToBytes,
} from '@careledger/crypto';
import {
  CareLedgerError,
  type Access,
  type EmrRecord,
  type GrantChain,
  type Identity,
  type PatientGrant,
  type SharingState,
} from '@careledger/protocol';
import { createErasureTrees } from '../custody/erasure-trees.js';
import type { OneTimeKeys } from '../custody/recipient-keys.js';
import type { SealedFolder } from '../custody/sealed-folder.js';
import { createSharingVault } from '../custody/sharing-vault.js';
import { sharingModules } from '../app/sharing-modules.js';
import type { ErasureCustody, ErasureTree } from '../ports/erasure-custody.js';
import type { KeyCustody } from '../ports/key-custody.js';
import type { SharingCustody } from '../ports/sharing-custody.js';
import type { AnswerStore, StoredAnswer } from '../release/answer-store.js';
import { DEFAULT_RELEASE_LIMITS } from '../release/release-authority.js';
import { createRecordSharer } from '../services/record-sharing.js';
import { contextOf } from '../services/record-sealing.js';
import { createOpeningAuthority, type OpeningAuthority } from './opening-authority.js';
import type { PartialsAnswer } from './opening-protocol.js';
import { createOpeningRequester, type OpeningRequester } from './opening-requester.js';

export const [OWNER, READER, THIRD, FOURTH] = ['H1MSP', 'H2MSP', 'H3MSP', 'H4MSP'] as const;
const PROXIES = [OWNER, THIRD, FOURTH] as const;
export const KEY_SERVERS = [THIRD, FOURTH];
const PSEUDONYM = 'a'.repeat(32);
const GRANT_ID = 'b'.repeat(32);
const TAG = { recordType: 'laboratory', sensitivity: 'normal' } as const;
const GRANTEE = `role/${READER}/clinician`;
const HOUR_MS = 3_600_000;

function there<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('the world of this test lacks something');
  return value;
}

export function memoryFolder(): SealedFolder {
  const files = new Map<string, Uint8Array>();
  const name = (kind: string, id: string): string => `${kind}-${id}`;
  return {
    read: (kind, id) => Promise.resolve(files.get(name(kind, id))),
    write: (kind, id, secret) => Promise.resolve(void files.set(name(kind, id), new Uint8Array(secret))),
    remove: (kind, id) => Promise.resolve(void files.delete(name(kind, id))),
    list: (kind) =>
      Promise.resolve(
        [...files.keys()]
          .filter((key) => key.startsWith(`${kind}-`))
          .map((key) => key.slice(kind.length + 1)),
      ),
  };
}

export function memoryAnswers(): AnswerStore {
  const answers = new Map<string, StoredAnswer>();
  return {
    get: (accessId) => Promise.resolve(answers.get(accessId)),
    put: (accessId, answer) => Promise.resolve(void answers.set(accessId, answer)),
    prune: () => Promise.resolve(),
    forget: () => Promise.resolve(0),
    close: () => Promise.resolve(),
  };
}

interface Hospital {
  readonly sharing: SharingCustody;
  readonly erasure: ErasureCustody;
  readonly encryptionKey: Uint8Array;
}

/** One patient of the first hospital, whose laboratory results clinicians of the second may open. */
export class SharingWorld {
  readonly records = new Map<string, EmrRecord>();
  readonly objects = new Map<string, Uint8Array>();
  readonly authorities = new Map<string, OpeningAuthority>();
  readonly badProxies: string[] = [];
  readonly hospitals = new Map<string, Hospital>();
  readonly identities = new Map<string, Identity>();
  readonly oneTime = generateHpkeKeyPair();
  access!: Access;
  state: SharingState = { pseudonym: PSEUDONYM, mspId: OWNER, status: 'enrolled', identityEpoch: 0 };
  /** Of every grant that an entry names. */
  chain!: GrantChain;
  /** Ids of grants that have ended. */
  readonly ended = new Set<string>();
  nowMs = Date.now();
  /** Changes what a hospital answers on its way. */
  tamper: (mspId: string, answer: PartialsAnswer) => PartialsAnswer | Promise<PartialsAnswer> = (_, answer) =>
    answer;
  requester!: OpeningRequester;
  readonly #machine = sharingOnThisThread();
  readonly #scalar = Uint8Array.from(randomBytes(32), (byte, index) => (index === 0 ? 0 : byte));
  #masterPublicKey!: Uint8Array;

  static async make(contents: readonly string[]): Promise<SharingWorld> {
    await initPairing();
    const world = new SharingWorld();
    await world.#build();
    for (const content of contents) await world.#seal(content);
    world.addAccess();
    return world;
  }

  get #ledger() {
    return {
      mspId: READER,
      masterKey: () => Promise.resolve(this.#masterKey),
      identity: (name: string, keyEpoch = 0) =>
        Promise.resolve(this.identities.get(`${name}#${String(keyEpoch)}`)),
      chain: (_: string, grantId: string): Promise<GrantChain> => {
        const links = this.chain.links.map((link) => ({ ...link, grant: { ...link.grant, grantId } }));
        return links.length === 0 || this.ended.has(grantId)
          ? Promise.reject(new CareLedgerError('GRANT_NOT_FOUND'))
          : Promise.resolve({ links });
      },
      sharing: () => Promise.resolve(this.state),
    };
  }

  get #masterKey() {
    const masterKey = { publicKey: this.#masterPublicKey, keyId: masterKeyId(this.#masterPublicKey) };
    return {
      masterKey,
      sharing: { epoch: 0, threshold: 1, holders: [OWNER], commitments: [this.#masterPublicKey] },
    };
  }

  readonly #store = {
    get: (cid: string) => {
      const object = this.objects.get(cid);
      return object === undefined
        ? Promise.reject(new CareLedgerError('STORE_UNAVAILABLE'))
        : Promise.resolve(object);
    },
  };

  async #build(): Promise<void> {
    const engine = mclPairing();
    const scalar = BigInt(`0x${Buffer.from(this.#scalar).toString('hex')}`);
    this.#masterPublicKey = engine.encodeG2(engine.g2Power(engine.g2, scalar));
    for (const mspId of [OWNER, READER, THIRD, FOURTH]) await this.#addHospital(mspId);
    await this.#giveIdentity(READER, GRANTEE);
    await this.#grant();
    this.requester = createOpeningRequester(
      { concurrency: 4, timeoutMs: 1_000 },
      {
        ledger: this.#ledger,
        peers: {
          ask: async (mspId: string, { body }: { body: object }) =>
            (await this.tamper(mspId, JSON.parse(await this.ask(mspId, body)) as PartialsAnswer)) as never,
        },
        store: this.#store,
        custody: there(this.hospitals.get(READER)),
        ownAnswer: () => Promise.reject(new Error('not a proxy')),
        thresholdOf: sharingModules(this.#custodyOf(OWNER), this.#machine).thresholdOf,
        onBadProxy: ({ mspId }) => this.badProxies.push(mspId),
      },
    );
  }

  #custodyOf(mspId: string): KeyCustody {
    return this.hospitals.get(mspId) as unknown as KeyCustody;
  }

  async #addHospital(mspId: string): Promise<void> {
    const folder = memoryFolder();
    const { privateKey } = generateHpkeKeyPair();
    const oneTime = { privateKey: () => Promise.resolve(this.oneTime.privateKey) } as unknown as OneTimeKeys;
    const sharing = createSharingVault({
      mspId,
      folder,
      machine: this.#machine,
      oneTimePrivateKey: () => Promise.reject(new Error('no links are opened here')),
      encryptionPrivateKey: () => Promise.resolve(privateKey),
      masterShare: () => Promise.resolve(this.#scalar),
    });
    const erasure = createErasureTrees({ mspId }, folder, oneTime);
    this.hospitals.set(mspId, { sharing, erasure, encryptionKey: hpkePublicKey(privateKey) });
    await this.#register(mspId, `member/${mspId}`);
    const identity = { mspId, certificate: '', sign: () => Promise.reject(new Error('not here')) };
    this.authorities.set(
      mspId,
      createOpeningAuthority(
        { mspId, limits: { ...DEFAULT_RELEASE_LIMITS, lagWaitMs: 0 }, clock: () => this.nowMs },
        {
          ledger: {
            transaction: (_: unknown, txId: string) =>
              Promise.resolve(
                txId === this.access.accessId ? { txId, blockNumber: 1n, code: 'VALID' } : undefined,
              ),
            evaluate: (_: unknown, contract: string, __: string, of: { recordId: string }) =>
              Promise.resolve(contract === 'access' ? this.access : this.records.get(of.recordId)),
          } as never,
          serviceIdentity: identity,
          sharing: this.#ledger,
          store: this.#store,
          custody: { sharing, erasure },
          answers: memoryAnswers(),
        },
      ),
    );
  }

  async #register(mspId: string, name: string): Promise<void> {
    const { masterKey } = this.#masterKey;
    const made = await there(this.hospitals.get(mspId)).sharing.registration({
      name,
      keyEpoch: 0,
      masterKey,
    });
    this.identities.set(`${name}#0`, { ...made, mspId, at: '', txId: '' });
  }

  async #giveIdentity(mspId: string, name: string): Promise<void> {
    const { sharing } = there(this.hospitals.get(mspId));
    await this.#register(mspId, name);
    const of = { name, keyEpoch: 0 };
    const oneTimeKey = await sharing.extractionKey(of);
    const { masterKey, sharing: shared } = this.#masterKey;
    const address = { keyId: masterKey.keyId, sharingEpoch: 0, holder: OWNER, ...of };
    const sealed = await sealPartialKey(address, oneTimeKey, partialKey(this.#scalar, of));
    await sharing.adoptIdentityKey({
      ...of,
      masterKey,
      sharing: shared,
      partials: new Map([[OWNER, sealed]]),
    });
  }

  #labelKey = makeLabelKey();

  async #grant(): Promise<void> {
    const of = { name: `patient/${PSEUDONYM}`, keyEpoch: 0 };
    const masterPublicKey = this.#masterPublicKey;
    const { registration, factor, signingKey } = makeIdentity({
      ...of,
      masterPublicKey,
      recoverable: false,
      custody: 'patient',
    });
    this.identities.set(`${of.name}#0`, { ...registration, mspId: OWNER, at: '', txId: '' });
    const sk = identityKey(partialKey(this.#scalar, of), factor, registration);
    const made = makeEdge(
      { identity: registration, identityKey: sk, signingKey },
      {
        to: there(this.identities.get(`${GRANTEE}#0`)),
        tag: { ...this.#labels, tagEpoch: 0 },
        proxies: PROXIES,
        threshold: 2,
        sharable: false,
        maxDepth: 0,
        allowsRecoverable: false,
      },
    );
    const { edgeId } = made;
    const edge = {
      ...TAG,
      tagEpoch: 0,
      statement: bytesToBase64Url(made.statement),
      w: bytesToBase64Url(made.w),
      edgeId,
      fromKeyEpoch: 0,
      toKeyEpoch: 0,
      proxies: PROXIES.map((mspId) => ({ mspId, keyEpoch: 0 })),
      txId: 'e'.repeat(64),
    };
    const view = {
      masterKey: this.#masterKey.masterKey,
      chain: [edge],
      identities: [registration, there(this.identities.get(`${GRANTEE}#0`))],
    };
    for (const mspId of PROXIES) {
      const { sharing, encryptionKey } = there(this.hospitals.get(mspId));
      const share = there(made.shares.get(mspId));
      const sealedShare = await sealEdgeShare({
        edgeId: hexToBytes(edgeId),
        proxyMspId: mspId,
        encryptionKey,
        share,
      });
      await sharing.storeEdgeShare({ edgeId, sealedShare, view, keyEpoch: 0 });
    }
    const grant: PatientGrant = {
      grantId: GRANT_ID,
      pseudonym: PSEUDONYM,
      grantee: { kind: 'role', mspId: READER, role: 'clinician' },
      recordTypes: ['laboratory'],
      purposes: ['treatment'],
      notBefore: new Date(this.nowMs - HOUR_MS).toISOString(),
      notAfter: new Date(this.nowMs + HOUR_MS).toISOString(),
      maxHops: 0,
      status: 'active',
      basis: 'patient',
      edges: [{ ...TAG, tagEpoch: 0, edgeId }],
      createdAt: new Date(this.nowMs - HOUR_MS).toISOString(),
      txId: 'e'.repeat(64),
    };
    this.chain = { links: [{ grant, edges: [edge] }] };
  }

  get #labels() {
    return {
      typeLabel: labelOf(this.#labelKey, 'type', TAG.recordType),
      conditionLabel: labelOf(this.#labelKey, 'condition', TAG.sensitivity),
    };
  }

  /** A record whose data key is the digest-like bytes of its content: the tests look for it. */
  async #seal(content: string): Promise<void> {
    const recordId = `${'c'.repeat(32)}.${String(this.records.size)}`;
    const { erasure } = there(this.hospitals.get(OWNER));
    const { typeLabel: type, conditionLabel: condition } = this.#labels;
    const { sealer } = sharingModules(this.#custodyOf(OWNER), this.#machine);
    const sharer = createRecordSharer({
      ledger: this.#ledger,
      custody: { labels: () => Promise.resolve({ type, condition }) },
      sealer,
    });
    const patient = await sharer.forPatient(PSEUDONYM);
    const tree = {
      ownerMspId: OWNER,
      pseudonym: PSEUDONYM,
      recordType: TAG.recordType,
      keyServers: KEY_SERVERS,
    };
    const { leaf, key } = await erasure.nextLeaf(tree);
    await this.#deal(tree);
    const record = {
      recordId,
      ownerMspId: OWNER,
      pseudonym: PSEUDONYM,
      type: TAG.recordType,
      sharable: true,
      status: 'anchored',
      erasureLeaf: leaf,
      keyServers: KEY_SERVERS,
    } as EmrRecord;
    const payload = {
      dataKey: dataKeyOf(content),
      salt: randomBytes(32),
      contentType: 'text/plain',
      contentLength: content.length,
    };
    const made = await there(patient).makeHeader({
      context: contextOf(record),
      type: TAG.recordType,
      sensitivity: TAG.sensitivity,
      payload,
      erasureKey: key,
    });
    this.objects.set(`header-${recordId}`, made.object);
    this.records.set(recordId, { ...record, sharing: { ...made.sharing, headerCid: `header-${recordId}` } });
  }

  async #deal(tree: ErasureTree): Promise<void> {
    const { erasure } = there(this.hospitals.get(OWNER));
    for (const mspId of KEY_SERVERS) {
      const dealt = await erasure.partsFor(tree, mspId);
      if (dealt === undefined) continue;
      await there(this.hospitals.get(mspId)).erasure.accept(tree, { ...dealt, spent: [] });
      await erasure.dealt(tree, mspId);
    }
  }

  addAccess(extra: Partial<Access> = {}): Access {
    this.access = {
      accessId: randomBytes(32).toString('hex'),
      requester: { mspId: READER, enrolmentId: 'dr-2', role: 'clinician' },
      purpose: 'treatment',
      recipientKey: bytesToBase64Url(this.oneTime.publicKey),
      at: new Date(this.nowMs).toISOString(),
      decisions: [...this.records.values()].map(({ recordId, pseudonym, ownerMspId }) => ({
        recordId,
        pseudonym,
        ownerMspId,
        outcome: 'grant',
        basis: 'grant',
        via: 're-encryption',
        grantId: GRANT_ID,
      })),
      ...extra,
    };
    return this.access;
  }

  ask(mspId: string, body: object, caller: string = READER): Promise<string> {
    return there(this.authorities.get(mspId)).answer(caller, body);
  }

  get body() {
    return { accessId: this.access.accessId, recordIds: [...this.records.keys()] };
  }

  /** Data keys in hex, or codes of what went wrong. */
  async open(): Promise<string[]> {
    const keys = await this.requester.open(this.access, [...this.records.values()]);
    return [...this.records.keys()].map((recordId) => {
      const found = there(keys.get(recordId));
      return found instanceof Error
        ? String((found as { code?: unknown }).code)
        : Buffer.from(found.dataKey).toString('hex');
    });
  }
}

export function dataKeyOf(content: string): Uint8Array {
  return new Uint8Array(Buffer.alloc(32, content));
}
