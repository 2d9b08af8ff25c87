import { randomBytes } from 'node:crypto';
import {
  bytesToBase64Url,
  generatePatientKeys,
  patientMessage,
  signPatientPayload,
  type PatientKeyPair,
} from '@careledger/crypto/core';
import { canonicalJson, type Access, type Caller, type Purpose, type Role } from '@careledger/protocol';
import { MemoryLedger } from './memory-ledger.js';

export const HOSPITALS = ['AlphaMSP', 'BravoMSP', 'CharlieMSP', 'DeltaMSP'] as const;
export const [ALPHA, BRAVO, CHARLIE, DELTA] = HOSPITALS;
export const X25519_KEY = 'CQ'.padEnd(43, 'A');
export const CID = `b${'a'.repeat(58)}`;
export const DIGEST = 'ab'.repeat(32);

export function staff(mspId: string, role: Role, enrolmentId = `${role}-1`, department?: string): Caller {
  return { mspId, enrolmentId, role, ...(department === undefined ? {} : { department }) };
}

export const id = (): string => randomBytes(16).toString('hex');

export function memberFields(mspId: string) {
  return {
    name: `Hospital ${mspId}`,
    gatewayUrl: `https://${mspId.toLowerCase()}.example:8443`,
    encryptionKey: X25519_KEY,
  };
}

/** A ledger on which four hospitals are active members. */
export async function fourHospitals(ledger = new MemoryLedger()): Promise<MemoryLedger> {
  const active: string[] = [];
  for (const mspId of HOSPITALS) {
    await ledger.submit(staff(mspId, 'admin'), 'members:Propose', memberFields(mspId));
    const needed = Math.floor(active.length / 2) + 1;
    for (const voter of active.slice(0, active.length === 0 ? 0 : needed)) {
      await ledger.submit(staff(voter, 'admin'), 'members:Vote', { mspId, vote: 'admit' });
    }
    active.push(mspId);
  }
  return ledger;
}

/** Another member of four hospitals; of fewer, with as many voters as it takes then. */
export async function admitFifth(
  ledger: MemoryLedger,
  mspId: string,
  voters: readonly string[] = [ALPHA, BRAVO, CHARLIE],
): Promise<void> {
  await ledger.submit(staff(mspId, 'admin'), 'members:Propose', memberFields(mspId));
  for (const voter of voters) {
    await ledger.submit(staff(voter, 'admin'), 'members:Vote', { mspId, vote: 'admit' });
  }
}

/** A patient with the keys in hand. */
export class TestPatient {
  readonly pseudonym = id();
  keys: PatientKeyPair = generatePatientKeys();

  constructor(
    readonly ledger: MemoryLedger,
    readonly mspId: string,
  ) {}

  get publicKeys() {
    return { signing: bytesToBase64Url(this.keys.publicKey), encryption: X25519_KEY };
  }

  sign<Arguments extends object>(
    method: string,
    args: Arguments,
    options: { readonly nonce?: string; readonly keys?: PatientKeyPair } = {},
  ) {
    const { nonce = randomBytes(16).toString('base64url'), keys = this.keys } = options;
    const message = patientMessage({
      channel: this.ledger.channel,
      method,
      argumentsJson: canonicalJson(args),
      nonce,
    });
    return {
      arguments: args,
      nonce,
      signature: bytesToBase64Url(signPatientPayload(keys.privateKey, message)),
    };
  }

  enrolment() {
    const { pseudonym, mspId } = this;
    return this.sign('patients:Enrol', { pseudonym, mspId, keys: this.publicKeys });
  }

  grantArguments(changes: object = {}) {
    return {
      grantId: id(),
      pseudonym: this.pseudonym,
      grantee: { kind: 'member', mspId: BRAVO },
      recordTypes: ['laboratory', 'condition'],
      purposes: ['treatment'],
      notBefore: '2026-11-01T00:00:00.000Z',
      notAfter: '2027-11-01T00:00:00.000Z',
      maxHops: 0,
      ...changes,
    };
  }

  /** Grants, relayed by the patient's own hospital. Returns the grant's id. */
  async grant(changes: object = {}): Promise<string> {
    const args = this.grantArguments(changes);
    await this.ledger.submit(staff(this.mspId, 'gateway'), 'grants:Grant', this.sign('grants:Grant', args));
    return args.grantId;
  }

  async revoke(grantId: string): Promise<void> {
    const request = this.sign('grants:Revoke', { pseudonym: this.pseudonym, grantId });
    await this.ledger.submit(staff(this.mspId, 'gateway'), 'grants:Revoke', request);
  }

  async instruct(rule: object): Promise<string> {
    const args = { instructionId: id(), pseudonym: this.pseudonym, rule };
    const request = this.sign('instructions:SetForPatient', args);
    await this.ledger.submit(staff(this.mspId, 'gateway'), 'instructions:SetForPatient', request);
    return args.instructionId;
  }
}

export async function enrolled(ledger: MemoryLedger, mspId: string): Promise<TestPatient> {
  const patient = new TestPatient(ledger, mspId);
  await enrol(ledger, patient);
  return patient;
}

export async function enrol(ledger: MemoryLedger, patient: TestPatient): Promise<void> {
  const { mspId } = patient;
  await ledger.submit(staff(mspId, 'officer'), 'patients:Enrol', patient.enrolment());
}

export function record(pseudonym: string, changes: object = {}) {
  return {
    pseudonym,
    type: 'laboratory',
    contentCid: CID,
    headerCid: CID,
    digest: DIGEST,
    sizeBytes: 1000,
    headerVersion: 1,
    sharable: true,
    ...changes,
  };
}

/** Anchors one batch at the patients' hospital. Returns the record ids. */
export async function anchored(
  ledger: MemoryLedger,
  mspId: string,
  records: readonly object[],
): Promise<string[]> {
  const batchId = id();
  await ledger.submit(staff(mspId, 'clinician'), 'records:Anchor', { batchId, records });
  return records.map((_, index) => `${batchId}.${String(index)}`);
}

export async function open(
  ledger: MemoryLedger,
  caller: Caller,
  recordIds: readonly string[],
  purpose: Purpose = 'treatment',
): Promise<Access> {
  const argument = { recordIds, purpose, recipientKey: X25519_KEY };
  return (await ledger.submit(caller, 'access:Open', argument)).response as Access;
}

/** By the votes of the others, as many as are needed of four. */
export async function vote(
  ledger: MemoryLedger,
  mspId: string,
  change: 'suspend' | 'reinstate',
): Promise<void> {
  for (const voter of HOSPITALS.filter((other) => other !== mspId).slice(0, 3))
    await ledger.submit(staff(voter, 'admin'), 'members:Vote', { mspId, vote: change });
}
