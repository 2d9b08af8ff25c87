import { expect } from 'chai';
import { bytesToBase64Url, base64UrlToBytes } from '../core/bytes.js';
import { CryptoError, type CryptoErrorCode } from '../core/errors.js';
import {
  Q,
  initPairing,
  noblePairing,
  randomScalar,
  encodeScalar,
  type PairingEngine,
} from '../pairing/index.js';
import { decryptAsIdentity, encryptToIdentity } from './encryption.js';
import { combinePartialKeys, identityKey, isShareOf, partialKey } from './extraction.js';
import { assertIdentity, encodeIdentity, type RegisteredKey } from './identity.js';
import { dealMaster, type DealtMaster } from './ibe.test-support.js';
import { openLink, sealLink, traceIdentity } from './link.js';
import { makeIdentity, verifyRegistration } from './registration.js';

const NAME = `patient/${'a1'.repeat(16)}`;
const aad = new TextEncoder().encode('purpose');

function refused(code: CryptoErrorCode, act: () => unknown): void {
  expect(act).to.throw(CryptoError).with.property('code', code);
}

describe('identity keys', function () {
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
  const partials = (identity: { name: string; keyEpoch: number }, from: DealtMaster = dealt) =>
    new Map([...from.shares].map(([holder, share]) => [holder, partialKey(share, identity)]));
  const keyOf = ({ factor, registration }: ReturnType<typeof make>): Uint8Array =>
    identityKey(
      combinePartialKeys(dealt.sharing, registration, partials(registration)).key!,
      factor,
      registration,
    );

  describe('names', () => {
    it('are of a closed grammar', () => {
      for (const name of [
        NAME,
        'member/Hospital1MSP',
        'role/Hospital1MSP/clinician',
        'person/Hospital1MSP/h1-x',
      ])
        assertIdentity({ name, keyEpoch: 0 });
      for (const name of [
        '',
        'patient/x',
        'member/',
        'role/H/',
        'person/H/a/b',
        `${NAME}\n`,
        'Member/H',
        'member/Ä',
      ])
        refused('CRYPTO_INVALID_INPUT', () => {
          assertIdentity({ name, keyEpoch: 0 });
        });
      refused('CRYPTO_INVALID_INPUT', () => encodeIdentity({ name: NAME, keyEpoch: -1 }));
      refused('CRYPTO_INVALID_INPUT', () => encodeIdentity({ name: NAME, keyEpoch: 1.5 }));
    });

    it('never meet, epochs included', () => {
      const encoded = [
        encodeIdentity({ name: 'member/A', keyEpoch: 1 }),
        encodeIdentity({ name: 'member/A1', keyEpoch: 0 }),
        encodeIdentity({ name: 'member/A', keyEpoch: 0 }),
      ].map(bytesToBase64Url);
      expect(new Set(encoded).size).to.equal(3);
    });
  });

  describe('registrations', () => {
    it('verify on both engines, recoverable ones too', () => {
      const { registration } = make();
      verifyRegistration(registration, dealt.masterPublicKey);
      verifyRegistration(registration, dealt.masterPublicKey, undefined, engine);
      const recoverable = make({ recoverable: true });
      expect(base64UrlToBytes(recoverable.registration.publicKey)).to.deep.equal(dealt.masterPublicKey);
      verifyRegistration(recoverable.registration, dealt.masterPublicKey, undefined, engine);
    });

    const changes: Record<string, (good: RegisteredKey, other: RegisteredKey) => RegisteredKey> = {
      'another name': (good) => ({ ...good, name: 'member/Hospital1MSP' }),
      'another epoch': (good) => ({ ...good, keyEpoch: 1 }),
      'another custody': (good) => ({ ...good, custody: 'hospital' }),
      'another’s key under one’s own proof': (good, other) => ({ ...good, publicKey: other.publicKey }),
      'another’s whole proof': (good, other) => ({ ...good, proof: other.proof }),
      'another’s signing key': (good, other) => ({ ...good, signingKey: other.signingKey }),
      'a key labelled recoverable that is not': (good) => ({ ...good, recoverable: true }),
      'a bit flipped in the proof': (good) => ({
        ...good,
        proof: bytesToBase64Url(
          base64UrlToBytes(good.proof).map((byte, index) => (index === 70 ? byte ^ 1 : byte)),
        ),
      }),
      'a signing key of small order': (good) => ({
        ...good,
        signingKey: bytesToBase64Url(Uint8Array.of(1, ...new Uint8Array(31))),
      }),
      'the identity as key': (good) => ({
        ...good,
        publicKey: bytesToBase64Url(Uint8Array.of(0xc0, ...new Uint8Array(95))),
      }),
      'a name of links': (good) => ({ ...good, name: `trace/${'a1'.repeat(16)}` }),
    };
    for (const [what, change] of Object.entries(changes)) {
      it(`refuse ${what}`, () => {
        const [good, other] = [make().registration, make().registration];
        expect(() => {
          verifyRegistration(change(good, other), dealt.masterPublicKey, undefined, engine);
        }).to.throw(CryptoError);
      });
    }

    it('refuse P itself that is not labelled recoverable, and another master key', () => {
      const { registration } = make({ recoverable: true });
      refused('CRYPTO_INVALID_INPUT', () => {
        verifyRegistration({ ...registration, recoverable: false }, dealt.masterPublicKey, undefined, engine);
      });
      refused('CRYPTO_PROOF_INVALID', () => {
        verifyRegistration(make().registration, dealMaster(engine).masterPublicKey, undefined, engine);
      });
    });

    it('of the next epoch want the signature of the one before: a stranger has none', () => {
      const first = make();
      const next = make({ keyEpoch: 1, previousSigningKey: first.signingKey });
      const check = (registration: RegisteredKey): void => {
        verifyRegistration(registration, dealt.masterPublicKey, first.registration.signingKey, engine);
      };
      check(next.registration);
      refused('CRYPTO_INVALID_INPUT', () => {
        check(make({ keyEpoch: 1 }).registration);
      });
      refused('CRYPTO_AUTHENTICATION_FAILED', () => {
        check(make({ keyEpoch: 1, previousSigningKey: make().signingKey }).registration);
      });
    });
  });

  describe('extraction', () => {
    it('gives the same key from every majority, and it fits the registration', () => {
      const { factor, registration } = make();
      const all = [...partials(registration)];
      const keys = [0, 1, 2, 3].map((left) => {
        const some = new Map(all.filter((_, index) => index !== left));
        const { key, bad } = combinePartialKeys(dealt.sharing, registration, some);
        expect(bad).to.deep.equal([]);
        return bytesToBase64Url(identityKey(key!, factor, registration));
      });
      expect(new Set(keys).size).to.equal(1);
    });

    it('names every wrong part, and does without when enough are right', () => {
      const { registration } = make();
      const good = partials(registration);
      const wrong = new Map(good).set('Hospital2MSP', partialKey(encodeScalar(randomScalar()), registration));
      expect(combinePartialKeys(dealt.sharing, registration, wrong)).to.have.property('key');
      expect(combinePartialKeys(dealt.sharing, registration, wrong).bad).to.deep.equal(['Hospital2MSP']);
      wrong.set('Hospital3MSP', new Uint8Array(48)).set('StrangerMSP', good.get('Hospital1MSP')!);
      const { key, bad } = combinePartialKeys(dealt.sharing, registration, wrong);
      expect(key).to.equal(undefined);
      expect(bad).to.have.members(['Hospital2MSP', 'Hospital3MSP', 'StrangerMSP']);
    });

    it('takes no part of another identity, another epoch or another sharing', () => {
      const { registration } = make();
      const others = partials({ ...registration, keyEpoch: 1 });
      expect(combinePartialKeys(dealt.sharing, registration, others).bad).to.have.length(4);
      const elsewhere = dealMaster(engine);
      const mixed = new Map(partials(registration));
      for (const [holder, part] of [...partials(registration, elsewhere)].slice(0, 2))
        mixed.set(holder, part);
      expect(combinePartialKeys(dealt.sharing, registration, mixed).bad).to.have.length(2);
    });

    it('gives the hospitals together nothing without the factor, unless it is recoverable', () => {
      const own = make();
      const { key } = combinePartialKeys(dealt.sharing, own.registration, partials(own.registration));
      refused('CRYPTO_AUTHENTICATION_FAILED', () => identityKey(key!, encodeScalar(1n), own.registration));
      const open = make({ recoverable: true });
      const again = combinePartialKeys(dealt.sharing, open.registration, partials(open.registration));
      identityKey(again.key!, encodeScalar(1n), open.registration);
    });

    it('tells a holder whether its share fits', () => {
      const share = dealt.shares.get('Hospital1MSP')!;
      expect(isShareOf(dealt.sharing, 'Hospital1MSP', share)).to.equal(true);
      expect(isShareOf(dealt.sharing, 'Hospital2MSP', share)).to.equal(false);
      refused('CRYPTO_INVALID_INPUT', () =>
        partialKey(Buffer.from(Q.toString(16), 'hex'), traceIdentity('a1'.repeat(16))),
      );
    });
  });

  describe('encryption', () => {
    const plaintext = new TextEncoder().encode('thirty-two bytes of an edge secret');

    it('opens for the identity, on either engine', () => {
      const made = make();
      const sk = keyOf(made);
      const ciphertext = encryptToIdentity(made.registration, plaintext, aad);
      expect(decryptAsIdentity(sk, made.registration, ciphertext, aad)).to.deep.equal(plaintext);
      expect(decryptAsIdentity(sk, made.registration, ciphertext, aad, noblePairing)).to.deep.equal(
        plaintext,
      );
    });

    it('opens for nobody else, for no other purpose, and not when a bit is flipped', () => {
      const made = make();
      const sk = keyOf(made);
      const ciphertext = encryptToIdentity(made.registration, plaintext, aad);
      const open = (bytes: Uint8Array, key = sk, with_ = aad, to = made.registration): void => {
        refused('CRYPTO_AUTHENTICATION_FAILED', () => decryptAsIdentity(key, to, bytes, with_));
      };
      open(ciphertext, keyOf(make({ name: 'member/Hospital2MSP' })));
      open(ciphertext, sk, new Uint8Array(3));
      open(ciphertext, sk, aad, make().registration);
      open(ciphertext.slice(0, -1));
      for (const at of [50, 100, 140, ciphertext.length - 1])
        open(ciphertext.map((byte, index) => (index === at ? byte ^ 1 : byte)));
    });
  });

  describe('links', () => {
    const pseudonyms = ['a1'.repeat(16), 'b2'.repeat(16)] as const;
    const traceKey = (pseudonym: string) =>
      combinePartialKeys(dealt.sharing, traceIdentity(pseudonym), partials(traceIdentity(pseudonym))).key!;

    it('are the same for pseudonyms of one patient, and look alike to nobody', () => {
      const link = new Uint8Array(32).fill(7);
      const [first, second] = pseudonyms.map((pseudonym) => sealLink(pseudonym, dealt.masterPublicKey, link));
      expect(first).to.not.deep.equal(second);
      for (const [index, sealed] of [first!, second!].entries()) {
        const pseudonym = pseudonyms[index]!;
        expect(openLink(pseudonym, dealt.masterPublicKey, traceKey(pseudonym), sealed)).to.deep.equal(link);
      }
    });

    it('do not open with the key of another pseudonym, nor under another name', () => {
      const sealed = sealLink(pseudonyms[0], dealt.masterPublicKey, new Uint8Array(32).fill(7));
      refused('CRYPTO_AUTHENTICATION_FAILED', () =>
        openLink(pseudonyms[0], dealt.masterPublicKey, traceKey(pseudonyms[1]), sealed),
      );
      refused('CRYPTO_AUTHENTICATION_FAILED', () =>
        openLink(pseudonyms[1], dealt.masterPublicKey, traceKey(pseudonyms[1]), sealed),
      );
    });
  });
});
