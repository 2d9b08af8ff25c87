import { expect } from 'chai';
import { generateHpkeKeyPair } from '../core/hpke.js';
import { CryptoError } from '../core/errors.js';
import {
  edgeAckMessage,
  keyRequestMessage,
  labelKeyMessage,
  openEdgeShare,
  openLabelKey,
  openPartialKey,
  openReturnedLabelKey,
  sealEdgeShare,
  returnLabelKey,
  sealLabelKey,
  sealPartialKey,
} from './index.js';

const edgeId = new Uint8Array(32).fill(7);
const secret = new Uint8Array(32).fill(9);
const address = {
  keyId: 'ab'.repeat(32),
  sharingEpoch: 1,
  holder: 'Hospital1MSP',
  name: 'member/Hospital2MSP',
  keyEpoch: 0,
};

async function refused(work: Promise<unknown>): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).to.be.instanceOf(CryptoError);
  expect((error as CryptoError).code).to.equal('CRYPTO_AUTHENTICATION_FAILED');
}

describe('what parties of a sharing send each other', () => {
  const keys = generateHpkeKeyPair();
  const { privateKey } = keys;

  it('opens a share for its edge and proxy, and for no other', async () => {
    const sealed = await sealEdgeShare({
      edgeId,
      proxyMspId: 'Hospital1MSP',
      encryptionKey: keys.publicKey,
      share: secret,
    });
    const to = { edgeId, proxyMspId: 'Hospital1MSP', privateKey, sealed };
    expect(await openEdgeShare(to)).to.deep.equal(secret);
    await refused(openEdgeShare({ ...to, proxyMspId: 'Hospital3MSP' }));
    await refused(openEdgeShare({ ...to, edgeId: new Uint8Array(32) }));
    await refused(openEdgeShare({ ...to, privateKey: generateHpkeKeyPair().privateKey }));
  });

  it('opens a partial key under its whole address, and under no other', async () => {
    const sealed = await sealPartialKey(address, keys.publicKey, secret);
    expect(await openPartialKey(address, privateKey, sealed)).to.deep.equal(secret);
    const others = [
      { keyId: 'cd'.repeat(32) },
      { sharingEpoch: 2 },
      { holder: 'Hospital3MSP' },
      { name: 'member/Hospital3MSP' },
      { keyEpoch: 1 },
    ];
    for (const other of others) await refused(openPartialKey({ ...address, ...other }, privateKey, sealed));
  });

  it('opens a label key for its patient and hospital, and for no other', async () => {
    const of = { mspId: 'Hospital1MSP', pseudonym: 'a'.repeat(32) };
    const sealed = await sealLabelKey({ ...of, encryptionKey: keys.publicKey, labelKey: secret });
    expect(await openLabelKey({ ...of, privateKey, sealed })).to.deep.equal(secret);
    await refused(openLabelKey({ ...of, pseudonym: 'b'.repeat(32), privateKey, sealed }));
    await refused(openLabelKey({ ...of, mspId: 'Hospital2MSP', privateKey, sealed }));
  });

  it('returns a label key to its patient, and takes what went to the hospital for no return', async () => {
    const of = { mspId: 'Hospital1MSP', pseudonym: 'a'.repeat(32) };
    const given = { ...of, encryptionKey: keys.publicKey, labelKey: secret };
    const sealed = await returnLabelKey(given);
    expect(await openReturnedLabelKey({ ...of, privateKey, sealed })).to.deep.equal(secret);
    await refused(openReturnedLabelKey({ ...of, pseudonym: 'b'.repeat(32), privateKey, sealed }));
    await refused(openReturnedLabelKey({ ...of, privateKey, sealed: await sealLabelKey(given) }));
    await refused(openLabelKey({ ...of, privateKey, sealed }));
  });

  it('gives every message another encoding when any part differs', () => {
    const ack = { edgeId, statement: secret, point: 1 };
    const { name, keyEpoch } = address;
    const request = { channel: 'c', name, keyEpoch, oneTimeKey: secret, at: '2026-01-01T00:00:00.000Z' };
    const delivery = { channel: 'c', mspId: 'M', pseudonym: 'p', sealed: secret };
    const messages = [
      edgeAckMessage(ack),
      edgeAckMessage({ ...ack, point: 2 }),
      edgeAckMessage({ ...ack, statement: edgeId }),
      edgeAckMessage({ ...ack, edgeId: secret }),
      keyRequestMessage(request),
      keyRequestMessage({ ...request, channel: 'd' }),
      keyRequestMessage({ ...request, keyEpoch: 1 }),
      keyRequestMessage({ ...request, oneTimeKey: edgeId }),
      keyRequestMessage({ ...request, at: '2026-01-01T00:00:00.001Z' }),
      labelKeyMessage(delivery),
      labelKeyMessage({ ...delivery, sealed: edgeId }),
      labelKeyMessage({ ...delivery, mspId: 'N' }),
    ].map((message) => Buffer.from(message).toString('hex'));
    expect(new Set(messages).size).to.equal(messages.length);
  });

  it('refuses what has no form', () => {
    expect(() => edgeAckMessage({ edgeId: secret.slice(1), statement: secret, point: 1 })).to.throw(
      CryptoError,
    );
    expect(() => edgeAckMessage({ edgeId, statement: secret, point: 0 })).to.throw(CryptoError);
    expect(() => keyRequestMessage({ ...address, channel: '', oneTimeKey: secret, at: 'now' })).to.throw(
      CryptoError,
    );
  });
});
