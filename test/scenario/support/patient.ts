import { randomBytes } from 'node:crypto';
import {
  bytesToBase64Url,
  generateHpkeKeyPair,
  generatePatientKeys,
  patientMessage,
  signPatientPayload,
} from '@careledger/crypto';
import { canonicalJson } from '@careledger/protocol';

export interface SignedBody<Arguments> {
  readonly arguments: Arguments;
  readonly nonce: string;
  readonly signature: string;
}

/** A patient with keys of their own, as an application on their phone would keep them. */
export interface TestPatient {
  readonly pseudonym: string;
  readonly keys: { readonly signing: string; readonly encryption: string };
  /** `method` as the contracts name it, such as `grants:Grant`. */
  sign<Arguments extends object>(method: string, args: Arguments): SignedBody<Arguments>;
}

export function makePatient(channel: string): TestPatient {
  const { publicKey, privateKey } = generatePatientKeys();
  return {
    pseudonym: randomHex(16),
    keys: {
      signing: bytesToBase64Url(publicKey),
      encryption: bytesToBase64Url(generateHpkeKeyPair().publicKey),
    },
    sign(method, args) {
      const nonce = bytesToBase64Url(randomBytes(16));
      const message = patientMessage({ channel, method, argumentsJson: canonicalJson(args), nonce });
      return { arguments: args, nonce, signature: bytesToBase64Url(signPatientPayload(privateKey, message)) };
    },
  };
}

export function randomHex(sizeBytes: number): string {
  return randomBytes(sizeBytes).toString('hex');
}

const DAY_MS = 86_400_000;

/** Terms of a grant to everyone with a role at a hospital, for treatment, from an hour ago to a month ahead. */
export function grantTo(
  patient: TestPatient,
  mspId: string,
  recordTypes: readonly string[],
  role = 'clinician',
) {
  return {
    grantId: randomHex(16),
    pseudonym: patient.pseudonym,
    grantee: { kind: 'role' as const, mspId, role },
    recordTypes,
    purposes: ['treatment'],
    notBefore: new Date(Date.now() - 3_600_000).toISOString(),
    notAfter: new Date(Date.now() + 30 * DAY_MS).toISOString(),
    maxHops: 0,
    receiptDueWithinMs: 3_600_000,
  };
}
