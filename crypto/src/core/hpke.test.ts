import { expect } from 'chai';
import { gcm } from '@noble/ciphers/aes.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { expectCode, expectRejection, flipBit, readVectors } from '../test-support.js';
import { bytesToHex, concatBytes, hexToBytes, utf8 } from './bytes.js';
import { assertHpkePublicKey, generateHpkeKeyPair, hpkePublicKey, unwrap, wrap } from './hpke.js';

interface Vector {
  readonly info: string;
  readonly skRm: string;
  readonly pkRm: string;
  readonly skEm: string;
  readonly enc: string;
  readonly shared_secret: string;
  readonly key: string;
  readonly base_nonce: string;
  readonly aad: string;
  readonly pt: string;
  readonly ct: string;
}
const vector = readVectors('hpke-rfc9180.json') as Vector;
const bytes = Uint8Array.of(1, 2, 3);
const empty = new Uint8Array(0);

/** RFC 9180 section 4 and 5.1, written again from the text on noble primitives, as an independent check. */
const KEM_SUITE = concatBytes(utf8('', 'KEM'), Uint8Array.of(0, 0x20));
const HPKE_SUITE = concatBytes(utf8('', 'HPKE'), Uint8Array.of(0, 0x20, 0, 1, 0, 2));
const labeledExtract = (suite: Uint8Array, salt: Uint8Array, label: string, ikm: Uint8Array): Uint8Array =>
  extract(sha256, concatBytes(utf8('', 'HPKE-v1'), suite, utf8('', label), ikm), salt);
const labeledExpand = (
  suite: Uint8Array,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
  length: number,
): Uint8Array =>
  expand(
    sha256,
    prk,
    concatBytes(Uint8Array.of(length >> 8, length & 255), utf8('', 'HPKE-v1'), suite, utf8('', label), info),
    length,
  );

function independentKeys(dh: Uint8Array, enc: Uint8Array, recipient: Uint8Array, info: Uint8Array) {
  const prk = labeledExtract(KEM_SUITE, empty, 'eae_prk', dh);
  const sharedSecret = labeledExpand(KEM_SUITE, prk, 'shared_secret', concatBytes(enc, recipient), 32);
  const context = concatBytes(
    Uint8Array.of(0),
    labeledExtract(HPKE_SUITE, empty, 'psk_id_hash', empty),
    labeledExtract(HPKE_SUITE, empty, 'info_hash', info),
  );
  const secret = labeledExtract(HPKE_SUITE, sharedSecret, 'secret', empty);
  return {
    sharedSecret,
    key: labeledExpand(HPKE_SUITE, secret, 'key', context, 32),
    nonce: labeledExpand(HPKE_SUITE, secret, 'base_nonce', context, 12),
  };
}

describe('HPKE', function () {
  this.timeout(20_000);

  it('opens the RFC 9180 vector of this suite', async () => {
    const recipientPrivateKey = hexToBytes(vector.skRm);
    expect(bytesToHex(hpkePublicKey(recipientPrivateKey))).to.equal(vector.pkRm);
    const keyWrap = { enc: hexToBytes(vector.enc), ciphertext: hexToBytes(vector.ct) };
    const opened = await unwrap({
      recipientPrivateKey,
      keyWrap,
      info: hexToBytes(vector.info),
      associatedData: hexToBytes(vector.aad),
    });
    expect(bytesToHex(opened)).to.equal(vector.pt);
  });

  it('agrees with an independent implementation, which reproduces the vector’s intermediate values', async () => {
    const dh = x25519.getSharedSecret(hexToBytes(vector.skEm), hexToBytes(vector.pkRm));
    const known = independentKeys(
      dh,
      hexToBytes(vector.enc),
      hexToBytes(vector.pkRm),
      hexToBytes(vector.info),
    );
    expect([known.sharedSecret, known.key, known.nonce].map(bytesToHex)).to.deep.equal([
      vector.shared_secret,
      vector.key,
      vector.base_nonce,
    ]);
    expect(
      bytesToHex(gcm(known.key, known.nonce, hexToBytes(vector.aad)).encrypt(hexToBytes(vector.pt))),
    ).to.equal(vector.ct);

    const { publicKey, privateKey } = generateHpkeKeyPair();
    const info = utf8('', 'info');
    const { enc, ciphertext } = await wrap({
      recipientPublicKey: publicKey,
      plaintext: bytes,
      info,
      associatedData: empty,
    });
    const fresh = independentKeys(x25519.getSharedSecret(privateKey, enc), enc, publicKey, info);
    expect(gcm(fresh.key, fresh.nonce, empty).decrypt(ciphertext)).to.deep.equal(bytes);
  });

  it('round-trips, and refuses another key, info, associated data or any changed bit', async () => {
    const { publicKey, privateKey } = generateHpkeKeyPair();
    const right = { recipientPrivateKey: privateKey, info: utf8('', 'i'), associatedData: utf8('', 'a') };
    const keyWrap = await wrap({
      recipientPublicKey: publicKey,
      plaintext: bytes,
      info: right.info,
      associatedData: right.associatedData,
    });
    expect(keyWrap.enc).to.have.lengthOf(32);
    expect(keyWrap.ciphertext).to.have.lengthOf(bytes.length + 16);
    expect(await unwrap({ ...right, keyWrap })).to.deep.equal(bytes);
    const wrong = [
      { recipientPrivateKey: generateHpkeKeyPair().privateKey },
      { info: utf8('', 'j') },
      { associatedData: utf8('', 'b') },
    ];
    for (const change of wrong)
      await expectRejection('CRYPTO_AUTHENTICATION_FAILED', unwrap({ ...right, keyWrap, ...change }));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: keyWrap.ciphertext.length * 8 - 1 }), async (bit) => {
        const changed = { enc: keyWrap.enc, ciphertext: flipBit(keyWrap.ciphertext, bit) };
        await expectRejection('CRYPTO_AUTHENTICATION_FAILED', unwrap({ ...right, keyWrap: changed }));
      }),
      { numRuns: 20 },
    );
    await expectRejection(
      'CRYPTO_AUTHENTICATION_FAILED',
      unwrap({ ...right, keyWrap: { ...keyWrap, enc: flipBit(keyWrap.enc, 9) } }),
    );
    await expectRejection(
      'CRYPTO_AUTHENTICATION_FAILED',
      unwrap({ ...right, keyWrap: { ...keyWrap, ciphertext: bytes } }),
    );
  });

  it('refuses wrong lengths and small-order points on both sides', async () => {
    const { publicKey, privateKey } = generateHpkeKeyPair();
    assertHpkePublicKey('key', publicKey);
    const rest = { plaintext: bytes, info: empty, associatedData: empty };
    // RFC 7748 and https://cr.yp.to/ecdh.html#validate: 0, 1, the two points of order 8, p - 1, p, p + 1.
    const smallOrder = [
      '0000000000000000000000000000000000000000000000000000000000000000',
      '0100000000000000000000000000000000000000000000000000000000000000',
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    ].map(hexToBytes);
    for (const point of smallOrder) {
      await expectRejection(
        'CRYPTO_INVALID_INPUT',
        wrap({ ...rest, recipientPublicKey: point }),
        'recipientPublicKey',
      );
      await expectRejection(
        'CRYPTO_INVALID_INPUT',
        unwrap({
          recipientPrivateKey: privateKey,
          keyWrap: { enc: point, ciphertext: new Uint8Array(20) },
          info: empty,
          associatedData: empty,
        }),
        'enc',
      );
    }
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      wrap({ ...rest, recipientPublicKey: publicKey.subarray(1) }),
      'recipientPublicKey',
    );
    expectCode('CRYPTO_INVALID_INPUT', () => hpkePublicKey(new Uint8Array(33)), 'privateKey');
  });
});
