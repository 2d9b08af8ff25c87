/**
 * Ceremony messages between gateways: encrypted to the recipient's one-time key, signed by the sender's.
 *
 *   header    = ceremonyId, attempt, round, from, to, B = SHA-256(broadcast)
 *   sealed    = canonical CBOR { v: 1, ceremonyId, attempt, round, from, to, broadcastDigest: B, enc, ciphertext, signature }
 *   plaintext = canonical CBOR { broadcast, direct }          HPKE (core/hpke.ts), info and aad = the encoded header
 *   H         = SHA-256(encodeParts('careledger/ceremony-sealed/v1', enc, ciphertext))
 *   signature = Ed25519(encodeParts('careledger/ceremony-message/v1', ceremonyId, attempt, round, from, to, B, H))
 *   digest    = SHA-256(sealed), lower-case hex: what goes on the ledger before the message is sent
 *   receipt   = B(32) || H(32) || signature(64)
 *
 * A receipt proves to anyone who knows the sender's key that this sender put B into a message of this round to this
 * recipient. Two receipts of one sender and round with different B prove an equivocation, without any key or content.
 *
 * Verification is strict (RFC 8032 section 5.1.7). Assumptions: those of HPKE and Ed25519; the ledger says whose keys
 * they are. The signature is over the ciphertext, so a recipient cannot disown what it could not open.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { base64UrlToBytes, assertBytes, bytesEqual, bytesToHex, concatBytes } from '../core/bytes.js';
import { assertCborMap, decodeCbor, encodeCbor, type CborValue } from '../core/cbor.js';
import { assertContextText } from '../core/context.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput, shapeOf } from '../core/errors.js';
import { unwrap, wrap } from '../core/hpke.js';
import type { CeremonyIncoming } from './types.js';

export const CEREMONY_MESSAGE_VERSION = 1;
/** Of a sealed message; the largest of a key of 4096 bits and ten holders stays below. */
export const MAX_CEREMONY_MESSAGE_BYTES = 2 ** 23;
export const CEREMONY_RECEIPT_BYTES = 128;
const KEY_BYTES = 32;
const DIGEST_BYTES = 32;
const SIGNATURE_BYTES = 64;
const ENC_BYTES = 32;
const SEALED_KEYS = [
  'v',
  'ceremonyId',
  'attempt',
  'round',
  'from',
  'to',
  'broadcastDigest',
  'enc',
  'ciphertext',
  'signature',
];

/** Where a message belongs. */
export interface CeremonyAddress {
  readonly ceremonyId: string;
  readonly attempt: number;
  readonly round: number;
  readonly from: string;
  readonly to: string;
}

/** Fresh for each ceremony and party; 32 bytes each. */
export interface CeremonySigningKeys {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}

export interface OpenOptions {
  readonly sealed: Uint8Array;
  /** What the recipient expects: a message of another attempt, round, sender or recipient is refused. */
  readonly address: CeremonyAddress;
  /** What the sender posted on the ledger for this recipient and round. */
  readonly digest: string;
  /** Ed25519 public key of `address.from`. */
  readonly senderKey: Uint8Array;
  /** Own X25519 private key. */
  readonly recipientPrivateKey: Uint8Array;
}

/** A one-time Ed25519 key pair. The X25519 pair comes from `generateHpkeKeyPair`. */
export function generateCeremonySigningKeys(): CeremonySigningKeys {
  const privateKey = ed25519.utils.randomSecretKey();
  return { privateKey, publicKey: ed25519.getPublicKey(privateKey) };
}

function assertAddress(address: CeremonyAddress): void {
  assertContextText('ceremonyId', address.ceremonyId);
  assertContextText('from', address.from);
  assertContextText('to', address.to);
  if (!Number.isSafeInteger(address.attempt) || address.attempt < 1)
    throw invalidInput('attempt', 'an integer from 1', shapeOf(address.attempt));
  if (!Number.isSafeInteger(address.round) || address.round < 0)
    throw invalidInput('round', 'an integer from 0', shapeOf(address.round));
}

function encodeHeader(address: CeremonyAddress, broadcastDigest: Uint8Array): Uint8Array {
  const { ceremonyId, attempt, round, from, to } = address;
  return encodeParts(
    'careledger/ceremony-header/v1',
    ceremonyId,
    BigInt(attempt),
    BigInt(round),
    from,
    to,
    broadcastDigest,
  );
}

function sealedDigest(enc: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  return sha256(encodeParts('careledger/ceremony-sealed/v1', enc, ciphertext));
}

function signedBytes(
  address: CeremonyAddress,
  broadcastDigest: Uint8Array,
  contentDigest: Uint8Array,
): Uint8Array {
  const { ceremonyId, attempt, round, from, to } = address;
  return encodeParts(
    'careledger/ceremony-message/v1',
    ceremonyId,
    BigInt(attempt),
    BigInt(round),
    from,
    to,
    broadcastDigest,
    contentDigest,
  );
}

function verifies(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean {
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: false });
  } catch {
    return false;
  }
}

/** SHA-256 of the sealed bytes, lower-case hex: what the ledger carries. */
export function ceremonyMessageDigest(sealed: Uint8Array): string {
  assertBytes('sealed', sealed);
  return bytesToHex(sha256(sealed));
}

/**
 * @param options.recipientKey X25519 public key of `address.to`
 * @param options.signingKey own Ed25519 private key
 * @returns the sealed bytes, and their digest for the ledger
 */
export async function sealCeremonyMessage(options: {
  address: CeremonyAddress;
  recipientKey: Uint8Array;
  signingKey: Uint8Array;
  broadcast: Uint8Array;
  direct: Uint8Array;
}): Promise<{ sealed: Uint8Array; digest: string }> {
  const { address, broadcast, direct } = options;
  assertAddress(address);
  const broadcastDigest = sha256(broadcast);
  const header = encodeHeader(address, broadcastDigest);
  const { enc, ciphertext } = await wrap({
    recipientPublicKey: options.recipientKey,
    plaintext: encodeCbor({ broadcast, direct }),
    info: header,
    associatedData: header,
  });
  const signed = signedBytes(address, broadcastDigest, sealedDigest(enc, ciphertext));
  const { ceremonyId, attempt, round, from, to } = address;
  const sealed = encodeCbor({
    v: CEREMONY_MESSAGE_VERSION,
    ceremonyId,
    attempt,
    round,
    from,
    to,
    broadcastDigest,
    enc,
    ciphertext,
    signature: ed25519.sign(signed, options.signingKey),
  });
  if (sealed.length > MAX_CEREMONY_MESSAGE_BYTES) {
    throw new CryptoError('CRYPTO_LIMIT_EXCEEDED', {
      argument: 'sealed',
      expected: `at most ${MAX_CEREMONY_MESSAGE_BYTES} bytes`,
      came: `${sealed.length} bytes`,
    });
  }
  return { sealed, digest: ceremonyMessageDigest(sealed) };
}

function bytesField(argument: string, value: CborValue | undefined, sizeBytes?: number): Uint8Array {
  assertBytes(argument, value, sizeBytes);
  return value;
}

function assertSameAddress(address: CeremonyAddress, fields: Readonly<Record<string, unknown>>): void {
  for (const [name, expected] of Object.entries(address) as Array<[string, string | number]>) {
    if (fields[name] === expected) continue;
    throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: `message.${name}`,
      expected: String(expected),
      came: 'another',
    });
  }
}

function refused(argument: string, expected: string): CryptoError {
  return new CryptoError('CRYPTO_AUTHENTICATION_FAILED', { argument, expected, came: 'another' });
}

/** Everything but the digest: each error speaks against the sender. */
async function openPosted(options: OpenOptions): Promise<CeremonyIncoming> {
  const { sealed, address } = options;
  const fields = assertCborMap('message', decodeCbor(sealed, MAX_CEREMONY_MESSAGE_BYTES), SEALED_KEYS);
  if (fields['v'] !== CEREMONY_MESSAGE_VERSION)
    throw invalidInput('message.v', String(CEREMONY_MESSAGE_VERSION), 'another');
  assertSameAddress(address, fields);
  const broadcastDigest = bytesField('message.broadcastDigest', fields['broadcastDigest'], DIGEST_BYTES);
  const enc = bytesField('message.enc', fields['enc'], ENC_BYTES);
  const ciphertext = bytesField('message.ciphertext', fields['ciphertext']);
  const signature = bytesField('message.signature', fields['signature'], SIGNATURE_BYTES);
  const contentDigest = sealedDigest(enc, ciphertext);
  if (!verifies(signature, signedBytes(address, broadcastDigest, contentDigest), options.senderKey))
    throw refused('message.signature', `a signature of ${address.from}`);
  const header = encodeHeader(address, broadcastDigest);
  const { recipientPrivateKey } = options;
  const keyWrap = { enc, ciphertext };
  const plaintext = await unwrap({ recipientPrivateKey, keyWrap, info: header, associatedData: header });
  const content = assertCborMap('message.content', decodeCbor(plaintext, MAX_CEREMONY_MESSAGE_BYTES), [
    'broadcast',
    'direct',
  ]);
  const broadcast = bytesField('message.broadcast', content['broadcast']);
  const direct = bytesField('message.direct', content['direct']);
  if (!bytesEqual(sha256(broadcast), broadcastDigest))
    throw refused('message.broadcastDigest', 'the SHA-256 of the broadcast');
  const receipt = concatBytes(broadcastDigest, contentDigest, signature);
  return { from: address.from, round: address.round, broadcast, direct, receipt };
}

/**
 * Opens what arrived and hands it to the machine. Whom a refusal speaks against: `ceremonyMessageBlame`.
 * @throws CRYPTO_AUTHENTICATION_FAILED with argument `digest` when these are not the bytes that were posted, with
 *         argument `message` (the reason is its cause) when they are, and are not a message to this address
 */
export async function openCeremonyMessage(options: OpenOptions): Promise<CeremonyIncoming> {
  assertAddress(options.address);
  assertBytes('senderKey', options.senderKey, KEY_BYTES);
  assertBytes('recipientPrivateKey', options.recipientPrivateKey, KEY_BYTES);
  if (ceremonyMessageDigest(options.sealed) !== options.digest)
    throw refused('digest', 'the digest that the sender posted');
  try {
    return await openPosted(options);
  } catch (cause) {
    throw new CryptoError('CRYPTO_AUTHENTICATION_FAILED', {
      argument: 'message',
      expected: `a message of round ${options.address.round} from ${options.address.from}`,
      came: cause instanceof Error ? cause.message : 'another',
      cause,
    });
  }
}

/**
 * Whom an error of `openCeremonyMessage` speaks against, when the bytes came from the sender itself and the digest from
 * the ledger: EQUIVOCATION for other bytes than were posted, GARBAGE for posted bytes that are no message.
 */
export function ceremonyMessageBlame(error: unknown): 'EQUIVOCATION' | 'GARBAGE' | undefined {
  if (!(error instanceof CryptoError)) return undefined;
  if (error.argument === 'digest') return 'EQUIVOCATION';
  return error.argument === 'message' ? 'GARBAGE' : undefined;
}

/** Whether `receipt` is the sender's own word for a broadcast of this digest in this round to this recipient. */
export function isCeremonyReceipt(options: {
  receipt: Uint8Array;
  address: CeremonyAddress;
  senderKey: string;
}): boolean {
  const { receipt, address, senderKey } = options;
  if (receipt.length !== CEREMONY_RECEIPT_BYTES) return false;
  const broadcastDigest = receipt.subarray(0, DIGEST_BYTES);
  const contentDigest = receipt.subarray(DIGEST_BYTES, 2 * DIGEST_BYTES);
  const signature = receipt.subarray(2 * DIGEST_BYTES);
  const signed = signedBytes(address, broadcastDigest, contentDigest);
  return verifies(signature, signed, base64UrlToBytes(senderKey));
}
