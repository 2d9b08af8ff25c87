import { canonicalJson } from '@careledger/protocol';
import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { bytesToBase64Url } from '../core/bytes.js';
import { expectCode } from '../test-support.js';
import { bitLength, gcd } from '../paillier/arithmetic.js';
import { publicKeyFromModulus } from '../paillier/public-key.js';
import * as codec from './codec.js';
import { testCiphertextOf, verificationBaseOf } from './derived.js';
import { dealThresholdKey } from './engine/dealer.js';
import { HOSPITALS, dealtKey, partialsOf } from './threshold.test-support.js';

const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('threshold keys as JSON', function () {
  this.timeout(20_000);

  const { publicKey, sharing, shares } = dealtKey(4);
  const { nSquared, keyBits } = publicKey;
  const sharingJson = codec.sharingToJson(publicKey, sharing);
  const share = shares[0]!;

  it('a sharing, a share and a partial round-trip, with exact widths', () => {
    expect(codec.sharingFromJson(publicKey, throughJson(sharingJson))).to.deep.equal(sharing);
    expect(sharingJson.verificationBase).to.have.lengthOf(Math.ceil((keyBits / 4) * (4 / 3)));
    expect(codec.thresholdShareFromJson(throughJson(codec.thresholdShareToJson(share)))).to.deep.equal(share);
    const [partial] = partialsOf({ publicKey, sharing, shares: [share] }, testCiphertextOf(publicKey));
    const json = codec.provenPartialToJson(publicKey, partial!);
    expect(json.proof.challenge).to.have.lengthOf(22);
    expect(codec.provenPartialFromJson(publicKey, throughJson(json))).to.deep.equal(partial);
  });

  it('the digest is SHA-256 of the canonical JSON that the ledger uses', () => {
    const document = codec.thresholdPublicKeyToJson(publicKey, sharing);
    const expected = createHash('sha256').update(canonicalJson(document)).digest('hex');
    expect(codec.sharingDigest(publicKey, sharing)).to.equal(expected);
    expect(codec.sharingDigest(publicKey, { ...sharing, epoch: 1 })).to.not.equal(expected);
  });

  it('refuses another shape, key, range or encoding of a sharing', () => {
    const other = publicKeyFromModulus(publicKey.n, { allowTestKeySize: true, encryption: 'rn' });
    expectCode('CRYPTO_INVALID_INPUT', () => codec.sharingFromJson(other, sharingJson), 'keyId');
    const [first, ...rest] = sharingJson.verificationKeys;
    const wide = bytesToBase64Url(new Uint8Array(keyBits / 4 + 1));
    const cases: unknown[] = [
      null,
      [],
      { ...sharingJson, extra: 1 },
      { ...sharingJson, epoch: -1 },
      { ...sharingJson, epoch: 1001 },
      { ...sharingJson, epoch: 0.5 },
      { ...sharingJson, threshold: 1 },
      { ...sharingJson, threshold: 5 },
      { ...sharingJson, threshold: '3' },
      { ...sharingJson, holders: ['H1MSP', 'H2MSP'] },
      { ...sharingJson, holders: ['H1MSP', 'H1MSP', 'H2MSP', 'H3MSP'] },
      { ...sharingJson, holders: ['', 'H2MSP', 'H3MSP', 'H4MSP'] },
      { ...sharingJson, holders: 'H1MSP' },
      { ...sharingJson, verificationBase: first },
      { ...sharingJson, verificationKeys: rest },
      { ...sharingJson, verificationKeys: 5 },
      { ...sharingJson, verificationKeys: [5, ...rest] },
      { ...sharingJson, theta: sharingJson.theta.slice(2) },
      { ...sharingJson, theta: bytesToBase64Url(new Uint8Array(keyBits / 8)) },
      { ...sharingJson, theta: bytesToBase64Url(new Uint8Array(keyBits / 8).fill(255)) },
    ];
    for (const json of cases)
      expectCode('CRYPTO_INVALID_INPUT', () => codec.sharingFromJson(publicKey, json));
    for (const verificationKeys of [
      [wide, ...rest],
      [bytesToBase64Url(new Uint8Array(keyBits / 4)), ...rest],
    ])
      expectCode('CRYPTO_INVALID_CIPHERTEXT', () =>
        codec.sharingFromJson(publicKey, { ...sharingJson, verificationKeys }),
      );
    for (const wrong of [
      { ...sharing, verificationBase: 4n },
      { ...sharing, verificationKeys: sharing.verificationKeys.slice(1) },
      { ...sharing, keyId: '0'.repeat(64) },
    ])
      expectCode('CRYPTO_INVALID_INPUT', () => codec.sharingToJson(publicKey, wrong));
  });

  it('refuses malformed shares', () => {
    const json = codec.thresholdShareToJson(share);
    for (const bad of [
      null,
      { ...json, extra: 1 },
      { ...json, holder: '' },
      { ...json, holder: 5 },
      { ...json, keyId: 'A'.repeat(64) },
      { ...json, epoch: '0' },
      { ...json, value: '' },
      { ...json, value: 'AAE' },
      { ...json, value: bytesToBase64Url(new Uint8Array(1501).fill(1)) },
      { ...json, value: 5 },
    ])
      expectCode('CRYPTO_INVALID_INPUT', () => codec.thresholdShareFromJson(bad));
    for (const value of [0n, -1n, 2n ** 12_000n])
      expectCode(
        'CRYPTO_INVALID_INPUT',
        () => codec.thresholdShareToJson({ ...share, value }),
        'share.value',
      );
  });

  it('refuses malformed partials', () => {
    const held = { publicKey, sharing, shares: [share] };
    const json = codec.provenPartialToJson(publicKey, partialsOf(held, testCiphertextOf(publicKey))[0]!);
    const { proof } = json;
    const width = keyBits / 4;
    for (const bad of [
      { ...json, extra: 1 },
      { ...json, keyId: '0'.repeat(64) },
      { ...json, ciphertextDigest: 'x' },
      { ...json, value: json.value.slice(4) },
      { ...json, value: bytesToBase64Url(new Uint8Array(width)) },
      { ...json, value: bytesToBase64Url(new Uint8Array(width).fill(255)) },
      { ...json, proof: undefined },
      { ...json, proof: { ...proof, a: 'AA' } },
      { ...json, proof: { ...proof, challenge: 'AAAA' } },
      { ...json, proof: { ...proof, response: '' } },
      { ...json, proof: { ...proof, response: `AA${proof.response}` } },
      { ...json, proof: { ...proof, response: bytesToBase64Url(new Uint8Array(1576).fill(1)) } },
    ])
      expectCode('CRYPTO_INVALID_INPUT', () => codec.provenPartialFromJson(publicKey, bad));
    const sign = { ...json, value: bytesToBase64Url(new Uint8Array(width).fill(1, width - 1)) };
    expect(codec.provenPartialFromJson(publicKey, sign).value).to.equal(1n);
    expect(codec.isElement(publicKey, nSquared - 1n)).to.equal(true);
  });
});

describe('what follows from a key', () => {
  const { publicKey } = dealtKey(3);

  it('v and the test ciphertext are the same for everyone, and others for another key or mode', () => {
    const base = verificationBaseOf(publicKey);
    expect(verificationBaseOf({ ...publicKey })).to.equal(base);
    const other = publicKeyFromModulus(publicKey.n, { allowTestKeySize: true, encryption: 'rn' });
    expect(verificationBaseOf(other)).to.not.equal(base);
    expect(testCiphertextOf(other)).to.not.equal(testCiphertextOf(publicKey));
    expect(gcd(base, publicKey.n)).to.equal(1n);
  });
});

describe('the dealer of tests', () => {
  it('makes keys like a ceremony: p = q = -1 mod 4 and mod every odd prime up to the number of holders', () => {
    for (const [holderCount, modulus] of [
      [3, 12n],
      [5, 60n],
    ] as const) {
      const { secrets, publicKey, sharing } = dealThresholdKey({
        keyBits: 272,
        holders: HOSPITALS.slice(0, holderCount),
        threshold: 2,
        allowTestKeySize: true,
      });
      const { p, q, phi, exponent } = secrets;
      expect([p % modulus, q % modulus]).to.deep.equal([modulus - 1n, modulus - 1n]);
      expect([p * q, bitLength(p * q)]).to.deep.equal([publicKey.n, 272]);
      expect([(p - 1n) * (q - 1n), exponent % phi]).to.deep.equal([phi, 0n]);
      expect([sharing.threshold, publicKey.encryption]).to.deep.equal([2, 'djn']);
    }
  });

  it('refuses real sizes below the minimum, and too few holders', () => {
    const holders = HOSPITALS.slice(0, 3);
    expectCode('CRYPTO_INVALID_INPUT', () => dealThresholdKey({ keyBits: 512, holders }), 'keyBits');
    const options = { keyBits: 256, allowTestKeySize: true };
    expectCode('CRYPTO_INVALID_INPUT', () => dealThresholdKey({ ...options, holders: ['H1MSP', 'H2MSP'] }));
    expectCode('CRYPTO_INVALID_INPUT', () => dealThresholdKey({ ...options, holders, threshold: 4 }));
  });
});
