import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { createFinder } from './support/find-needles.js';

const needle = (bytes: Buffer): { readonly bytes: Buffer } => ({ bytes });

describe('the search for many byte strings at once', () => {
  it('finds exactly those that Buffer.includes finds, at every offset and alignment', () => {
    // Four letters, so that needles overlap and pieces of them are everywhere.
    const text = (minLength: number, maxLength: number) =>
      fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), minLength, maxLength });
    fc.assert(
      fc.property(
        text(0, 120),
        fc.array(text(12, 20), { maxLength: 5 }),
        fc.nat(120),
        fc.nat(7),
        (hay, texts, at, shift) => {
          const [first = 'abcdabcdabcd'] = texts;
          const bytes = Buffer.from(' '.repeat(shift) + hay.slice(0, at) + first + hay.slice(at)).subarray(
            shift,
          );
          const needles = texts.map((value) => needle(Buffer.from(value)));
          const expected = needles.filter((one) => bytes.includes(one.bytes));
          expect([...createFinder(needles)(bytes)]).to.have.members(expected);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('finds a needle at the very start, at the very end, and not one that is cut', () => {
    const wanted = needle(randomBytes(33));
    const find = createFinder([wanted]);
    for (let before = 0; before < 20; before++)
      for (const after of [0, 1, 5]) {
        const bytes = Buffer.concat([randomBytes(before), wanted.bytes, randomBytes(after)]);
        expect(find(bytes).has(wanted), `${before} before, ${after} after`).to.equal(true);
        expect(find(bytes.subarray(0, before + 32)).size).to.equal(0);
        expect(find(bytes.subarray(before + 1)).size).to.equal(0);
      }
    expect(find(Buffer.alloc(0)).size).to.equal(0);
    expect(() => createFinder([needle(Buffer.alloc(11))])).to.throw(RangeError);
  });
});
