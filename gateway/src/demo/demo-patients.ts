/** Demonstration patients: keys, and requests that they sign. */
import {
  base64UrlToBytes,
  bytesToBase64Url,
  bytesToHex,
  generateHpkeKeyPair,
  generatePatientKeys,
  patientMessage,
  randomBytes,
  signPatientPayload,
} from '@careledger/crypto';
import { canonicalJson, type ContractName, type MethodName } from '@careledger/protocol';
import type { DemoPatient, DemoState } from './demo-state.js';
import { unlessItExists, type GatewayClient } from './gateway-client.js';

export function demoPatient(state: DemoState, name: string): DemoPatient {
  const known = state.facts.patients[name];
  if (known !== undefined) return known;
  const signing = generatePatientKeys();
  const encryption = generateHpkeKeyPair();
  const patient: DemoPatient = {
    pseudonym: bytesToHex(randomBytes(16)),
    signingKey: bytesToBase64Url(signing.privateKey),
    signingPublicKey: bytesToBase64Url(signing.publicKey),
    encryptionPublicKey: bytesToBase64Url(encryption.publicKey),
  };
  state.facts.patients[name] = patient;
  // Saved before it is enrolled: a pseudonym on the ledger whose key is lost could never grant.
  state.save();
  return patient;
}

/** The patient's signature over (channel, method, arguments, nonce). */
export function signed<Contract extends ContractName>(
  patient: DemoPatient,
  channel: string,
  [contract, method]: readonly [Contract, MethodName<Contract>],
  args: object,
): { arguments: object; nonce: string; signature: string } {
  const nonce = bytesToBase64Url(randomBytes(16));
  const message = patientMessage({
    channel,
    method: `${contract}:${method}`,
    argumentsJson: canonicalJson(args),
    nonce,
  });
  const signature = bytesToBase64Url(signPatientPayload(base64UrlToBytes(patient.signingKey), message));
  return { arguments: args, nonce, signature };
}

export async function enrol(
  client: GatewayClient,
  token: string,
  channel: string,
  patient: DemoPatient,
): Promise<void> {
  const keys = { signing: patient.signingPublicKey, encryption: patient.encryptionPublicKey };
  const args = { pseudonym: patient.pseudonym, mspId: client.hospital.mspId, keys };
  await unlessItExists(() =>
    client.post('/v1/patients', signed(patient, channel, ['patients', 'Enrol'], args), { token }),
  );
}
