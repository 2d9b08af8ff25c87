import { ed25519 } from '@noble/curves/ed25519.js';
import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode, flipBit, readVectors } from '../test-support.js';
import { bytesToHex, concatBytes, hexToBytes } from './bytes.js';
import * as patient from './patient-signature.js';

interface Vectors {
  readonly tests: ReadonlyArray<{
    privateKey: string;
    publicKey: string;
    message: string;
    signature: string;
  }>;
}
const call = {
  channel: 'careledger',
  method: 'grants:Create',
  argumentsJson: '{"grantId":"g-1"}',
  nonce: 'n-1',
};

describe('patient signature', function () {
  this.timeout(20_000);

  it('reproduces RFC 8032', () => {
    for (const { privateKey, publicKey, message, signature } of (
      readVectors('ed25519-rfc8032.json') as Vectors
    ).tests) {
      expect(bytesToHex(patient.patientPublicKey(hexToBytes(privateKey)))).to.equal(publicKey);
      expect(bytesToHex(patient.signPatientPayload(hexToBytes(privateKey), hexToBytes(message)))).to.equal(
        signature,
      );
      patient.verifyPatientSignature({
        publicKey: hexToBytes(publicKey),
        message: hexToBytes(message),
        signature: hexToBytes(signature),
      });
    }
  });

  it('holds for the call that was signed, and for no other', () => {
    const { publicKey, privateKey } = patient.generatePatientKeys();
    const message = patient.patientMessage(call);
    const signature = patient.signPatientPayload(privateKey, message);
    patient.verifyPatientSignature({ publicKey, message, signature });
    for (const change of [
      { channel: 'other' },
      { method: 'grants:Revoke' },
      { argumentsJson: '{"grantId":"g-2"}' },
      { nonce: 'n-2' },
    ]) {
      const other = patient.patientMessage({ ...call, ...change });
      expectCode('CRYPTO_AUTHENTICATION_FAILED', () => {
        patient.verifyPatientSignature({ publicKey, message: other, signature });
      });
    }
    const stranger = patient.generatePatientKeys().publicKey;
    expectCode('CRYPTO_AUTHENTICATION_FAILED', () => {
      patient.verifyPatientSignature({ publicKey: stranger, message, signature });
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 511 }), (bit) => {
        expectCode('CRYPTO_AUTHENTICATION_FAILED', () => {
          patient.verifyPatientSignature({ publicKey, message, signature: flipBit(signature, bit) });
        });
      }),
      { numRuns: 25 },
    );
  });

  it('refuses S + L: one message has one signature', () => {
    const { publicKey, privateKey } = patient.generatePatientKeys();
    const message = patient.patientMessage(call);
    const signature = patient.signPatientPayload(privateKey, message);
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const s = BigInt(`0x${bytesToHex(signature.slice(32).reverse())}`) + order;
    const malleable = concatBytes(
      signature.slice(0, 32),
      hexToBytes(s.toString(16).padStart(64, '0')).reverse(),
    );
    expectCode('CRYPTO_AUTHENTICATION_FAILED', () => {
      patient.verifyPatientSignature({ publicKey, message, signature: malleable });
    });
  });

  it('refuses small-order, mixed-order and non-canonical public keys', () => {
    patient.assertPatientPublicKey(patient.generatePatientKeys().publicKey);
    const torsion = ed25519.Point.fromBytes(new Uint8Array(32));
    const mixed = ed25519.Point.BASE.multiply(5n).add(torsion);
    const bad = [
      bytesToHex(mixed.toBytes()),
      '0100000000000000000000000000000000000000000000000000000000000000',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      '0000000000000000000000000000000000000000000000000000000000000000',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
      'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      '0200000000000000000000000000000000000000000000000000000000000000',
    ];
    for (const hex of bad) {
      const publicKey = hexToBytes(hex);
      expectCode(
        'CRYPTO_INVALID_INPUT',
        () => {
          patient.assertPatientPublicKey(publicKey);
        },
        'publicKey',
      );
      // The all-zero signature holds for every message under the identity when small order is not refused.
      const signature = concatBytes(hexToBytes(bad[1] ?? ''), new Uint8Array(32));
      expectCode(
        'CRYPTO_INVALID_INPUT',
        () => {
          patient.verifyPatientSignature({ publicKey, message: new Uint8Array(1), signature });
        },
        'publicKey',
      );
    }
  });

  it('the message is injective in its parts, and refuses empty or control characters', () => {
    const left = patient.patientMessage({ ...call, channel: 'ab', method: 'c' });
    const right = patient.patientMessage({ ...call, channel: 'a', method: 'bc' });
    expect(left).to.not.deep.equal(right);
    expectCode('CRYPTO_INVALID_INPUT', () => patient.patientMessage({ ...call, nonce: '' }), 'nonce');
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => patient.patientMessage({ ...call, method: 'a\u0000' }),
      'method',
    );
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => patient.signPatientPayload(new Uint8Array(31), new Uint8Array(1)),
      'privateKey',
    );
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => patient.signPatientPayload(new Uint8Array(32), new Uint8Array(2 ** 20 + 1)),
      'message',
    );
  });
});
