/** One run of the scheme in which every random byte comes of a seed: what crypto/vectors/sharing-v1.json holds. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToBase64Url, bytesToHex } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import type { RandomBytes } from '../core/random.js';
import { combinePartialKeys, identityKey, makeIdentity, masterKeyId, partialKey } from '../ibe/index.js';
import { encodeScalar, hashToScalar, modQ, type PairingEngine } from '../pairing/index.js';
import { makeEdge } from './edge.js';
import { encryptUnderTag, publicCheck } from './encrypt.js';
import { openAlong } from './open.js';
import { partialReEncrypt } from './partial.js';
import { labelOf } from './tag.js';

const HOLDERS = ['Hospital1MSP', 'Hospital2MSP', 'Hospital3MSP', 'Hospital4MSP'];
const PROXIES = ['Hospital1MSP', 'Hospital3MSP', 'Hospital4MSP'];
const OWNER = 'patient/00112233445566778899aabbccddeeff';
const READER = 'person/Hospital2MSP/h2-cardiologist';

/** Block i of a seed: SHA-256(encodeParts('careledger/vector/v1', seed, i)), joined and cut. */
export function seeded(seed: string): RandomBytes {
  let block = 0;
  return (sizeBytes) => {
    const bytes = new Uint8Array(sizeBytes);
    for (let at = 0; at < sizeBytes; at += 32, block += 1) {
      const digest = sha256(encodeParts('careledger/vector/v1', seed, BigInt(block)));
      bytes.set(digest.subarray(0, Math.min(32, sizeBytes - at)), at);
    }
    return bytes;
  };
}

export function sharingVectors(engine: PairingEngine) {
  const coefficients = ['a0', 'a1', 'a2'].map((name) => hashToScalar('careledger/vector/v1', name));
  const shareAt = (point: number): Uint8Array =>
    encodeScalar(coefficients.reduceRight((value, a) => modQ(value * BigInt(point) + a), 0n));
  const commitments = coefficients.map((a) => engine.encodeG2(engine.g2Power(engine.g2, a)));
  const [masterPublicKey = new Uint8Array()] = commitments;
  const sharing = { epoch: 0, threshold: 3, holders: HOLDERS, commitments };

  const party = (name: string) => {
    const identity = { name, keyEpoch: 0 };
    const options = { ...identity, masterPublicKey, recoverable: false, custody: 'patient' } as const;
    const made = makeIdentity(options, engine, seeded(name));
    const parts = new Map(
      HOLDERS.slice(0, 3).map((holder, index) => [holder, partialKey(shareAt(index + 1), identity, engine)]),
    );
    const { key = new Uint8Array() } = combinePartialKeys(sharing, identity, parts, engine);
    return {
      ...made,
      identity: made.registration,
      identityKey: identityKey(key, made.factor, made.registration, engine),
    };
  };
  const [owner, reader] = [party(OWNER), party(READER)];
  const labelKey = seeded('label key')(32);
  const tag = {
    typeLabel: labelOf(labelKey, 'type', 'laboratory'),
    conditionLabel: labelOf(labelKey, 'condition', 'normal'),
    tagEpoch: 0,
  };
  const aad = new TextEncoder().encode('a record');
  const encrypted = encryptUnderTag({ owner: owner.identity, tag, aad }, engine, seeded('header'));
  const terms = { to: reader.identity, proxies: PROXIES, threshold: 2, sharable: true, maxDepth: 1 };
  const edge = makeEdge(owner, { ...terms, tag, allowsRecoverable: false }, engine, seeded('edge'));
  const headers = publicCheck([encrypted.header], engine);
  const proxies = PROXIES.map((proxy) => ({ proxy, ...party(`member/${proxy}`) }));
  const answers = new Map(
    proxies.map(({ proxy, signingKey }) => {
      const share = edge.shares.get(proxy) ?? new Uint8Array();
      const of = { statement: edge.statement, proxy, share, signingKey, headers };
      return [
        proxy,
        [{ edgeId: edge.edgeId, bytes: partialReEncrypt(of, engine, seeded(`partial ${proxy}`)) }],
      ] as const;
    }),
  );
  const publicEdge = { statement: bytesToBase64Url(edge.statement), w: bytesToBase64Url(edge.w) };
  const opened = openAlong(
    reader,
    {
      chain: { edges: [publicEdge], identities: [owner.identity, reader.identity] },
      headers: [encrypted.header],
      answers,
      proxyKeys: new Map(proxies.map(({ proxy, identity }) => [proxy, identity.signingKey])),
    },
    engine,
  );
  return {
    about:
      'crypto/vectors/make-sharing.mjs; docs/crypto/identity.md, docs/crypto/pre.md. Bytes are base64url.',
    master: {
      keyId: masterKeyId(masterPublicKey),
      commitments: commitments.map(bytesToBase64Url),
      shares: HOLDERS.map((_, index) => bytesToBase64Url(shareAt(index + 1))),
    },
    identities: [owner, reader].map(({ registration, factor, identityKey: key }) => ({
      registration,
      factor: bytesToBase64Url(factor),
      identityKey: bytesToBase64Url(key),
    })),
    labelKey: bytesToBase64Url(labelKey),
    header: {
      bytes: bytesToBase64Url(encrypted.header),
      handle: encrypted.handle,
      wrapKey: bytesToBase64Url(encrypted.wrapKey),
    },
    edge: {
      edgeId: edge.edgeId,
      ...publicEdge,
      shares: PROXIES.map((proxy) => bytesToBase64Url(edge.shares.get(proxy) ?? new Uint8Array())),
    },
    partials: [...answers].map(([proxy, [answer]]) => ({
      proxy,
      digest: bytesToHex(sha256(answer.bytes)),
    })),
    opened: opened.wrapKeys.map(bytesToBase64Url),
  };
}
