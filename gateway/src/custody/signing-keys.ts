// The X.509 library's dependency container looks for this when it loads.
import 'reflect-metadata';
import {
  X509Certificate,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  webcrypto,
  type KeyObject,
} from 'node:crypto';
import { p256 } from '@noble/curves/nist.js';
import { CareLedgerError, EnrolmentId, validate } from '@careledger/protocol';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import type { SigningIdentity } from '../ports/ledger.js';
import { createQueue } from './queue.js';
import type { SealedFolder } from './sealed-folder.js';

/** Identity with its certificate; a key that waits for one. */
const IDENTITY = 'identity';
const PENDING = 'pending-identity';
const DIGEST_BYTES = 32;
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

interface StoredIdentity {
  readonly keyPem: string;
  readonly certificatePem: string;
}

export interface SigningKeys {
  createSigningKey(enrolmentId: string): Promise<{ readonly csrPem: string }>;
  storeCertificate(enrolmentId: string, certificatePem: string): Promise<void>;
  importSigningIdentity(enrolmentId: string, identity: StoredIdentity): Promise<void>;
  signingIdentity(enrolmentId: string): Promise<SigningIdentity>;
  enrolledIds(): Promise<string[]>;
}

/**
 * P-256 keys of the hospital's staff, each with its certificate. Opened identities stay in memory: signing then
 * touches no file. A key that waits for its certificate lies beside the identity that it will replace, so that an
 * enrolment that breaks off loses nothing and can be repeated.
 */
export function createSigningKeys(mspId: string, folder: SealedFolder): SigningKeys {
  const opened = new Map<string, Promise<SigningIdentity>>();
  /** One change at a time: two enrolments of one person at once come to the same key. */
  const serially = createQueue();

  const keep = async (enrolmentId: string, identity: StoredIdentity): Promise<void> => {
    await folder.write(IDENTITY, enrolmentId, encode(identity));
    opened.delete(enrolmentId);
  };
  const load = async (enrolmentId: string): Promise<SigningIdentity> => {
    const stored = await folder.read(IDENTITY, validate(EnrolmentId, enrolmentId));
    if (stored === undefined) throw new CareLedgerError('STAFF_NOT_FOUND');
    const { keyPem, certificatePem } = decode(stored);
    return identityOf(mspId, certificatePem, privateKeyOf(keyPem));
  };

  return {
    createSigningKey: (enrolmentId) =>
      serially(async () => {
        validate(EnrolmentId, enrolmentId);
        const waiting = await folder.read(PENDING, enrolmentId);
        const keyPem = waiting === undefined ? newKeyPem() : Buffer.from(waiting).toString('utf8');
        if (waiting === undefined) await folder.write(PENDING, enrolmentId, Buffer.from(keyPem, 'utf8'));
        return { csrPem: await requestFor(enrolmentId, keyPem) };
      }),

    storeCertificate: (enrolmentId, certificatePem) =>
      serially(async () => {
        validate(EnrolmentId, enrolmentId);
        const certificate = certificateOf(certificatePem);
        const keyPem = await matchingKey(folder, enrolmentId, certificate);
        await keep(enrolmentId, { keyPem, certificatePem });
        await folder.remove(PENDING, enrolmentId);
      }),

    importSigningIdentity: (enrolmentId, { keyPem, certificatePem }) =>
      serially(async () => {
        validate(EnrolmentId, enrolmentId);
        const key = privateKeyOf(keyPem);
        if (!certificateOf(certificatePem).checkPrivateKey(key)) throw notOfThisKey();
        await keep(enrolmentId, { keyPem, certificatePem });
      }),

    signingIdentity(enrolmentId) {
      const known = opened.get(enrolmentId);
      if (known !== undefined) return known;
      const loading = load(enrolmentId);
      opened.set(enrolmentId, loading);
      loading.catch(() => opened.delete(enrolmentId));
      return loading;
    },

    enrolledIds: () => folder.list(IDENTITY),
  };
}

async function matchingKey(
  folder: SealedFolder,
  enrolmentId: string,
  certificate: X509Certificate,
): Promise<string> {
  const waiting = await folder.read(PENDING, enrolmentId);
  const current = await folder.read(IDENTITY, enrolmentId);
  const keys = [
    ...(waiting === undefined ? [] : [Buffer.from(waiting).toString('utf8')]),
    ...(current === undefined ? [] : [decode(current).keyPem]),
  ];
  if (keys.length === 0) throw new CareLedgerError('STAFF_NOT_FOUND');
  const match = keys.find((keyPem) => certificate.checkPrivateKey(privateKeyOf(keyPem)));
  if (match === undefined) throw notOfThisKey();
  return match;
}

/** The scalar lives in the closure of `sign`; the object shows the certificate only. */
function identityOf(mspId: string, certificate: string, key: KeyObject): SigningIdentity {
  const scalar = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
  return Object.freeze({
    mspId,
    certificate,
    sign(digest: Uint8Array): Promise<Uint8Array> {
      if (!(digest instanceof Uint8Array) || digest.length !== DIGEST_BYTES) {
        return Promise.reject(new CareLedgerError('SCHEMA_VIOLATION', { expected: 'a digest of 32 bytes' }));
      }
      // node:crypto always hashes what it signs with ECDSA; Fabric hands over the digest.
      return Promise.resolve(p256.sign(digest, scalar, { prehash: false, lowS: true, format: 'der' }));
    },
  });
}

function newKeyPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

async function requestFor(enrolmentId: string, keyPem: string): Promise<string> {
  const key = privateKeyOf(keyPem);
  const jwk = key.export({ format: 'jwk' });
  const publicJwk = createPublicKey(key).export({ format: 'jwk' });
  const keys = {
    privateKey: await webcrypto.subtle.importKey('jwk', jwk as webcrypto.JsonWebKey, ECDSA, false, ['sign']),
    publicKey: await webcrypto.subtle.importKey('jwk', publicJwk as webcrypto.JsonWebKey, ECDSA, true, [
      'verify',
    ]),
  };
  const name = [{ CN: [enrolmentId] }];
  const request = await Pkcs10CertificateRequestGenerator.create(
    { name, keys, signingAlgorithm: ECDSA },
    webcrypto,
  );
  return request.toString('pem');
}

/** Parsers quote their input in errors, so theirs are not passed on. */
function privateKeyOf(keyPem: string): KeyObject {
  try {
    const key = createPrivateKey(keyPem);
    if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // Falls through to the same refusal.
  }
  throw new CareLedgerError('SCHEMA_VIOLATION', {
    expected: 'a P-256 private key in PEM',
    came: 'something else',
  });
}

function certificateOf(certificatePem: string): X509Certificate {
  try {
    return new X509Certificate(certificatePem);
  } catch {
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: 'a certificate in PEM',
      came: 'something else',
    });
  }
}

function notOfThisKey(): CareLedgerError {
  return new CareLedgerError('SCHEMA_VIOLATION', {
    expected: 'the certificate of the key in the custody',
    came: 'the certificate of another key',
  });
}

function encode(identity: StoredIdentity): Uint8Array {
  const { keyPem, certificatePem } = identity;
  return Buffer.from(JSON.stringify({ keyPem, certificatePem }), 'utf8');
}

function decode(stored: Uint8Array): StoredIdentity {
  return JSON.parse(Buffer.from(stored).toString('utf8')) as StoredIdentity;
}
