import { randomBytes } from 'node:crypto';
import {
  ciphertextDigest,
  ciphertextToText,
  contributionCommitment,
  encodePanelBlock,
  encodeRow,
  encryptWith,
  layoutDigest,
  makeContribution,
  maskPlaintext,
  modInverse,
  modPow,
  plaintextProofToJson,
  plaintextStatistic,
  provePartialDecryption,
  provePlaintextKnowledge,
  provenPartialToJson,
  publicKeyToJson,
  randomUnit,
  sharingDigest,
  sharingToJson,
  slotsFor,
  type ContributionOpening,
  type PanelLayout,
  type PaillierPublicKey,
} from '@careledger/crypto';
import { dealThresholdKey, type DealtThresholdKey } from '@careledger/crypto/testing';
import { KEYS, type AggregationKey } from '@careledger/protocol';
import type { RecordSource } from '../records/record-source.js';
import { cidOf } from '../records/cid.js';
import { HandmadeLedger, OWN_TX, type DocumentWrite } from './handmade-ledger.js';
import { makeMember, type TestMember } from './identities.js';

export const MSP_IDS = ['h1MSP', 'h2MSP', 'h3MSP', 'h4MSP'] as const;
export const QUERY_ID = 'a1'.repeat(16);
export const CEREMONY_ID = 'c1'.repeat(16);
/** Stands in a query's later versions for the id of the transaction that opened it. */
const OPEN_TX = '$open-tx';
const AT = '2026-11-21T10:00:00.000Z';
const VALUES = ['-1.5', '0', '2.5'];

export const LAYOUT: PanelLayout = {
  id: 'vitals',
  version: 1,
  keyBits: 512,
  fields: [
    { kind: 'numeric', name: 'temperature', unit: 'Cel', scale: 1, min: '-5', max: '4.5' },
    { kind: 'histogram', name: 'sex', unit: '1', categories: ['female', 'male'] },
  ],
  maxRecords: 100,
  statisticalBits: 80,
};

/** One transaction before it is signed: a test changes what it likes. */
export interface Step {
  /** Who signs. */
  sender: string;
  method: string;
  argument: Record<string, unknown>;
  writes: DocumentWrite[];
  code?: number;
}

/** An honest query with every secret, as steps that a test may doctor before they are put on a ledger. */
export interface HandmadeQuery {
  readonly members: readonly TestMember[];
  readonly dealt: DealtThresholdKey;
  readonly publicKey: PaillierPublicKey;
  readonly steps: readonly Step[];
  readonly openings: ReadonlyMap<string, ContributionOpening>;
  /** Row ciphertexts of each hospital's panel. */
  readonly rows: ReadonlyMap<string, readonly bigint[]>;
  /** Files of the record store by CID. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

let members: Promise<TestMember[]> | undefined;
const dealtOnce = dealThresholdKey({ keyBits: 512, holders: MSP_IDS, allowTestKeySize: true });

/** Keys and certificates are made once for all tests. */
export async function handmadeQuery(dealt: DealtThresholdKey = dealtOnce): Promise<HandmadeQuery> {
  members ??= Promise.all(MSP_IDS.map(makeMember));
  const query = new QueryMaker(dealt);
  return { members: await members, dealt, publicKey: dealt.publicKey, ...(await query.make()) };
}

export function ledgerOf(query: Pick<HandmadeQuery, 'members'>, steps: readonly Step[]): HandmadeLedger {
  const ledger = new HandmadeLedger(query.members);
  const senders = new Map(query.members.map((member) => [member.mspId, member.client]));
  let openTx = '';
  steps.forEach(({ sender, method, argument, writes, code = 0 }, index) => {
    const client = senders.get(sender);
    if (client === undefined) throw new Error(`no member ${sender}`);
    const later = writes.map((write) => ({ ...write, value: withText(write.value, OPEN_TX, openTx) }));
    const txId = ledger.transact({ sender: client, method, argument, writes: later, code });
    if (method === 'queries:Open') openTx = txId;
    if (steps[index + 1]?.method !== method) ledger.cut();
  });
  return ledger;
}

function withText(value: unknown, placeholder: string, text: string): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(JSON.stringify(value).replaceAll(placeholder, text)) as unknown;
}

export function recordsOf(files: ReadonlyMap<string, Uint8Array>): RecordSource {
  return {
    fetch: (cid) => {
      const bytes = files.get(cid);
      return bytes === undefined ? Promise.reject(new Error('none')) : Promise.resolve(bytes);
    },
  };
}

/** Makes the parts of a query as contracts and gateways do. */
export class QueryMaker {
  private readonly publicKey: PaillierPublicKey;
  private readonly askedSlots = slotsFor(LAYOUT, ['temperature'], 'mean');

  constructor(private readonly key: DealtThresholdKey) {
    this.publicKey = key.publicKey;
  }

  async make(): Promise<Pick<HandmadeQuery, 'steps' | 'openings' | 'rows' | 'files'>> {
    const openings = new Map<string, ContributionOpening>();
    const rows = new Map<string, readonly bigint[]>();
    const files = new Map<string, Uint8Array>();
    const anchored: Step[] = [];
    const contributed: Step[] = [];
    const ciphertexts: bigint[] = [];
    for (const mspId of MSP_IDS) {
      const own = this.rows();
      const file = encodePanelBlock(this.publicKey, layoutDigest(LAYOUT), own);
      const cid = (await cidOf(file)) ?? '';
      rows.set(mspId, own);
      files.set(cid, file);
      anchored.push(this.anchor(mspId, cid, own.length));
      const opening = this.opening(mspId, own.length);
      openings.set(mspId, opening);
      const { step, ciphertext } = this.contribute(opening, own, cid);
      contributed.push(step);
      ciphertexts.push(ciphertext);
    }
    const aggregate = ciphertexts.reduce((product, one) => (product * one) % this.publicKey.nSquared, 1n);
    const steps = [
      ...this.preparation(),
      ...anchored,
      this.ask(),
      ...contributed,
      this.complete(aggregate),
      ...MSP_IDS.map((mspId) => this.share(mspId, aggregate)),
      this.publish(aggregate),
    ];
    return { steps, openings, rows, files };
  }

  rows(): bigint[] {
    return VALUES.map((temperature) => this.encrypt(encodeRow(LAYOUT, { temperature, sex: 'female' })));
  }

  opening(mspId: string, rowCount: number): ContributionOpening {
    return {
      salt: randomBytes(32),
      queryId: QUERY_ID,
      mspId,
      rowRefs: Array.from({ length: rowCount }, (_, index) => `${panelIdOf(mspId)}#${String(index)}`),
      maskPlaintext: maskPlaintext(LAYOUT, this.askedSlots),
      randomness: randomUnit(this.publicKey),
    };
  }

  /** What posts `rows` under an opening that may say something else. */
  contribute(
    opening: ContributionOpening,
    rows: readonly bigint[],
    cid: string,
  ): { step: Step; ciphertext: bigint } {
    const { publicKey } = this;
    const { mspId, queryId, maskPlaintext: mask, randomness } = opening;
    const ciphertext = makeContribution({ publicKey, rows, maskPlaintext: mask, randomness });
    const { plaintext, root } = this.open(ciphertext);
    const context = { mspId, queryId, panels: [cid] };
    const proof = provePlaintextKnowledge({ publicKey, ciphertext, plaintext, randomness: root, context });
    const argument = {
      queryId,
      ciphertext: ciphertextToText(publicKey, ciphertext),
      commitment: contributionCommitment(opening),
      panelIds: [panelIdOf(mspId)],
      proof: plaintextProofToJson(publicKey, proof),
    };
    const value = { ...argument, panelRows: VALUES.length, mspId, outcome: 'contributed', ...stamp() };
    const write: DocumentWrite = { prefix: KEYS.contribution, attributes: [QUERY_ID, mspId], value };
    return { step: { sender: mspId, method: 'queries:Contribute', argument, writes: [write] }, ciphertext };
  }

  share(mspId: string, aggregate: bigint): Step {
    const { publicKey } = this;
    const share = this.key.shares.find(({ holder }) => holder === mspId);
    if (share === undefined) throw new Error(`${mspId} holds no share`);
    const context = { queryId: QUERY_ID, step: 'aggregate', index: 0 } as const;
    const { sharing } = this.key;
    const partial = provePartialDecryption({ publicKey, sharing, ciphertext: aggregate, context, share });
    const { ciphertextDigest: digest, epoch, value, proof } = provenPartialToJson(publicKey, partial);
    const argument = { queryId: QUERY_ID, ciphertextDigest: digest, epoch, value, proof };
    const document = { ...argument, mspId, ...stamp() };
    const write: DocumentWrite = {
      prefix: KEYS.partial,
      attributes: [QUERY_ID, mspId],
      value: document,
    };
    return { sender: mspId, method: 'queries:Share', argument, writes: [write] };
  }

  complete(aggregate: bigint): Step {
    return this.queryStep('queries:Complete', {
      ...this.query('contributed'),
      ...this.aggregated(aggregate),
    });
  }

  publish(aggregate: bigint): Step {
    const values = MSP_IDS.flatMap(() => VALUES.map((temperature) => ({ temperature, sex: 'female' })));
    const results = [plaintextStatistic(LAYOUT, values, 'temperature', 'mean')];
    const combined = { epoch: this.key.sharing.epoch, holders: MSP_IDS.slice(0, 3) };
    const ended = { ...this.aggregated(aggregate), results, combined, endedAt: AT };
    return this.queryStep('queries:Publish', { ...this.query('decrypted'), ...ended });
  }

  digestOf(ciphertext: bigint): string {
    return ciphertextDigest(this.publicKey, ciphertext);
  }

  private aggregated(aggregate: bigint): object {
    return { contributors: [...MSP_IDS], aggregate: ciphertextToText(this.publicKey, aggregate) };
  }

  private preparation(): Step[] {
    const consortium = { activeMembers: [...MSP_IDS], epoch: 4 };
    const documents = {
      publicKey: publicKeyToJson(this.publicKey),
      sharing: sharingToJson(this.publicKey, this.key.sharing),
    };
    const digest = sharingDigest(this.publicKey, this.key.sharing);
    const attempt = { ceremonyId: CEREMONY_ID, attempt: 1 };
    const acceptance = (sender: string): Step => ({
      sender,
      method: 'queries:AcceptKey',
      argument: { ...attempt, sharingDigest: digest },
      writes: [],
    });
    const key = {
      ...documents,
      ...attempt,
      sharingDigest: digest,
      acceptedBy: [...MSP_IDS],
      status: 'active',
      registeredBy: MSP_IDS[0],
      registeredAt: AT,
      txId: OWN_TX,
    } as unknown as AggregationKey;
    const layout = { layout: LAYOUT, digest: layoutDigest(LAYOUT), registeredBy: 'h1MSP', registeredAt: AT };
    return [
      {
        sender: 'h1MSP',
        method: 'members:Vote',
        argument: {},
        writes: [{ prefix: KEYS.consortium, attributes: ['current'], value: consortium }],
      },
      {
        sender: 'h1MSP',
        method: 'queries:RegisterKey',
        argument: { ...attempt, ...documents },
        writes: [],
      },
      acceptance('h2MSP'),
      acceptance('h3MSP'),
      {
        ...acceptance('h4MSP'),
        writes: [{ prefix: KEYS.aggregationKey, attributes: ['current'], value: key }],
      },
      {
        sender: 'h1MSP',
        method: 'panels:RegisterLayout',
        argument: { layout: LAYOUT },
        writes: [
          {
            prefix: KEYS.panelLayout,
            attributes: [LAYOUT.id, '0001'],
            value: { ...layout, txId: OWN_TX },
          },
        ],
      },
    ];
  }

  private anchor(mspId: string, cid: string, rowCount: number): Step {
    const { id: layoutId, version: layoutVersion } = LAYOUT;
    const panelId = panelIdOf(mspId);
    const { keyId } = this.publicKey;
    const argument = { panelId, layoutId, layoutVersion, keyId, cid, rows: rowCount };
    const anchoredBy = { mspId, enrolmentId: 'gateway', role: 'gateway' };
    const value = { ...argument, ownerMspId: mspId, anchoredBy, anchoredAt: AT, txId: OWN_TX };
    const write: DocumentWrite = { prefix: KEYS.panel, attributes: [panelId], value };
    return { sender: mspId, method: 'panels:Anchor', argument, writes: [write] };
  }

  private question(): Record<string, unknown> {
    return {
      queryId: QUERY_ID,
      statistic: 'mean',
      layoutId: LAYOUT.id,
      layoutVersion: LAYOUT.version,
      fields: ['temperature'],
      cohort: { all: true },
      purpose: 'research',
    };
  }

  private query(status: string): Record<string, unknown> {
    return {
      ...this.question(),
      keyId: this.publicKey.keyId,
      researcher: { mspId: 'h1MSP', enrolmentId: 'gateway', role: 'researcher' },
      status,
      members: [...MSP_IDS],
      openedAt: AT,
      txId: status === 'opened' ? OWN_TX : OPEN_TX,
    };
  }

  private ask(): Step {
    const [write] = this.queryStep('queries:Open', this.query('opened')).writes;
    const writes = write === undefined ? [] : [write];
    return { sender: 'h1MSP', method: 'queries:Open', argument: this.question(), writes };
  }

  private queryStep(method: string, value: object): Step {
    const write: DocumentWrite = { prefix: KEYS.query, attributes: [QUERY_ID], value };
    return { sender: 'h2MSP', method, argument: { queryId: QUERY_ID }, writes: [write] };
  }

  private encrypt(plaintext: bigint): bigint {
    return encryptWith(this.publicKey, plaintext, randomUnit(this.publicKey));
  }

  /** With the dealer's secrets: the plaintext, and the randomness that a hospital would have multiplied. */
  open(ciphertext: bigint): { plaintext: bigint; root: bigint } {
    const { n, nSquared } = this.publicKey;
    const { phi } = this.key.secrets;
    const plaintext = (((modPow(ciphertext, phi, nSquared) - 1n) / n) * modInverse(phi, n)) % n;
    const root = modPow(ciphertext % n, modInverse(n, phi), n);
    return { plaintext, root };
  }
}

export function panelIdOf(mspId: string): string {
  return mspId.slice(1, 2).repeat(32);
}

function stamp(): { at: string; txId: string } {
  return { at: AT, txId: OWN_TX };
}
