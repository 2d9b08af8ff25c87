/** Forgeries that are right in everything but the one thing that a single check looks at. */
import { expect } from 'chai';
import { gcm } from '@noble/ciphers/aes.js';
import { ed25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { base64UrlToBytes, bytesToBase64Url, concatBytes } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, type CryptoErrorCode } from '../core/errors.js';
import {
  encodeScalar,
  hashToScalar,
  initPairing,
  modQ,
  randomScalar,
  type PairingEngine,
} from '../pairing/index.js';
import { MAX_IDENTITY_PLAINTEXT_BYTES, decryptAsIdentity, encryptToIdentity } from './encryption.js';
import { combinePartialKeys, identityKey, partialKey } from './extraction.js';
import { encodeIdentity, identityPoint, type RegisteredKey } from './identity.js';
import { dealMaster, type DealtMaster } from './ibe.test-support.js';
import { makeIdentity, verifyRegistration } from './registration.js';

const NAME = `patient/${'a1'.repeat(16)}`;
const aad = new TextEncoder().encode('purpose');

function errorOf(act: () => unknown): CryptoError {
  try {
    act();
  } catch (error) {
    if (error instanceof CryptoError) return error;
    throw error;
  }
  throw new Error('accepted');
}

function refused(code: CryptoErrorCode, act: () => unknown): void {
  expect(errorOf(act).code).to.equal(code);
}

describe('forgeries of identity keys', function () {
  this.timeout(20_000);
  let engine: PairingEngine;
  let dealt: DealtMaster;
  before(async () => {
    engine = await initPairing();
    dealt = dealMaster(engine);
  });

  const make = (options: Partial<Parameters<typeof makeIdentity>[0]> = {}) =>
    makeIdentity({
      name: NAME,
      keyEpoch: 0,
      masterPublicKey: dealt.masterPublicKey,
      recoverable: false,
      custody: 'patient',
      ...options,
    });
  const verify = (registration: RegisteredKey): void => {
    verifyRegistration(registration, dealt.masterPublicKey, undefined, engine);
  };

  type Facts = Omit<RegisteredKey, 'proof' | 'previousSignature'>;
  type Sign = (message: Uint8Array) => Uint8Array;
  const statementOf = (facts: Facts): Uint8Array =>
    encodeParts(
      'careledger/identity-key/v1',
      facts.name,
      BigInt(facts.keyEpoch),
      dealt.masterPublicKey,
      base64UrlToBytes(facts.publicKey),
      base64UrlToBytes(facts.signingKey),
      facts.recoverable ? 'recoverable' : 'own',
      facts.custody,
    );
  const signed = (facts: Facts, knowledge: Uint8Array, sign: Sign): RegisteredKey => ({
    ...facts,
    proof: bytesToBase64Url(concatBytes(knowledge, sign(concatBytes(statementOf(facts), knowledge)))),
  });
  /** The facts with a proof by somebody who knows x. */
  const proven = (facts: Facts, x: bigint, sign: Sign): RegisteredKey => {
    const base = engine.decodeG2('P', dealt.masterPublicKey);
    const nonce = randomScalar();
    const commitment = engine.encodeG2(engine.g2Power(base, nonce));
    const c = hashToScalar('careledger/identity-proof/v1', statementOf(facts), commitment);
    return signed(facts, concatBytes(encodeScalar(c), encodeScalar(modQ(nonce + c * x))), sign);
  };
  const powerOfP = (x: bigint): string =>
    bytesToBase64Url(engine.encodeG2(engine.g2Power(engine.decodeG2('P', dealt.masterPublicKey), x)));
  const ownKeys = (): { readonly signingKey: string; readonly sign: Sign } => {
    const { secretKey, publicKey } = ed25519.keygen();
    return { signingKey: bytesToBase64Url(publicKey), sign: (message) => ed25519.sign(message, secretKey) };
  };
  const factsOf = (publicKey: string, signingKey: string): Facts => ({
    name: NAME,
    keyEpoch: 0,
    publicKey,
    signingKey,
    recoverable: false,
    custody: 'patient',
  });

  it('the forger of these tests makes what verifies when nothing is wrong', () => {
    const [x, { signingKey, sign }] = [randomScalar(), ownKeys()];
    verify(proven(factsOf(powerOfP(x), signingKey), x, sign));
  });

  it('refuse another’s key with its proof copied, under a name and a signature of the thief’s own', () => {
    const { registration } = make();
    const knowledge = base64UrlToBytes(registration.proof).slice(0, 64);
    const { signingKey, sign } = ownKeys();
    const stolen = { ...factsOf(registration.publicKey, signingKey), name: 'member/ThiefMSP' };
    refused('CRYPTO_PROOF_INVALID', () => {
      verify(signed(stolen, knowledge, sign));
    });
  });

  it('refuse a key without its factor known, though the signature is right', () => {
    const { signingKey, sign } = ownKeys();
    refused('CRYPTO_PROOF_INVALID', () => {
      verify(proven(factsOf(make().registration.publicKey, signingKey), randomScalar(), sign));
    });
  });

  it('refuse the label of recovery on another key, proven and signed with the label', () => {
    const [x, { signingKey, sign }] = [randomScalar(), ownKeys()];
    const error = errorOf(() => {
      verify(proven({ ...factsOf(powerOfP(x), signingKey), recoverable: true }, x, sign));
    });
    expect(error).to.include({ code: 'CRYPTO_INVALID_INPUT' });
    expect(error.message).to.contain('recoverable');
  });

  it('refuse P without the label, proven and signed without it', () => {
    const { signingKey, sign } = ownKeys();
    refused('CRYPTO_INVALID_INPUT', () => {
      verify(proven(factsOf(powerOfP(1n), signingKey), 1n, sign));
    });
  });

  it('refuse a signing key of small order, under which anybody signs anything', () => {
    const x = randomScalar();
    const smallOrder = bytesToBase64Url(Uint8Array.of(1, ...new Uint8Array(31)));
    // A = 1, so S B = R + k A holds for R = S B, whatever the message.
    const anySignature = concatBytes(ed25519.Point.BASE.toBytes(), Uint8Array.of(1, ...new Uint8Array(31)));
    refused('CRYPTO_INVALID_INPUT', () => {
      verify(proven(factsOf(powerOfP(x), smallOrder), x, () => anySignature));
    });
  });

  it('refuse a name of links, proven and signed as such', () => {
    refused('CRYPTO_INVALID_INPUT', () => {
      verify(make({ name: `trace/${'a1'.repeat(16)}` }).registration);
    });
  });

  it('refuse a sharing that asks for fewer parts than its polynomial has coefficients', () => {
    const { registration } = make();
    const parts = new Map(
      [...dealt.shares].map(([holder, share]) => [holder, partialKey(share, registration)]),
    );
    refused('CRYPTO_INVALID_INPUT', () =>
      combinePartialKeys({ ...dealt.sharing, threshold: 2 }, registration, parts),
    );
  });

  describe('ciphertexts', () => {
    const plaintext = new TextEncoder().encode('edge secret');

    /** A ciphertext as in the header of encryption.ts, with the r that is given. */
    const sealedWith = (to: RegisteredKey, sigma: Uint8Array, r: bigint): Uint8Array => {
      const publicKey = base64UrlToBytes(to.publicKey);
      const u = engine.encodeG2(engine.g2Power(engine.g2, r));
      const k = engine.gtPower(engine.pair(identityPoint(engine, to), engine.decodeG2('P_ID', publicKey)), r);
      const mask = sha256(
        encodeParts('careledger/ibe-mask/v1', engine.encodeGT(k), u, encodeIdentity(to), publicKey),
      );
      const key = hkdf(sha256, sigma, undefined, encodeParts('careledger/ibe-body/v1', u, aad), 32);
      const v = sigma.map((byte, index) => byte ^ mask[index]!);
      return concatBytes(u, v, gcm(key, new Uint8Array(12), aad).encrypt(plaintext));
    };
    const keyed = () => {
      const { factor, registration } = make();
      const parts = new Map(
        [...dealt.shares].map(([holder, share]) => [holder, partialKey(share, registration)]),
      );
      const { key } = combinePartialKeys(dealt.sharing, registration, parts);
      return { registration, sk: identityKey(key!, factor, registration) };
    };

    it('open with the r that comes out of the message, and with no other', () => {
      const { registration, sk } = keyed();
      const sigma = new Uint8Array(32).fill(9);
      const r = hashToScalar(
        'careledger/ibe-r/v1',
        sigma,
        encodeIdentity(registration),
        base64UrlToBytes(registration.publicKey),
        aad,
        plaintext,
      );
      const open = (bytes: Uint8Array): Uint8Array => decryptAsIdentity(sk, registration, bytes, aad);
      expect(open(sealedWith(registration, sigma, r))).to.deep.equal(plaintext);
      refused('CRYPTO_AUTHENTICATION_FAILED', () => open(sealedWith(registration, sigma, modQ(r + 1n))));
    });

    it('are refused in one way, whichever check it was', () => {
      const { registration, sk } = keyed();
      const good = encryptToIdentity(registration, plaintext, aad);
      const wrong = [
        good.slice(0, 40),
        good.map((byte, index) => (index === 10 ? byte ^ 1 : byte)),
        good.map((byte, index) => (index === good.length - 1 ? byte ^ 1 : byte)),
        sealedWith(registration, new Uint8Array(32).fill(9), 5n),
      ];
      const seen = wrong.map((bytes) => errorOf(() => decryptAsIdentity(sk, registration, bytes, aad)));
      expect(new Set(seen.map(({ code, message }) => `${code} ${message}`)).size).to.equal(1);
      expect(seen.map(({ cause }) => cause)).to.deep.equal(wrong.map(() => undefined));
    });

    it('hold a bounded plaintext', () => {
      const { registration } = make();
      const seal = (sizeBytes: number): Uint8Array =>
        encryptToIdentity(registration, new Uint8Array(sizeBytes), aad);
      seal(MAX_IDENTITY_PLAINTEXT_BYTES);
      refused('CRYPTO_INVALID_INPUT', () => seal(MAX_IDENTITY_PLAINTEXT_BYTES + 1));
    });
  });
});
