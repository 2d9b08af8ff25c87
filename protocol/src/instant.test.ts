import { expect } from 'chai';
import fc from 'fast-check';
import { addMs, instantFromMs, msFromInstant } from './instant.js';

const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

describe('instant', () => {
  it('is there and back again, and sorts as text', () => {
    const ms = fc.integer({ min: 0, max: LAST_MS });
    fc.assert(
      fc.property(ms, ms, (one, other) => {
        expect(msFromInstant(instantFromMs(one))).to.equal(one);
        expect(instantFromMs(one) < instantFromMs(other)).to.equal(one < other);
      }),
    );
  });

  it('adds, and stops at the last one that can be written', () => {
    expect(addMs('2026-02-28T23:59:59.999Z', 1)).to.equal('2026-03-01T00:00:00.000Z');
    expect(addMs('9999-12-31T00:00:00.000Z', 10 ** 12)).to.equal('9999-12-31T23:59:59.999Z');
  });

  it('refuses times that do not exist', () => {
    for (const text of [
      '2026-02-30T00:00:00.000Z',
      '2026-13-01T00:00:00.000Z',
      '2026-01-01T24:00:00.000Z',
      'x',
      '2026-01-01',
    ]) {
      expect(() => msFromInstant(text), text)
        .to.throw()
        .with.property('code', 'SCHEMA_VIOLATION');
    }
    for (const ms of [-1, 0.5, NaN, LAST_MS + 1]) {
      expect(() => instantFromMs(ms), String(ms))
        .to.throw()
        .with.property('code', 'SCHEMA_VIOLATION');
    }
  });
});
