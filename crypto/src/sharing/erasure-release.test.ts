import { expect } from 'chai';
import { generateHpkeKeyPair } from '../core/hpke.js';
import { randomBytes } from '../core/random.js';
import type { ErasureParts } from '../erasure/erasure-parts.js';
import { expectRejection } from '../test-support.js';
import { openErasureParts, sealErasureParts } from './erasure-release.js';
import { sealTo } from './sealed.js';

describe('released parts of an erasure key', () => {
  const { publicKey, privateKey } = generateHpkeKeyPair();
  const parts = new Map([
    [1, randomBytes(32)],
    [3, randomBytes(32)],
  ]);
  const of = { accessId: 'a'.repeat(64), recordId: `${'b'.repeat(32)}.0` };
  const open = async (change: object = {}): Promise<ErasureParts> =>
    openErasureParts({
      ...of,
      recipientPrivateKey: privateKey,
      sealed: await sealErasureParts({ ...of, recipientPublicKey: publicKey, parts }),
      ...change,
    });

  it('open for their opening and record', async () => {
    expect([...(await open())]).to.deep.equal([...parts]);
  });

  it('open for no other opening, record or key', async () => {
    const changes = [
      { accessId: 'c'.repeat(64) },
      { recordId: `${'b'.repeat(32)}.1` },
      { recipientPrivateKey: generateHpkeKeyPair().privateKey },
    ];
    for (const change of changes) await expectRejection('CRYPTO_AUTHENTICATION_FAILED', open(change));
    await expectRejection('CRYPTO_INVALID_INPUT', open({ sealed: new Uint8Array(32) }));
    const unnamed = await sealTo(publicKey, new Uint8Array(0), new Uint8Array(33));
    await expectRejection('CRYPTO_AUTHENTICATION_FAILED', open({ sealed: unnamed }));
  });
});
