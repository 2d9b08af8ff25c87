import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode, expectRejection, flipBit } from '../test-support.js';
import { concatBytes } from './bytes.js';
import type { RecordContext } from './context.js';
import {
  ENVELOPE_HEADER_BYTES,
  SEGMENT_BYTES,
  openContent,
  openStream,
  sealContent,
  sealStream,
  sealedSizeBytes,
} from './envelope.js';
import { randomBytes } from './random.js';

const context: RecordContext = {
  ownerMspId: 'H1MSP',
  pseudonym: 'p-1',
  recordType: 'laboratory',
  recordId: 'r-1',
};
const dataKey = new Uint8Array(32).fill(7);
const SEALED_SEGMENT = SEGMENT_BYTES + 16;

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return concatBytes(...parts);
}
async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
  }
}
function segments(sealed: Uint8Array): { header: Uint8Array; parts: Uint8Array[] } {
  const parts: Uint8Array[] = [];
  for (let at = ENVELOPE_HEADER_BYTES; at < sealed.length; at += SEALED_SEGMENT)
    parts.push(sealed.subarray(at, at + SEALED_SEGMENT));
  return { header: sealed.subarray(0, ENVELOPE_HEADER_BYTES), parts };
}
const refused = (sealed: Uint8Array): Promise<void> =>
  expectRejection('CRYPTO_AUTHENTICATION_FAILED', openContent({ sealed, dataKey, context }), 'sealed');

describe('envelope', function () {
  this.timeout(20_000);

  it('opens what it sealed, at every boundary, with the documented size', async () => {
    for (const size of [
      0,
      1,
      15,
      1000,
      SEGMENT_BYTES - 1,
      SEGMENT_BYTES,
      SEGMENT_BYTES + 1,
      2 * SEGMENT_BYTES,
      3 * SEGMENT_BYTES + 17,
    ]) {
      const content = new Uint8Array(size).fill(size & 255);
      const sealed = await sealContent({ content, dataKey, context });
      expect(sealed.length, `size of ${size}`).to.equal(sealedSizeBytes(size));
      const opened = await openContent({ sealed, dataKey, context });
      expect(Buffer.compare(opened, content), `content of ${size}`).to.equal(0);
    }
  });

  it('streams give and take the same bytes whatever the chunks', async () => {
    const content = concatBytes(...Array.from({ length: 33 }, () => randomBytes(65536)));
    const sealed = await collect(sealStream({ content: chunks(content, 333_333), dataKey, context }));
    expect(Buffer.compare(await openContent({ sealed, dataKey, context }), content)).to.equal(0);
    const opened = await collect(openStream({ sealed: chunks(sealed, 99_991), dataKey, context }));
    expect(Buffer.compare(opened, content)).to.equal(0);
  });

  it('never seals alike twice', async () => {
    const content = new Uint8Array(10);
    const [first, second] = await Promise.all([
      sealContent({ content, dataKey, context }),
      sealContent({ content, dataKey, context }),
    ]);
    expect(first).to.not.deep.equal(second);
  });

  it('does not open with one bit changed, anywhere', async () => {
    const sealed = await sealContent({ content: randomBytes(40), dataKey, context });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: sealed.length * 8 - 1 }), async (bit) => {
        const code = bit >= 32 && bit < 56 ? 'CRYPTO_UNSUPPORTED' : 'CRYPTO_AUTHENTICATION_FAILED';
        await expectRejection(code, openContent({ sealed: flipBit(sealed, bit), dataKey, context }));
      }),
      { numRuns: 150 },
    );
  });

  it('does not open moved to another record, type, patient or hospital, or under another key', async () => {
    const sealed = await sealContent({ content: randomBytes(40), dataKey, context });
    for (const key of ['ownerMspId', 'pseudonym', 'recordType', 'recordId'] as const) {
      await expectRejection(
        'CRYPTO_AUTHENTICATION_FAILED',
        openContent({ sealed, dataKey, context: { ...context, [key]: 'other' } }),
      );
    }
    await expectRejection(
      'CRYPTO_AUTHENTICATION_FAILED',
      openContent({ sealed, dataKey: new Uint8Array(32), context }),
    );
  });

  it('does not open reordered, dropped, doubled, cut, extended or spliced', async () => {
    const content = concatBytes(...Array.from({ length: 48 }, () => randomBytes(65536)));
    const { header, parts } = segments(await sealContent({ content, dataKey, context }));
    const [a, b, c] = parts as [Uint8Array, Uint8Array, Uint8Array];
    expect(parts).to.have.lengthOf(3);
    expect(await openContent({ sealed: concatBytes(header, a, b, c), dataKey, context })).to.have.lengthOf(
      content.length,
    );
    const other = segments(await sealContent({ content, dataKey, context }));
    const broken = [
      [b, a, c],
      [a, c],
      [a, b],
      [a],
      [],
      [a, a, b, c],
      [a, b, c, c],
      [a, b, c, Uint8Array.of(0)],
      [a, b, c.subarray(0, -1)],
      [a, b, c, new Uint8Array(16)],
      [a, other.parts[1] as Uint8Array, c],
      [a, b.subarray(0, 16), c],
    ];
    for (const [index, pieces] of broken.entries()) {
      await refused(concatBytes(header, ...pieces)).catch((error: unknown) => {
        throw new Error(`case ${index}`, { cause: error });
      });
    }
    await refused(header.subarray(0, 5));
    await refused(new Uint8Array(0));
  });

  it('an empty last segment after a full one is not accepted in place of the marked one', async () => {
    const content = randomBytes(SEGMENT_BYTES);
    const { header, parts } = segments(await sealContent({ content, dataKey, context }));
    await refused(concatBytes(header, parts[0] as Uint8Array, new Uint8Array(16)));
  });

  it('a stream that is cut yields only authentic segments and then throws', async () => {
    const content = randomBytes(2 ** 20 + 5);
    const sealed = await sealContent({ content, dataKey, context });
    const got: Uint8Array[] = [];
    const read = async (): Promise<void> => {
      for await (const part of openStream({
        sealed: [sealed.subarray(0, sealed.length - 1)],
        dataKey,
        context,
      }))
        got.push(part);
    };
    await expectRejection('CRYPTO_AUTHENTICATION_FAILED', read());
    expect(got).to.have.lengthOf(1);
    expect(Buffer.compare(got[0] as Uint8Array, content.subarray(0, SEGMENT_BYTES))).to.equal(0);
  });

  it('keeps its bound on size, both ways', async () => {
    const content = new Uint8Array(1001);
    await expectRejection(
      'CRYPTO_LIMIT_EXCEEDED',
      collect(sealStream({ content: [content], dataKey, context, maxContentBytes: 1000 })),
      'content',
    );
    const sealed = await sealContent({ content, dataKey, context });
    await expectRejection(
      'CRYPTO_LIMIT_EXCEEDED',
      openContent({ sealed, dataKey, context, maxContentBytes: 1000 }),
      'sealed',
    );
    expect(await openContent({ sealed, dataKey, context, maxContentBytes: 1001 })).to.have.lengthOf(1001);
  });

  it('refuses bad keys, contexts and versions by name', async () => {
    const content = new Uint8Array(1);
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      sealContent({ content, dataKey: new Uint8Array(31), context }),
      'dataKey',
    );
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      sealContent({ content, dataKey, context: { ...context, pseudonym: '' } }),
      'context.pseudonym',
    );
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      sealContent({ content, dataKey, context: { ...context, recordId: 'a\nb' } }),
      'context.recordId',
    );
    const sealed = await sealContent({ content, dataKey, context });
    await expectRejection(
      'CRYPTO_UNSUPPORTED',
      openContent({ sealed: flipBit(sealed, 4 * 8), dataKey, context }),
    );
    expectCode('CRYPTO_INVALID_INPUT', () => sealedSizeBytes(-1));
  });
});
