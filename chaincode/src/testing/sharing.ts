import { createHash, randomBytes } from 'node:crypto';
import {
  NO_PARENT,
  bytesToBase64Url,
  edgeAckMessage,
  generatePatientKeys,
  parseStatement,
  signPatientPayload,
  signStatement,
  type PatientKeyPair,
  type UnsignedStatement,
} from '@careledger/crypto/core';
import {
  KEYS,
  canonicalJson,
  granteeName,
  memberName,
  patientName,
  tagName,
  type Caller,
  type Edge,
  type EdgeAck,
  type GrantBook,
  type GrantChain,
  type Grantee,
  type Identity,
  type PatientGrant,
  type RecordType,
  type Sensitivity,
  type SharingState,
} from '@careledger/protocol';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  DELTA,
  HOSPITALS,
  TestPatient,
  enrol,
  fourHospitals,
  id,
  staff,
} from './consortium.js';
import type { MemoryLedger } from './memory-ledger.js';

/**
 * A consortium whose members have identity keys, and statements that are signed as real ones are. The contracts compute
 * with no point of a statement, so its group elements are random bytes here: an edge costs a signature instead of
 * pairings. `sharing/real-edges.test.ts` takes real ones.
 */
export const GRANTEES = {
  bravo: { kind: 'member', mspId: BRAVO },
  bravoClinicians: { kind: 'role', mspId: BRAVO, role: 'clinician' },
  bravoDoctor: { kind: 'person', mspId: BRAVO, enrolmentId: 'dr-1' },
  charlie: { kind: 'member', mspId: CHARLIE },
  delta: { kind: 'member', mspId: DELTA },
} as const satisfies Record<string, Grantee>;

export const clinicianOf = (mspId: string): Caller => staff(mspId, 'clinician', 'dr-1');

/** Signing keys of the hospitals' identities, by name. */
const signers = new Map<string, PatientKeyPair>();
export function signerOf(name: string): PatientKeyPair {
  const keys = signers.get(name) ?? generatePatientKeys();
  signers.set(name, keys);
  return keys;
}

let base: Promise<MemoryLedger> | undefined;
/** Four hospitals, each registered, with the grantees above. */
export async function sharingHospitals(): Promise<MemoryLedger> {
  base ??= prepared();
  return (await base).fork();
}

async function prepared(): Promise<MemoryLedger> {
  const ledger = await fourHospitals();
  const names = [...HOSPITALS.map(memberName), ...Object.values(GRANTEES).map(granteeName)];
  for (const name of new Set(names)) putIdentity(ledger, name, name.split('/')[1] ?? '', signerOf(name));
  return ledger;
}

/** An identity as if it had been registered: `identities-contract.test.ts` registers. */
export function putIdentity(
  ledger: MemoryLedger,
  name: string,
  mspId: string,
  { publicKey }: Pick<PatientKeyPair, 'publicKey'>,
  changes: Partial<Identity> = {},
): void {
  const keyEpoch = changes.keyEpoch ?? 0;
  const identity: Identity = {
    ...{
      name,
      keyEpoch,
      mspId,
      recoverable: false,
      custody: 'patient',
      at: ledger.now,
      txId: 'ab'.repeat(32),
    },
    publicKey: bytesToBase64Url(randomBytes(96)),
    signingKey: bytesToBase64Url(publicKey),
    proof: 'AA',
    ...changes,
  };
  put(ledger, KEYS.identity, [name, String(keyEpoch)], identity);
  put(ledger, KEYS.identityEpoch, [name], { name, keyEpoch, membersEpoch: 4 });
}

export function put(
  ledger: MemoryLedger,
  prefix: string,
  attributes: readonly string[],
  document: object,
): void {
  ledger.state.set(
    `\u0000${[prefix, ...attributes].join('\u0000')}\u0000`,
    Buffer.from(canonicalJson(document)),
  );
}

export function bookOf(ledger: MemoryLedger, pseudonym: string): GrantBook {
  const bytes = ledger.state.get(`\u0000${KEYS.grantBook}\u0000${pseudonym}\u0000`);
  return JSON.parse(Buffer.from(bytes ?? []).toString()) as GrantBook;
}

/** A patient of Alpha with an identity key. */
export async function sharingPatient(
  ledger: MemoryLedger,
  changes: Partial<Identity> = {},
): Promise<SharingPatient> {
  const patient = new SharingPatient(ledger, ALPHA);
  await enrol(ledger, patient);
  const { pseudonym } = patient;
  putIdentity(ledger, patientName(pseudonym), ALPHA, patient.keys, changes);
  put(ledger, KEYS.grantBook, [pseudonym], { ...bookOf(ledger, pseudonym), identityEpoch: 0 });
  return patient;
}

/** Where an edge stands, and what a test makes wrong in its statement. */
export interface EdgePlan {
  readonly recordType?: RecordType;
  readonly sensitivity?: Sensitivity;
  readonly grantee: Grantee;
  readonly maxHops?: number;
  readonly proxies?: readonly string[];
  readonly tagEpoch?: number;
  readonly statement?: Partial<UnsignedStatement>;
  readonly signer?: PatientKeyPair;
}

const USUAL = { recordType: 'laboratory', sensitivity: 'normal', maxHops: 0 } as const;

export interface SignedEdges {
  readonly edges: Edge[];
  readonly acks: EdgeAck[];
}

export class SharingPatient extends TestPatient {
  get sharing(): Promise<SharingState> {
    const { pseudonym } = this;
    return this.ledger.evaluate(staff(ALPHA, 'gateway'), 'grants:GetSharing', {
      pseudonym,
    }) as Promise<SharingState>;
  }

  /**
   * An edge of laboratory results of normal sensitivity, from the patient unless a parent is given. Unless a test asks
   * for more, one proxy: every acknowledgement is a signature to make and to verify.
   */
  edge(plan: EdgePlan, parent?: { readonly edge: Edge; readonly grantee: Grantee }): Edge {
    const { recordType, sensitivity, maxHops, grantee } = { ...USUAL, ...plan };
    const tagEpoch = plan.tagEpoch ?? this.epochOf(recordType, sensitivity);
    const owner = { name: patientName(this.pseudonym), keyEpoch: 0 };
    const from = parent === undefined ? owner : { name: granteeName(parent.grantee), keyEpoch: 0 };
    const proxies = plan.proxies ?? othersThan(grantee).slice(0, 1);
    const w = randomBytes(180);
    const unsigned: UnsignedStatement = {
      ...{ owner, from, to: { name: granteeName(grantee), keyEpoch: 0 }, tagEpoch },
      typeLabel: label(recordType),
      conditionLabel: label(sensitivity),
      parent: parent === undefined ? NO_PARENT : statementOf(parent.edge).edgeId,
      serial: randomBytes(16).toString('hex'),
      ex: randomBytes(576),
      q: randomBytes(parent === undefined ? 96 : 0),
      wHash: createHash('sha256').update(w).digest('hex'),
      values: proxies.map(() => randomBytes(576)),
      ...{ proxies, threshold: Math.floor(proxies.length / 2) + 1 },
      ...{ sharable: maxHops > 0, maxDepth: maxHops, allowsRecoverable: false },
      ...plan.statement,
    };
    const usualSigner = parent === undefined ? this.keys : signerOf(from.name);
    const statement = signStatement(unsigned, (plan.signer ?? usualSigner).privateKey);
    return {
      ...{ recordType, sensitivity, tagEpoch },
      statement: bytesToBase64Url(statement),
      w: bytesToBase64Url(w),
    };
  }

  epochOf(recordType: RecordType, sensitivity: Sensitivity): number {
    return bookOf(this.ledger, this.pseudonym).tags?.[tagName(recordType, sensitivity)]?.epoch ?? 0;
  }

  /** A signed request of `grants:Grant`: by default with one edge for laboratory results. */
  grantRequest(plan: EdgePlan, changes: object = {}, offered: readonly Edge[] = [this.edge(plan)]) {
    const { edges, acks } = acknowledged(offered);
    const { grantee, maxHops = 0 } = plan;
    const terms = this.grantArguments({ grantee, maxHops, recordTypes: ['laboratory'], ...changes });
    return { ...this.sign('grants:Grant', { ...terms, edges }), acks };
  }

  /** Grants by edges. */
  async grantByEdge(plan: EdgePlan, changes: object = {}, offered?: readonly Edge[]): Promise<PatientGrant> {
    const request = this.grantRequest(plan, changes, offered);
    const relay = staff(CHARLIE, 'gateway');
    return (await this.ledger.submit(relay, 'grants:Grant', request)).response as PatientGrant;
  }

  async chain(grantId: string): Promise<GrantChain> {
    const query = { pseudonym: this.pseudonym, grantId };
    return (await this.ledger.evaluate(staff(DELTA, 'gateway'), 'grants:Chain', query)) as GrantChain;
  }

  /** A request of `grants:Forward` under a live grant. */
  async forwardRequest(parent: PatientGrant, plan: EdgePlan, changes: object = {}) {
    const above = (await this.chain(parent.grantId)).links.at(-1)?.edges[0];
    if (above === undefined) throw new TypeError('a parent without an edge');
    const { edges, acks } = acknowledged([this.edge(plan, { edge: above, grantee: parent.grantee })]);
    const { grantee, maxHops = 0 } = plan;
    const { notBefore, notAfter, purposes, recordTypes, pseudonym } = parent;
    const terms = { grantId: id(), parentId: parent.grantId, pseudonym, grantee, maxHops };
    return { ...terms, notBefore, notAfter, purposes, recordTypes, edges, acks, ...changes };
  }

  async forward(parent: PatientGrant, plan: EdgePlan): Promise<PatientGrant> {
    const request = await this.forwardRequest(parent, plan);
    const by = clinicianOf(parent.grantee.mspId);
    return (await this.ledger.submit(by, 'grants:Forward', request)).response as PatientGrant;
  }

  renewRequest(grant: PatientGrant, plan: EdgePlan) {
    const { edges, acks } = acknowledged([this.edge(plan)]);
    const args = { pseudonym: this.pseudonym, grantId: grant.grantId, edges };
    return { ...this.sign('grants:Renew', args), acks };
  }

  async setSharing(recordType: RecordType, sharable: boolean): Promise<void> {
    const args = { pseudonym: this.pseudonym, recordType, sensitivity: 'normal', sharable };
    const request = this.sign('grants:SetSharing', args);
    await this.ledger.submit(staff(ALPHA, 'gateway'), 'grants:SetSharing', request);
  }
}

/** With the word of every proxy. */
export function acknowledged(edges: readonly Edge[]): SignedEdges {
  const acks = edges.flatMap((edge) => {
    const { edgeId, proxies } = statementOf(edge);
    return proxies.map((mspId, index) => ackOf(edge, edgeId, { mspId, point: index + 1 }));
  });
  return { edges: [...edges], acks };
}

export function ackOf(
  edge: Edge,
  edgeId: string,
  {
    mspId,
    point,
    signer,
  }: { readonly mspId: string; readonly point: number; readonly signer?: PatientKeyPair },
): EdgeAck {
  const message = edgeAckMessage({
    edgeId: Buffer.from(edgeId, 'hex'),
    statement: Buffer.from(edge.statement, 'base64url'),
    point,
  });
  const { privateKey } = signer ?? signerOf(memberName(mspId));
  return { mspId, edgeId, signature: bytesToBase64Url(signPatientPayload(privateKey, message)) };
}

export const othersThan = ({ mspId: grantee }: Grantee): string[] =>
  HOSPITALS.filter((mspId) => mspId !== grantee);

export const statementOf = (edge: Edge) => parseStatement(Buffer.from(edge.statement, 'base64url'));

/** Opaque to the contracts; the same for the same word. */
const label = (text: string): string => createHash('sha256').update(text).digest('hex');
