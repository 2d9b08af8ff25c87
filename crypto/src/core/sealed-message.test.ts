import { expect } from 'chai';
import { encodeParts } from './encode.js';
import { CryptoError, type CryptoErrorCode } from './errors.js';
import { generateHpkeKeyPair } from './hpke.js';
import { generatePatientKeys } from './patient-signature.js';
import { SEALED_MESSAGE_OVERHEAD_BYTES, openMessage, sealMessage } from './sealed-message.js';

const sender = generatePatientKeys();
const stranger = generatePatientKeys();
const recipient = generateHpkeKeyPair();
const other = generateHpkeKeyPair();
const context = encodeParts('careledger/test/v1', 'ceremony', 3n, 'Alpha', 'Bravo');
const plaintext = Uint8Array.from([1, 2, 3]);

const seal = (changes: Partial<Parameters<typeof sealMessage>[0]> = {}): Promise<Uint8Array> =>
  sealMessage({
    recipientPublicKey: recipient.publicKey,
    signingKey: sender.privateKey,
    context,
    plaintext,
    ...changes,
  });
const open = (
  message: Uint8Array,
  changes: Partial<Parameters<typeof openMessage>[0]> = {},
): Promise<Uint8Array> =>
  openMessage({
    recipientPrivateKey: recipient.privateKey,
    recipientPublicKey: recipient.publicKey,
    senderKey: sender.publicKey,
    context,
    message,
    ...changes,
  });

async function codeOf(work: Promise<unknown>): Promise<CryptoErrorCode | 'none'> {
  try {
    await work;
    return 'none';
  } catch (error) {
    if (error instanceof CryptoError) return error.code;
    throw error;
  }
}

describe('a sealed message', () => {
  it('opens for its recipient, in its place, as its sender’s', async () => {
    const message = await seal();
    expect(message.length).to.equal(plaintext.length + SEALED_MESSAGE_OVERHEAD_BYTES);
    expect(await open(message)).to.deep.equal(plaintext);
    expect(await open(await seal({ plaintext: new Uint8Array(0) }))).to.deep.equal(new Uint8Array(0));
    expect(await seal(), 'the same words twice').not.to.deep.equal(message);
  });

  it('does not open for another sender, recipient or place', async () => {
    const message = await seal();
    const wrong: Record<string, Partial<Parameters<typeof openMessage>[0]>> = {
      'another sender': { senderKey: stranger.publicKey },
      'another recipient': { recipientPrivateKey: other.privateKey, recipientPublicKey: other.publicKey },
      'another recipient’s name for the key': { recipientPublicKey: other.publicKey },
      'another private key': { recipientPrivateKey: other.privateKey },
      'another step': { context: encodeParts('careledger/test/v1', 'ceremony', 4n, 'Alpha', 'Bravo') },
    };
    for (const [what, changes] of Object.entries(wrong))
      expect(await codeOf(open(message, changes)), what).to.equal('CRYPTO_AUTHENTICATION_FAILED');
  });

  it('does not open when any byte was changed, or the signature was made by whoever passes it on', async () => {
    const message = await seal();
    for (let at = 1; at < message.length; at += 1) {
      const changed = Uint8Array.from(message);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(await codeOf(open(changed)), `byte ${String(at)}`).to.be.oneOf([
        'CRYPTO_AUTHENTICATION_FAILED',
        'CRYPTO_INVALID_INPUT',
      ]);
    }
    expect(await codeOf(open(Uint8Array.of(2, ...message.subarray(1))))).to.equal('CRYPTO_UNSUPPORTED');
    expect(await codeOf(open(message.subarray(0, 60)))).to.equal('CRYPTO_AUTHENTICATION_FAILED');
    const theirs = await seal({ signingKey: stranger.privateKey });
    expect(await codeOf(open(theirs))).to.equal('CRYPTO_AUTHENTICATION_FAILED');
  });

  it('is not sealed to a point of small order or with a short key', async () => {
    const zero = new Uint8Array(32);
    expect(await codeOf(seal({ recipientPublicKey: zero }))).to.equal('CRYPTO_INVALID_INPUT');
    expect(await codeOf(seal({ signingKey: new Uint8Array(31) }))).to.equal('CRYPTO_INVALID_INPUT');
  });
});
