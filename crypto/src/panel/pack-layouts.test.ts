import { expect } from 'chai';
import fc from 'fast-check';
import { expectCode } from '../test-support.js';
import { layoutOf, packLayouts } from './pack-layouts.js';
import { clinicLayout } from './panel-samples.test-support.js';
import { layoutBits } from './panel-layout.js';

const common = { idPrefix: 'clinic', version: 2, maxRecords: 1000, statisticalBits: 80, maxFields: 16 };
const { fields } = clinicLayout;

describe('packing fields into layouts', () => {
  it('puts every field into one layout that fits the key, in order, the same each time', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...fields], { minLength: 1 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(1024, 2048, 3072),
        (some, maxFields, keyBits) => {
          const layouts = packLayouts(some, { ...common, maxFields, keyBits });
          expect(layouts.flatMap((layout) => layout.fields)).to.have.members(some);
          layouts.forEach((layout, index) => {
            expect(layout).to.include({ id: `clinic-${index + 1}`, version: 2, keyBits, maxRecords: 1000 });
            expect(layoutBits(layout)).to.be.below(keyBits);
            expect(layout.fields.length).to.be.within(1, maxFields);
          });
          expect(packLayouts(some, { ...common, maxFields, keyBits })).to.deep.equal(layouts);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('needs fewer layouts under a larger key', () => {
    const counts = [1024, 2048, 3072].map((keyBits) => packLayouts(fields, { ...common, keyBits }).length);
    expect(counts).to.deep.equal([3, 2, 1]);
  });

  it('finds the layout of fields that are asked together, and refuses a field that fits no key', () => {
    const layouts = packLayouts(fields, { ...common, keyBits: 1024 });
    expect(layoutOf(layouts, ['temperature', 'baseExcess']).id).to.equal('clinic-1');
    for (const names of [['unknown'], ['temperature', 'followUp']])
      expectCode('CRYPTO_INVALID_INPUT', () => layoutOf(layouts, names), 'fields');
    expectCode('CRYPTO_LAYOUT_INVALID', () => packLayouts(fields, { ...common, keyBits: 512 }));
  });
});
