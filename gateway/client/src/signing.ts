import { canonicalJson } from '@careledger/protocol';
import {
  base64UrlToBytes,
  bytesToBase64Url,
  patientMessage,
  randomBytes,
  signPatientPayload,
} from '@careledger/crypto/core';
import type { PseudonymKeys } from './patient-keys.js';

export interface SignedRequest<Arguments> {
  readonly arguments: Arguments;
  readonly nonce: string;
  readonly signature: string;
}

/** The patient's signature over (channel, method, arguments, nonce). @param method such as `grants:Grant` */
export function signRequest<Arguments extends object>(
  { signing, channel }: Pick<PseudonymKeys, 'signing' | 'channel'>,
  method: string,
  args: Arguments,
): SignedRequest<Arguments> {
  const nonce = bytesToBase64Url(randomBytes(16));
  const message = patientMessage({ channel, method, argumentsJson: canonicalJson(args), nonce });
  const signature = signPatientPayload(base64UrlToBytes(signing.privateKey), message);
  return { arguments: args, nonce, signature: bytesToBase64Url(signature) };
}
