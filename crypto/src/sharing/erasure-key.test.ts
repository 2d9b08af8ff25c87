import { expect } from 'chai';
import { generateHpkeKeyPair } from '../core/hpke.js';
import { randomBytes } from '../core/random.js';
import { expectRejection } from '../test-support.js';
import { openErasureKey, sealErasureKey } from './erasure-key.js';

describe('a released erasure key', () => {
  const { publicKey, privateKey } = generateHpkeKeyPair();
  const erasureKey = randomBytes(32);
  const of = { accessId: 'a'.repeat(64), recordId: `${'b'.repeat(32)}.0` };
  const seal = (): Promise<Uint8Array> =>
    sealErasureKey({ ...of, recipientPublicKey: publicKey, erasureKey });
  const open = async (change: object = {}): Promise<Uint8Array> =>
    openErasureKey({ ...of, recipientPrivateKey: privateKey, sealed: await seal(), ...change });

  it('opens for its opening and record', async () => {
    expect(await open()).to.deep.equal(erasureKey);
  });

  it('opens for no other opening, record or key', async () => {
    const changes = [
      { accessId: 'c'.repeat(64) },
      { recordId: `${'b'.repeat(32)}.1` },
      { recipientPrivateKey: generateHpkeKeyPair().privateKey },
    ];
    for (const change of changes) await expectRejection('CRYPTO_AUTHENTICATION_FAILED', open(change));
    await expectRejection('CRYPTO_INVALID_INPUT', open({ sealed: new Uint8Array(32) }));
    const short = sealErasureKey({ ...of, recipientPublicKey: publicKey, erasureKey: randomBytes(31) });
    await expectRejection('CRYPTO_INVALID_INPUT', short);
  });
});
