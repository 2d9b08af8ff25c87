import { expect } from 'chai';
import { expectCode } from '../test-support.js';
import { decodeCbor, encodeCbor, type CborMap } from './cbor.js';
import { randomBytes } from './random.js';
import {
  makeSharingHeader,
  MAX_SHARING_HEADER_BYTES,
  openSharingHeader,
  parseSharingHeader,
} from './sharing-header.js';

const secrets = { wrapKey: randomBytes(32), erasureKey: randomBytes(32) };
const handle = 'ab'.repeat(32);
const payload = {
  dataKey: randomBytes(32),
  salt: randomBytes(32),
  contentType: 'application/fhir+json',
  contentLength: 12,
};
const pre = randomBytes(1200);
const make = (change: object = {}): Uint8Array =>
  makeSharingHeader({ ...secrets, pre, handle, payload, ...change });
const { sealed } = parseSharingHeader(make());
const open = (change: object = {}): unknown => openSharingHeader({ ...secrets, sealed, handle, ...change });

describe('sharing header', () => {
  it('opens with what re-encryption and the owner give, and says what the record is', () => {
    expect(parseSharingHeader(make()).pre).to.deep.equal(pre);
    expect(open()).to.deep.equal(payload);
  });

  it('opens with neither key alone, nor under another handle', () => {
    const wrong = [
      { wrapKey: randomBytes(32) },
      { erasureKey: randomBytes(32) },
      { wrapKey: secrets.erasureKey, erasureKey: secrets.wrapKey },
      { handle: 'cd'.repeat(32) },
      { sealed: sealed.subarray(1) },
      { sealed: sealed.subarray(0, 20) },
      { sealed: sealed.map((byte, index) => (index === 30 ? byte ^ 1 : byte)) },
    ];
    for (const change of wrong) expectCode('CRYPTO_AUTHENTICATION_FAILED', () => open(change));
    expectCode('CRYPTO_INVALID_INPUT', () => open({ wrapKey: randomBytes(31) }));
  });

  it('reads and writes the one form only', () => {
    const map = decodeCbor(make()) as CborMap;
    expectCode('CRYPTO_UNSUPPORTED', () => parseSharingHeader(encodeCbor({ ...map, version: 2 })));
    expectCode('CRYPTO_INVALID_INPUT', () => parseSharingHeader(encodeCbor({ ...map, more: 1 })));
    expectCode('CRYPTO_INVALID_INPUT', () => parseSharingHeader(encodeCbor({ ...map, pre: 'text' })));
    expectCode('CRYPTO_INVALID_INPUT', () =>
      parseSharingHeader(make({ pre: randomBytes(MAX_SHARING_HEADER_BYTES) })),
    );
    expectCode('CRYPTO_INVALID_INPUT', () => make({ payload: { ...payload, contentLength: -1 } }));
    expectCode('CRYPTO_INVALID_INPUT', () => make({ payload: { ...payload, dataKey: randomBytes(16) } }));
  });
});
