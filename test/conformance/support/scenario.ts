import { createHash, randomBytes } from 'node:crypto';
import { generatePatientKeys, patientMessage, signPatientPayload } from '@careledger/crypto';
import type { Ledger, SigningIdentity } from '@careledger/gateway/adapters';
import {
  CareLedgerError,
  canonicalJson,
  type Access,
  type Member,
  type MethodName,
} from '@careledger/protocol';

/** What the suites do over and over with the contracts, in as few words as possible. */

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
export const randomId = (): string => randomBytes(16).toString('hex');
export const randomKey = (): string => base64url(randomBytes(32));

export function memberFields(name: string) {
  return { name, gatewayUrl: 'https://127.0.0.1:17043', encryptionKey: randomKey() };
}

export interface Hospital {
  readonly mspId: string;
  readonly admin: SigningIdentity;
}

/** Makes every hospital an active member, unless it is one already. */
export async function admitAll(ledger: Ledger, hospitals: readonly Hospital[]): Promise<void> {
  for (const hospital of hospitals) {
    const status = await statusOf(ledger, hospital);
    if (status === undefined)
      await ledger.submit(hospital.admin, 'members', 'Propose', memberFields(hospital.mspId));
    for (const voter of hospitals) {
      if ((await statusOf(ledger, hospital)) === 'active') break;
      await ledger.submit(voter.admin, 'members', 'Vote', { mspId: hospital.mspId, vote: 'admit' });
    }
  }
}

async function statusOf(ledger: Ledger, hospital: Hospital): Promise<Member['status'] | undefined> {
  try {
    return ((await ledger.evaluate(hospital.admin, 'members', 'Get', { mspId: hospital.mspId })) as Member)
      .status;
  } catch (error) {
    if (error instanceof CareLedgerError && error.code === 'MEMBER_NOT_FOUND') return undefined;
    throw error;
  }
}

/** A patient's key pair, and the requests that it signs. */
export class TestPatient {
  readonly pseudonym = randomId();
  readonly keys = generatePatientKeys();

  constructor(private readonly channel: string) {}

  enrolment(mspId: string): object {
    const keys = { signing: base64url(this.keys.publicKey), encryption: randomKey() };
    return this.signed('patients', 'Enrol', { pseudonym: this.pseudonym, mspId, keys });
  }

  /** Changes the encryption key only, so that this object goes on signing. */
  rotation(encryption = randomKey()): object {
    const keys = { signing: base64url(this.keys.publicKey), encryption };
    return this.signed('patients', 'RotateKeys', { pseudonym: this.pseudonym, keys });
  }

  private signed(contract: 'patients', method: MethodName<'patients'>, args: object): object {
    const nonce = base64url(randomBytes(16));
    const message = patientMessage({
      channel: this.channel,
      method: `${contract}:${method}`,
      argumentsJson: canonicalJson(args),
      nonce,
    });
    return {
      arguments: args,
      nonce,
      signature: base64url(signPatientPayload(this.keys.privateKey, message)),
    };
  }
}

export function anchorOf(pseudonym: string, batchId = randomId()): { batchId: string; records: object[] } {
  const record = {
    pseudonym,
    type: 'laboratory',
    contentCid: fakeCid(),
    headerCid: fakeCid(),
    digest: createHash('sha256').update(batchId).digest('hex'),
    sizeBytes: 1000,
    headerVersion: 1,
    sharable: true,
  };
  return { batchId, records: [record] };
}

export function openingOf(batchId: string): object {
  return { recordIds: [`${batchId}.0`], purpose: 'treatment', recipientKey: randomKey() };
}

export function decisionOf(result: unknown): Access['decisions'][number] {
  return (result as Access).decisions[0]!;
}

/** The CID of a random raw block: the contracts check its form only. */
function fakeCid(): string {
  const bytes = Buffer.concat([Buffer.of(1, 0x55, 0x12, 32), randomBytes(32)]);
  return `b${base32(bytes)}`;
}

function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups
    .map((group) => 'abcdefghijklmnopqrstuvwxyz234567'[parseInt(group.padEnd(5, '0'), 2)])
    .join('');
}

/** The code of the CareLedgerError with which a promise rejects; fails when it does not reject with one. */
export async function codeOf(pending: Promise<unknown>): Promise<string> {
  try {
    await pending;
  } catch (error) {
    if (error instanceof CareLedgerError) return error.code;
    throw error;
  }
  throw new Error('the promise did not reject');
}

/** Reads `count` items, or fails after the time. */
export async function take<Item>(
  count: number,
  from: (signal: AbortSignal) => AsyncIterable<Item>,
  timeoutMs = 20_000,
): Promise<Item[]> {
  const stop = new AbortController();
  const timer = setTimeout(() => {
    stop.abort();
  }, timeoutMs);
  const items: Item[] = [];
  try {
    for await (const item of from(stop.signal)) {
      items.push(item);
      if (items.length >= count) return items;
    }
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
  throw new Error(`only ${String(items.length)} of ${String(count)} came`);
}
