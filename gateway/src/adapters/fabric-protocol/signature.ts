import { sign, type KeyObject } from 'node:crypto';

/** Order of the base point of NIST P-256 (SEC 2, secp256r1). */
export const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** ECDSA-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }, as far as P-256 needs it. Undefined when it is not one. */
export function readDerSignature(der: Uint8Array): { readonly r: bigint; readonly s: bigint } | undefined {
  const bytes = Buffer.from(der);
  const rLength = bytes[3] ?? 0;
  const sTag = 4 + rLength;
  const sLength = bytes[sTag + 1] ?? 0;
  const isSequence = bytes[0] === 0x30 && bytes[1] === bytes.length - 2 && bytes[2] === 0x02;
  if (!isSequence || bytes[sTag] !== 0x02 || rLength === 0 || sLength === 0) return undefined;
  if (sTag + 2 + sLength !== bytes.length) return undefined;
  return { r: unsigned(bytes.subarray(4, sTag)), s: unsigned(bytes.subarray(sTag + 2)) };
}

/** ECDSA P-256 over SHA-256 of the message, DER with low S, as Fabric demands. */
export function signMessage(privateKey: KeyObject, message: Uint8Array): Buffer {
  const raw = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const s = unsigned(raw.subarray(32));
  return encodeDer(unsigned(raw.subarray(0, 32)), s > P256_ORDER / 2n ? P256_ORDER - s : s);
}

function encodeDer(r: bigint, s: bigint): Buffer {
  const body = Buffer.concat([derInteger(r), derInteger(s)]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

function derInteger(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  const padded = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return Buffer.concat([Buffer.of(0x02, padded.length), padded]);
}

function unsigned(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}
