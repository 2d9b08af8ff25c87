import { expect } from 'chai';
import * as crypto from './index.js';
import { expectRejection, readVectors } from './test-support.js';

interface Vectors {
  readonly encodeParts: string;
  readonly context: crypto.RecordContext;
  readonly dataKey: string;
  readonly salt: string;
  readonly content: string;
  readonly saltedDigest: string;
  readonly envelope: string;
  readonly ownerPrivateKey: string;
  readonly header: string;
  readonly requesterPrivateKey: string;
  readonly releaseBinding: string;
  readonly released: string;
  readonly patientCall: { channel: string; method: string; argumentsJson: string; nonce: string };
  readonly patientMessage: string;
  readonly publicKey: crypto.PaillierPublicKeyJson;
  readonly layout: crypto.PanelLayout;
  readonly layoutDigest: string;
  readonly otherKinds: Pick<Vectors, 'layout' | 'layoutDigest' | 'row' | 'plaintext'>;
  readonly row: crypto.PanelRow;
  readonly plaintext: string;
  readonly randomness: string;
  readonly ciphertext: string;
  readonly ciphertextDigest: string;
  readonly opening: crypto.ContributionOpeningJson;
  readonly commitment: string;
}

describe('the formats stand still', function () {
  this.timeout(20_000);

  const vectors = readVectors('careledger-v1.json') as Vectors;
  const hex = crypto.hexToBytes;
  const expectedContext = vectors.context;

  it('encoder, digests and messages', () => {
    const { salt, content } = vectors;
    const parts = crypto.encodeParts('careledger/test/v1', 'text', Uint8Array.of(0, 255), 256n);
    expect(crypto.bytesToHex(parts)).to.equal(vectors.encodeParts);
    expect(crypto.saltedDigest(hex(salt), hex(content))).to.equal(vectors.saltedDigest);
    expect(crypto.bytesToHex(crypto.patientMessage(vectors.patientCall))).to.equal(vectors.patientMessage);
  });

  it('a stored envelope and header open, and the released header for its requester only', async () => {
    const stored = { header: hex(vectors.header), privateKey: hex(vectors.ownerPrivateKey), expectedContext };
    const { dataKey, salt } = await crypto.openHeader({ ...stored, purpose: { kind: 'store' } });
    expect([dataKey, salt].map(crypto.bytesToHex)).to.deep.equal([vectors.dataKey, vectors.salt]);
    const content = await crypto.openContent({
      sealed: hex(vectors.envelope),
      dataKey,
      context: expectedContext,
    });
    expect(crypto.bytesToHex(content)).to.equal(vectors.content);
    const purpose = { kind: 'release', releaseBinding: vectors.releaseBinding } as const;
    const released = {
      header: hex(vectors.released),
      privateKey: hex(vectors.requesterPrivateKey),
      expectedContext,
    };
    expect((await crypto.openHeader({ ...released, purpose })).dataKey).to.deep.equal(dataKey);
    const other = { ...released, privateKey: stored.privateKey, purpose };
    await expectRejection('CRYPTO_AUTHENTICATION_FAILED', crypto.openHeader(other));
  });

  it('panels, ciphertexts and commitments', () => {
    const publicKey = crypto.publicKeyFromJson(vectors.publicKey, { allowTestKeySize: true });
    expect(crypto.layoutDigest(vectors.layout)).to.equal(vectors.layoutDigest);
    const plaintext = crypto.encodeRow(vectors.layout, vectors.row);
    expect(String(plaintext)).to.equal(vectors.plaintext);
    const { otherKinds } = vectors;
    expect(crypto.layoutDigest(otherKinds.layout)).to.equal(otherKinds.layoutDigest);
    expect(String(crypto.encodeRow(otherKinds.layout, otherKinds.row))).to.equal(otherKinds.plaintext);
    const ciphertext = crypto.encryptWith(publicKey, plaintext, BigInt(vectors.randomness));
    expect(crypto.ciphertextToText(publicKey, ciphertext)).to.equal(vectors.ciphertext);
    expect(crypto.ciphertextDigest(publicKey, ciphertext)).to.equal(vectors.ciphertextDigest);
    expect(crypto.contributionCommitment(crypto.openingFromJson(vectors.opening))).to.equal(
      vectors.commitment,
    );
  });
});
