import { expect } from 'chai';
import { decodeCbor, encodeCbor, type CborMap } from '../core/cbor.js';
import { bytesToBase64Url } from '../core/bytes.js';
import { generateHpkeKeyPair } from '../core/hpke.js';
import { expectCode, expectRejection, flipBit } from '../test-support.js';
import {
  CEREMONY_RECEIPT_BYTES,
  MAX_CEREMONY_MESSAGE_BYTES,
  ceremonyMessageBlame,
  ceremonyMessageDigest,
  generateCeremonySigningKeys,
  isCeremonyReceipt,
  openCeremonyMessage,
  sealCeremonyMessage,
  type CeremonyAddress,
  type OpenOptions,
} from './message.js';

const sender = generateCeremonySigningKeys();
const recipient = generateHpkeKeyPair();
const other = generateHpkeKeyPair();
const address: CeremonyAddress = {
  ceremonyId: 'ceremony-1',
  attempt: 2,
  round: 7,
  from: 'H1MSP',
  to: 'H2MSP',
};
const broadcast = new Uint8Array(300).fill(1);
const direct = new Uint8Array(200).fill(2);

function seal(
  changes: Partial<Parameters<typeof sealCeremonyMessage>[0]> = {},
): ReturnType<typeof sealCeremonyMessage> {
  return sealCeremonyMessage({
    address,
    recipientKey: recipient.publicKey,
    signingKey: sender.privateKey,
    broadcast,
    direct,
    ...changes,
  });
}

/** Opens as the recipient does, with the ledger's digest unless another is given. */
function open(
  sealed: Uint8Array,
  changes: Partial<OpenOptions> = {},
): ReturnType<typeof openCeremonyMessage> {
  return openCeremonyMessage({
    sealed,
    address,
    digest: ceremonyMessageDigest(sealed),
    senderKey: sender.publicKey,
    recipientPrivateKey: recipient.privateKey,
    ...changes,
  });
}

const refused = (promise: Promise<unknown>, argument: 'message' | 'digest' = 'message'): Promise<void> =>
  expectRejection('CRYPTO_AUTHENTICATION_FAILED', promise, argument);

describe('ceremony messages', () => {
  it('come back whole at their recipient, with the digest that the ledger has and a receipt', async () => {
    const { sealed, digest } = await seal();
    expect(digest).to.equal(ceremonyMessageDigest(sealed));
    const { receipt, ...message } = await open(sealed);
    expect(message).to.deep.equal({ from: 'H1MSP', round: 7, broadcast, direct });
    expect(receipt).to.have.lengthOf(CEREMONY_RECEIPT_BYTES);
    expect(
      Buffer.from(sealed).includes(Buffer.from(broadcast.subarray(0, 32))),
      'content in the clear',
    ).to.equal(false);
  });

  it('ATTACK replay: refused in another ceremony, attempt, round, from another sender', async () => {
    const { sealed } = await seal();
    for (const change of [{ ceremonyId: 'ceremony-2' }, { attempt: 3 }, { round: 8 }, { from: 'H3MSP' }])
      await refused(open(sealed, { address: { ...address, ...change } }));
  });

  it('ATTACK moved to another recipient: refused, whether it is addressed anew or not', async () => {
    const { sealed } = await seal();
    const recipientPrivateKey = other.privateKey;
    await refused(open(sealed, { recipientPrivateKey, address: { ...address, to: 'H3MSP' } }));
    await refused(open(sealed, { recipientPrivateKey }));
    const readdressed = encodeCbor({ ...(decodeCbor(sealed) as CborMap), to: 'H3MSP' });
    await refused(open(readdressed, { address: { ...address, to: 'H3MSP' } }));
  });

  it('refuses another sender’s signature, and bytes that were not posted', async () => {
    const { sealed, digest } = await seal();
    await refused(open(sealed, { senderKey: generateCeremonySigningKeys().publicKey }));
    await refused(open(flipBit(sealed, 99), { digest }), 'digest');
    const second = await seal();
    await refused(open(second.sealed, { digest }), 'digest');
  });

  it('refuses every change of the sealed bytes that is posted with its own digest', async () => {
    const { sealed } = await seal();
    for (let at = 0; at < sealed.length; at += 37) await refused(open(flipBit(sealed, 8 * at + (at % 8))));
    await refused(open(new Uint8Array(0)));
    await refused(open(encodeCbor({ ...(decodeCbor(sealed) as CborMap), v: 2 })));
    await refused(open(encodeCbor({ ...(decodeCbor(sealed) as CborMap), more: 1 })));
  });

  it('refuses what is too large to send', async () => {
    const large = new Uint8Array(MAX_CEREMONY_MESSAGE_BYTES);
    await expectRejection('CRYPTO_LIMIT_EXCEEDED', seal({ direct: large }), 'sealed');
  });

  it('an error says whom it speaks against: other bytes than posted, or posted garbage', async () => {
    const { sealed, digest } = await seal();
    const errorOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);
    expect(ceremonyMessageBlame(await errorOf(open(flipBit(sealed, 0), { digest })))).to.equal(
      'EQUIVOCATION',
    );
    expect(ceremonyMessageBlame(await errorOf(open(flipBit(sealed, 0))))).to.equal('GARBAGE');
    const short = errorOf(open(sealed, { recipientPrivateKey: new Uint8Array(3) }));
    expect(ceremonyMessageBlame(await short), 'an own mistake').to.equal(undefined);
    expect(ceremonyMessageBlame(new Error('disk full'))).to.equal(undefined);
  });

  it('refuses addresses outside their bounds before it seals', async () => {
    for (const change of [{ round: -1 }, { attempt: 0 }, { from: '' }, { ceremonyId: 'a\n' }])
      await expectRejection('CRYPTO_INVALID_INPUT', seal({ address: { ...address, ...change } }));
  });
});

describe('ceremony receipts', () => {
  it('prove to anyone what the sender broadcast, in this round and to this recipient only', async () => {
    const { receipt = new Uint8Array(0) } = await open((await seal()).sealed);
    const senderKey = bytesToBase64Url(sender.publicKey);
    expect(isCeremonyReceipt({ receipt, address, senderKey })).to.equal(true);
    for (const change of [
      { round: 8 },
      { attempt: 1 },
      { to: 'H3MSP' },
      { from: 'H3MSP' },
      { ceremonyId: 'x' },
    ])
      expect(isCeremonyReceipt({ receipt, address: { ...address, ...change }, senderKey })).to.equal(false);
    for (const bit of [0, 300, 1000])
      expect(isCeremonyReceipt({ receipt: flipBit(receipt, bit), address, senderKey }), `${bit}`).to.equal(
        false,
      );
    expect(isCeremonyReceipt({ receipt: receipt.subarray(1), address, senderKey })).to.equal(false);
    const stranger = bytesToBase64Url(generateCeremonySigningKeys().publicKey);
    expect(isCeremonyReceipt({ receipt, address, senderKey: stranger })).to.equal(false);
  });

  it('two broadcasts of one round leave two receipts that differ in their first 32 bytes', async () => {
    const [one, two] = await Promise.all([seal(), seal({ broadcast: flipBit(broadcast, 5) })]);
    const receipts = await Promise.all([open(one.sealed), open(two.sealed)]);
    const [left, right] = receipts.map(({ receipt = new Uint8Array(0) }) => receipt.subarray(0, 32));
    expect(left).to.not.deep.equal(right);
    expectCode(
      'CRYPTO_INVALID_INPUT',
      () => ceremonyMessageDigest('text' as unknown as Uint8Array),
      'sealed',
    );
  });
});
