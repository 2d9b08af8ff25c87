import { expect } from 'chai';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expectCode, expectRejection, flipBit } from '../test-support.js';
import { concatBytes } from './bytes.js';
import { decodeCbor, encodeCbor, type CborMap } from './cbor.js';
import type { RecordContext } from './context.js';
import { encodeParts } from './encode.js';
import {
  createSaltedDigest,
  makeHeader,
  openHeader,
  parseHeader,
  rewrapHeader,
  saltedDigest,
} from './header.js';
import { generateHpkeKeyPair } from './hpke.js';
import { randomBytes } from './random.js';

const context: RecordContext = {
  ownerMspId: 'H1MSP',
  pseudonym: 'p-1',
  recordType: 'laboratory',
  recordId: 'r-1',
};
const owner = generateHpkeKeyPair();
const requester = generateHpkeKeyPair();
const secrets = { dataKey: randomBytes(32), salt: randomBytes(32) };
const store = { kind: 'store' } as const;
const release = { kind: 'release', releaseBinding: 'tx-1' } as const;
const make = (): Promise<Uint8Array> =>
  makeHeader({
    recipientPublicKey: owner.publicKey,
    ...secrets,
    context,
    contentType: 'application/fhir+json',
    contentLength: 12,
  });
const open = (header: Uint8Array, change: object = {}): ReturnType<typeof openHeader> =>
  openHeader({ header, privateKey: owner.privateKey, expectedContext: context, purpose: store, ...change });

describe('record header', function () {
  this.timeout(20_000);

  it('opens for its owner, with what it says about the record', async () => {
    const opened = await open(await make());
    expect(opened.dataKey).to.deep.equal(secrets.dataKey);
    expect(opened.salt).to.deep.equal(secrets.salt);
    expect(opened.header).to.deep.include({
      version: 1,
      context,
      contentType: 'application/fhir+json',
      contentLength: 12,
      purpose: store,
    });
  });

  it('re-wraps to the requester for one transaction', async () => {
    const header = await make();
    const rewrapped = await rewrapHeader({
      header,
      ownerPrivateKey: owner.privateKey,
      recipientPublicKey: requester.publicKey,
      expectedContext: context,
      releaseBinding: 'tx-1',
    });
    const opened = await open(rewrapped, { privateKey: requester.privateKey, purpose: release });
    expect(opened.dataKey).to.deep.equal(secrets.dataKey);
    expect(opened.header).to.deep.include({
      context,
      contentType: 'application/fhir+json',
      contentLength: 12,
      purpose: release,
    });
    const wrong = [
      { privateKey: owner.privateKey },
      { purpose: { kind: 'release', releaseBinding: 'tx-2' } },
      { purpose: store },
      { expectedContext: { ...context, recordId: 'r-2' } },
    ];
    for (const change of wrong) {
      await expectRejection(
        'CRYPTO_AUTHENTICATION_FAILED',
        open(rewrapped, { privateKey: requester.privateKey, purpose: release, ...change }),
      );
    }
  });

  it('a relabelled header does not open: the purpose and binding are in the key derivation', async () => {
    const map = decodeCbor(await make()) as CborMap;
    const asRelease = encodeCbor({ ...map, purpose: release });
    await expectRejection('CRYPTO_AUTHENTICATION_FAILED', open(asRelease, { purpose: release }), 'keyWrap');
    const moved = encodeCbor({ ...map, context: { ...context, pseudonym: 'p-2' } });
    await expectRejection(
      'CRYPTO_AUTHENTICATION_FAILED',
      open(moved, { expectedContext: { ...context, pseudonym: 'p-2' } }),
      'keyWrap',
    );
    await expectRejection(
      'CRYPTO_AUTHENTICATION_FAILED',
      open(encodeCbor({ ...map, contentLength: 13 })),
      'keyWrap',
    );
    await expectRejection(
      'CRYPTO_AUTHENTICATION_FAILED',
      open(encodeCbor({ ...map, contentType: 'text/html' })),
      'keyWrap',
    );
  });

  it('refuses another key, record and part of the context by name', async () => {
    const header = await make();
    await expectRejection(
      'CRYPTO_AUTHENTICATION_FAILED',
      open(header, { privateKey: requester.privateKey }),
      'keyWrap',
    );
    for (const key of ['ownerMspId', 'pseudonym', 'recordType', 'recordId'] as const) {
      await expectRejection(
        'CRYPTO_AUTHENTICATION_FAILED',
        open(header, { expectedContext: { ...context, [key]: 'x' } }),
        `context.${key}`,
      );
    }
    const options = {
      header,
      ownerPrivateKey: requester.privateKey,
      recipientPublicKey: requester.publicKey,
      expectedContext: context,
      releaseBinding: 'tx-1',
    };
    await expectRejection('CRYPTO_AUTHENTICATION_FAILED', rewrapHeader(options));
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      rewrapHeader({ ...options, ownerPrivateKey: owner.privateKey, releaseBinding: '' }),
      'purpose.releaseBinding',
    );
  });

  it('does not open with one bit changed, anywhere', async () => {
    const header = await make();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: header.length * 8 - 1 }), async (bit) => {
        const error: unknown = await open(flipBit(header, bit)).then(
          () => 'it opened',
          (thrown: unknown) => (thrown as { code: string }).code,
        );
        expect(error, `bit ${bit}`).to.be.oneOf([
          'CRYPTO_AUTHENTICATION_FAILED',
          'CRYPTO_INVALID_INPUT',
          'CRYPTO_UNSUPPORTED',
        ]);
      }),
      { numRuns: 100 },
    );
  });

  it('parses strictly', async () => {
    const header = await make();
    const map = decodeCbor(header) as CborMap;
    expect(parseHeader(header).contentLength).to.equal(12);
    expectCode('CRYPTO_UNSUPPORTED', () => parseHeader(encodeCbor({ ...map, version: 3 })));
    expectCode('CRYPTO_UNSUPPORTED', () => parseHeader(encodeCbor({ ...map, suite: 'none' })));
    const malformed: CborMap[] = [
      { ...map, extra: 1 },
      { ...map, contentLength: -1 },
      { ...map, contentLength: '12' },
      { ...map, contentType: 5 },
      { ...map, purpose: { kind: 'other' } },
      { ...map, purpose: { kind: 'release' } },
      { ...map, purpose: 'store' },
      { ...map, keyWrap: { enc: new Uint8Array(31), ciphertext: new Uint8Array(32) } },
      { ...map, keyWrap: null },
      { ...map, context: { ...context, extra: 'x' } },
      { ...map, context: [] },
    ];
    for (const value of malformed) expectCode('CRYPTO_INVALID_INPUT', () => parseHeader(encodeCbor(value)));
    expectCode('CRYPTO_INVALID_INPUT', () => parseHeader(concatBytes(header, Uint8Array.of(0))));
    expectCode('CRYPTO_INVALID_INPUT', () => parseHeader(new Uint8Array(5000)));
  });

  it('refuses keys and salts of other lengths', async () => {
    const options = {
      recipientPublicKey: owner.publicKey,
      ...secrets,
      context,
      contentType: 'text/plain',
      contentLength: 1,
    };
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      makeHeader({ ...options, dataKey: new Uint8Array(16) }),
      'dataKey',
    );
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      makeHeader({ ...options, salt: new Uint8Array(0) }),
      'salt',
    );
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      makeHeader({ ...options, recipientPublicKey: new Uint8Array(32) }),
      'recipientPublicKey',
    );
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      makeHeader({ ...options, contentLength: 1.5 }),
      'contentLength',
    );
  });
});

describe('record header with an erasure leaf', function () {
  this.timeout(20_000);
  const erasure = { leaf: 7, key: randomBytes(32) };
  const facts = { context, contentType: 'application/fhir+json', contentLength: 12 };
  const makeErasable = (change: object = {}): Promise<Uint8Array> =>
    makeHeader({ recipientPublicKey: owner.publicKey, ...secrets, ...facts, erasure, ...change });

  it('opens with owner and leaf together, and re-wraps to a header without one', async () => {
    const header = await makeErasable();
    expect(parseHeader(header)).to.deep.include({ version: 2, erasureLeaf: 7 });
    const opened = await open(header, { erasureKey: erasure.key });
    expect(opened.dataKey).to.deep.equal(secrets.dataKey);
    const rewrapped = await rewrapHeader({
      header,
      ownerPrivateKey: owner.privateKey,
      recipientPublicKey: requester.publicKey,
      expectedContext: context,
      releaseBinding: 'tx-1',
      erasureKey: erasure.key,
    });
    expect(parseHeader(rewrapped).version).to.equal(1);
    const released = await open(rewrapped, { privateKey: requester.privateKey, purpose: release });
    expect(released.salt).to.deep.equal(secrets.salt);
  });

  it('does not open for the owner’s key alone, for another leaf, or as another version', async () => {
    const header = await makeErasable();
    await expectRejection('CRYPTO_AUTHENTICATION_FAILED', open(header), 'erasureKey');
    const other = { erasureKey: randomBytes(32) };
    await expectRejection('CRYPTO_AUTHENTICATION_FAILED', open(header, other), 'sealed');
    const map = decodeCbor(header) as CborMap;
    const moved = encodeCbor({ ...map, erasureLeaf: 8 });
    await expectRejection('CRYPTO_AUTHENTICATION_FAILED', open(moved, { erasureKey: erasure.key }));
    const plain = Object.fromEntries(Object.entries(map).filter(([key]) => key !== 'erasureLeaf'));
    await expectRejection('CRYPTO_AUTHENTICATION_FAILED', open(encodeCbor({ ...plain, version: 1 })));
    const missing = {
      header,
      ownerPrivateKey: owner.privateKey,
      recipientPublicKey: requester.publicKey,
      expectedContext: context,
      releaseBinding: 'tx-1',
    };
    await expectRejection('CRYPTO_AUTHENTICATION_FAILED', rewrapHeader(missing), 'erasureKey');
  });

  it('takes a leaf in a store header only', async () => {
    const map = decodeCbor(await makeErasable()) as CborMap;
    const changes: CborMap[] = [
      { erasureLeaf: -1 },
      { erasureLeaf: 2 ** 32 },
      { erasureLeaf: 'first' },
      { purpose: { kind: 'release', releaseBinding: 'tx-1' } },
    ];
    for (const change of changes)
      expectCode('CRYPTO_INVALID_INPUT', () => parseHeader(encodeCbor({ ...map, ...change })));
    await expectRejection('CRYPTO_INVALID_INPUT', makeErasable({ erasure: { ...erasure, leaf: 0.5 } }));
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      makeErasable({ erasure: { leaf: 1, key: randomBytes(31) } }),
    );
  });
});

describe('salted digest', () => {
  it('is the documented SHA-256, also piece by piece', () => {
    const content = randomBytes(1000);
    const prefix = encodeParts('careledger/salted-digest/v1', secrets.salt);
    const expected = createHash('sha256').update(prefix).update(content).digest('hex');
    expect(saltedDigest(secrets.salt, content)).to.equal(expected);
    const pieces = createSaltedDigest(secrets.salt);
    for (let at = 0; at < content.length; at += 333) pieces.update(content.subarray(at, at + 333));
    expect(pieces.digest()).to.equal(expected);
  });

  it('differs by salt and content', () => {
    const content = Uint8Array.of(1);
    expect(saltedDigest(new Uint8Array(32), content)).to.not.equal(saltedDigest(secrets.salt, content));
    expect(saltedDigest(secrets.salt, Uint8Array.of(2))).to.not.equal(saltedDigest(secrets.salt, content));
    expectCode('CRYPTO_INVALID_INPUT', () => saltedDigest(new Uint8Array(31), content), 'salt');
  });
});
