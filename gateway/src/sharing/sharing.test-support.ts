/** Three hospitals with real custodies and a patient, on a ledger and connections of this process alone. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bytesToBase64Url,
  combinePartialKeys,
  generateHpkeKeyPair,
  identityKey,
  initPairing,
  labelOf,
  makeEdge,
  makeIdentity,
  partialKey,
  randomBytes,
  sealEdgeShare,
  sealLabelKey,
  masterKeyId,
  sharingOnThisThread,
  type Delegator,
} from '@careledger/crypto';
import { dealMaster } from '@careledger/crypto/testing';
import {
  CareLedgerError,
  patientName,
  type Edge,
  type GrantChain,
  type Identity,
  type IdentityRegistration,
  type Member,
  type PatientGrant,
  type SharingState,
} from '@careledger/protocol';
import { createSealedFolder, type SealedFolder } from '../custody/sealed-folder.js';
import { createSealing } from '../custody/sealing.js';
import { createSharingVault } from '../custody/sharing-vault.js';
import type { SharingCustody } from '../ports/sharing-custody.js';
import type { LocalTable } from '../services/local-tables.js';
import type { SealedShareOfEdge } from './edge-protocol.js';
import { ExtractionAuthority } from './extraction-authority.js';
import { ExtractionClient } from './extraction-client.js';
import { IdentityKeeper } from './identity-keeper.js';
import type { PeerQuestions } from './peer-questions.js';
import { Proxy, type EdgeShareRow } from './proxy.js';
import type { MasterKeyInForce, SharingLedger } from './sharing-ledger.js';
import { readStatement } from './statement-facts.js';

export const PSEUDONYM = 'a'.repeat(32);
export const HOSPITALS = ['Hospital1MSP', 'Hospital2MSP', 'Hospital3MSP'] as const;
export const CHANNEL = 'careledger';

/** Rows that survive a restart of what uses them. */
export function memoryTable<Row>(): LocalTable<Row> {
  const rows = new Map<string, Row>();
  return {
    get: (key) => Promise.resolve(rows.get(key)),
    put: (key, row) => {
      rows.set(key, row);
      return Promise.resolve();
    },
    delete: (key) => {
      rows.delete(key);
      return Promise.resolve();
    },
    async *entries() {
      for (const entry of [...rows]) yield await Promise.resolve(entry);
    },
  };
}

export interface Hospital {
  readonly mspId: string;
  readonly custody: SharingCustody;
  readonly ledger: SharingLedger;
  readonly table: LocalTable<EdgeShareRow>;
  proxy: Proxy;
  readonly authority: ExtractionAuthority;
  readonly extraction: ExtractionClient;
  readonly keeper: IdentityKeeper;
  readonly peers: Pick<PeerQuestions, 'ask'>;
  readonly told: { readonly text: string; readonly details: Readonly<Record<string, unknown>> }[];
}

export class World {
  readonly identities = new Map<string, Identity>();
  readonly grants = new Map<string, PatientGrant>();
  readonly chains = new Map<string, GrantChain>();
  readonly hospitals = new Map<string, Hospital>();
  /** Hospitals that do not answer. */
  readonly away = new Set<string>();
  sharing: SharingState = { pseudonym: PSEUDONYM, mspId: 'Hospital1MSP', status: 'enrolled' };
  now = Date.parse('2026-01-01T00:00:00.000Z');
  readonly labelKey = randomBytes(32);
  readonly #encryption = new Map(HOSPITALS.map((mspId) => [mspId as string, generateHpkeKeyPair()]));
  /** Set by `open`. */
  master!: MasterKeyInForce;
  owner!: Delegator;
  #folders: string[] = [];

  static async open(): Promise<World> {
    const engine = await initPairing();
    const world = new World();
    const dealt = dealMaster(engine, HOSPITALS.length, 2);
    world.master = {
      masterKey: { publicKey: dealt.masterPublicKey, keyId: masterKeyId(dealt.masterPublicKey) },
      sharing: dealt.sharing,
    };
    for (const mspId of HOSPITALS) await world.#addHospital(mspId, dealt.shares.get(mspId));
    const made = makeIdentity({
      name: patientName(PSEUDONYM),
      keyEpoch: 0,
      masterPublicKey: dealt.masterPublicKey,
      recoverable: false,
      custody: 'patient',
    });
    const place = { name: patientName(PSEUDONYM), keyEpoch: 0 };
    const parts = [...dealt.shares].map(([holder, s]) => [holder, partialKey(s, place)] as const);
    const { key } = combinePartialKeys(dealt.sharing, place, new Map(parts));
    if (key === undefined) throw new Error('the dealt shares make no key');
    const { registration, factor, signingKey } = made;
    world.register(registration, 'Hospital1MSP');
    world.owner = {
      identity: registration,
      identityKey: identityKey(key, factor, registration),
      signingKey,
    };
    return world;
  }

  async close(): Promise<void> {
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true, force: true })));
  }

  hospital(mspId: string): Hospital {
    const found = this.hospitals.get(mspId);
    if (found === undefined) throw new Error(`no ${mspId}`);
    return found;
  }

  register(registration: IdentityRegistration, mspId: string): void {
    this.identities.set(registration.name, {
      ...registration,
      mspId,
      at: new Date(this.now).toISOString(),
      txId: '0'.repeat(64),
    });
  }

  encryptionKey(mspId: string): Uint8Array {
    return this.#encryption.get(mspId)?.publicKey ?? new Uint8Array();
  }

  sealedLabelKey(mspId: string): Promise<Uint8Array> {
    return sealLabelKey({
      mspId,
      pseudonym: PSEUDONYM,
      encryptionKey: this.encryptionKey(mspId),
      labelKey: this.labelKey,
    });
  }

  /** As the patient's client makes it. */
  async edge(
    toName: string,
    proxies: readonly string[],
    options: { readonly maxDepth?: number } = {},
  ): Promise<{ readonly edgeId: string; readonly edge: Edge; readonly shares: SealedShareOfEdge[] }> {
    const { maxDepth = 1 } = options;
    const tagEpoch = 0;
    const to = this.identities.get(toName);
    if (to === undefined) throw new Error(`no identity ${toName}`);
    const terms = {
      tag: {
        typeLabel: labelOf(this.labelKey, 'type', 'laboratory'),
        conditionLabel: labelOf(this.labelKey, 'condition', 'normal'),
        tagEpoch,
      },
      to,
      proxies,
      threshold: proxies.length,
      sharable: maxDepth > 0,
      maxDepth,
      allowsRecoverable: false,
    };
    const made = makeEdge(this.owner, terms);
    const edge: Edge = {
      recordType: 'laboratory',
      sensitivity: 'normal',
      tagEpoch,
      statement: bytesToBase64Url(made.statement),
      w: bytesToBase64Url(made.w),
    };
    const shares = await Promise.all(
      proxies.map(async (mspId) => ({
        edgeId: made.edgeId,
        mspId,
        share: bytesToBase64Url(await this.seal(made.edgeId, mspId, made.shares.get(mspId))),
      })),
    );
    return { edgeId: made.edgeId, edge, shares };
  }

  seal(edgeId: string, mspId: string, share: Uint8Array = new Uint8Array(48)): Promise<Uint8Array> {
    return sealEdgeShare({
      edgeId: new Uint8Array(Buffer.from(edgeId, 'hex')),
      proxyMspId: mspId,
      encryptionKey: this.encryptionKey(mspId),
      share,
    });
  }

  /** The grant with its edges, as if the contract had taken it. */
  activate(
    grant: Pick<PatientGrant, 'grantId' | 'grantee'> & Partial<PatientGrant>,
    edges: readonly { readonly edgeId: string; readonly edge: Edge }[],
    parentId?: string,
  ): void {
    const { grantId } = grant;
    const entry = {
      pseudonym: PSEUDONYM,
      recordTypes: ['laboratory'],
      purposes: ['treatment'],
      notBefore: '2026-01-01T00:00:00.000Z',
      notAfter: '2027-01-01T00:00:00.000Z',
      maxHops: 1,
      status: 'active',
      basis: 'patient',
      createdAt: '2026-01-01T00:00:00.000Z',
      txId: '0'.repeat(64),
      edges: edges.map(({ edgeId, edge: { recordType, sensitivity, tagEpoch } }) => ({
        ...{ recordType, sensitivity, tagEpoch, edgeId },
      })),
      ...grant,
    } as PatientGrant;
    this.grants.set(grantId, entry);
    const inForce = edges.map(({ edgeId, edge }) => {
      const { from, to, proxies } = readStatement(edge.statement);
      return {
        ...edge,
        edgeId,
        fromKeyEpoch: from.keyEpoch,
        toKeyEpoch: to.keyEpoch,
        proxies: proxies.map((mspId) => ({ mspId, keyEpoch: 0 })),
        txId: '0'.repeat(64),
      };
    });
    const above = parentId === undefined ? [] : (this.chains.get(parentId)?.links ?? []);
    this.chains.set(grantId, { links: [...above, { grant: entry, edges: inForce }] });
  }

  async #addHospital(mspId: string, scalar: Uint8Array | undefined): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'careledger-sharing-'));
    this.#folders.push(folder);
    const custody = this.custodyIn(createSealedFolder(folder, createSealing(randomBytes(32))), mspId, scalar);
    const ledger = this.#ledgerOf(mspId);
    const told: Hospital['told'] = [];
    const clock = (): number => this.now;
    const peers: Pick<PeerQuestions, 'ask'> = {
      ask: async (to, { path, body }) => {
        if (this.away.has(to)) throw new CareLedgerError('PEER_GATEWAY_UNAVAILABLE', { came: to });
        const { proxy, authority } = this.hospital(to);
        const route = [...proxy.routes, authority.route].find((candidate) => candidate.path === path);
        if (route === undefined) throw new CareLedgerError('ROUTE_NOT_FOUND');
        return JSON.parse(await route.handle(mspId, JSON.parse(JSON.stringify(body)))) as never;
      },
    };
    const tell = (text: string, details: Readonly<Record<string, unknown>>): void => {
      told.push({ text, details });
    };
    const authority = new ExtractionAuthority({ ledger, custody, clock });
    const extraction = new ExtractionClient({ ledger, custody, peers, authority, clock, tell });
    const keeper = new IdentityKeeper({
      ledger,
      custody,
      extraction,
      staff: { list: () => Promise.resolve([]) },
      tell,
      onProblem: () => undefined,
    });
    const table = memoryTable<EdgeShareRow>();
    const proxy = new Proxy({ ledger, custody, readStatement, table, clock });
    this.hospitals.set(mspId, {
      ...{ mspId, custody, ledger, table, proxy, authority, extraction, keeper, peers, told },
    });
  }

  /** A custody over a folder; another one over the same folder is the same after a restart. */
  custodyIn(folder: SealedFolder, mspId: string, scalar: Uint8Array | undefined): SharingCustody {
    return createSharingVault({
      mspId,
      folder,
      machine: sharingOnThisThread(),
      oneTimePrivateKey: () => Promise.reject(new Error('no links are opened here')),
      encryptionPrivateKey: () =>
        Promise.resolve(this.#encryption.get(mspId)?.privateKey ?? new Uint8Array()),
      masterShare: () =>
        scalar === undefined ? Promise.reject(new CareLedgerError('KEY_NOT_FOUND')) : Promise.resolve(scalar),
    });
  }

  restartProxy(mspId: string): void {
    const hospital = this.hospital(mspId);
    const { ledger, custody, table } = hospital;
    hospital.proxy = new Proxy({ ledger, custody, readStatement, table, clock: () => this.now });
  }

  #ledgerOf(mspId: string): SharingLedger {
    return {
      mspId,
      channel: CHANNEL,
      masterKey: () => Promise.resolve(this.master),
      identity: (name, keyEpoch) => {
        const found = this.identities.get(name);
        return Promise.resolve(keyEpoch === undefined || found?.keyEpoch === keyEpoch ? found : undefined);
      },
      register: (registration) => {
        this.register(registration, mspId);
        return Promise.resolve();
      },
      grant: (_pseudonym, grantId) => Promise.resolve(this.grants.get(grantId)),
      liveGrants: () => Promise.resolve([...this.grants.values()]),
      chain: (_pseudonym, grantId) => {
        const chain = this.chains.get(grantId);
        return chain === undefined
          ? Promise.reject(new CareLedgerError('GRANT_NOT_FOUND'))
          : Promise.resolve(chain);
      },
      sharing: () => Promise.resolve(this.sharing),
      activeMembers: () =>
        Promise.resolve(
          HOSPITALS.map(
            (member) =>
              ({
                mspId: member,
                status: 'active',
                encryptionKey: bytesToBase64Url(this.encryptionKey(member)),
              }) as Member,
          ),
        ),
      gatewayUrl: (member) => Promise.resolve(`https://${member}`),
    };
  }
}
