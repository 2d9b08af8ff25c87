import { expect } from 'chai';
import { sensitivityOf } from './sensitivity.js';
import { splitFhir } from './split.js';

const SYSTEM = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const labelled = (...codes: string[]) => ({ security: codes.map((code) => ({ system: SYSTEM, code })) });
const observation = (meta?: object) => ({
  resourceType: 'Observation',
  status: 'final',
  category: [
    {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }],
    },
  ],
  code: { text: 'potassium' },
  ...(meta === undefined ? {} : { meta }),
});

describe('sensitivity of a FHIR resource', () => {
  it('is its strictest label of confidentiality', () => {
    expect(sensitivityOf(observation())).to.equal('normal');
    expect(sensitivityOf(observation(labelled('N')))).to.equal('normal');
    expect(sensitivityOf(observation(labelled('R')))).to.equal('restricted');
    expect(sensitivityOf(observation(labelled('R', 'V', 'N')))).to.equal('very-restricted');
  });

  it('counts what a resource contains, and no other system and no malformed label', () => {
    expect(sensitivityOf({ ...observation(), contained: [observation(labelled('V'))] })).to.equal(
      'very-restricted',
    );
    const other = {
      security: [{ system: 'urn:other', code: 'V' }, 'V', null, { code: 'V' }, { system: SYSTEM, code: 1 }],
    };
    expect(sensitivityOf(observation(other))).to.equal('normal');
    expect(sensitivityOf(observation(labelled('toString')))).to.equal('normal');
    expect(sensitivityOf(null)).to.equal('normal');
  });

  it('keeps resources of another sensitivity in records of their own', () => {
    const entry = [observation(), observation(labelled('R')), observation()].map((resource) => ({
      resource,
    }));
    const split = (meta?: object) =>
      splitFhir(
        { resourceType: 'Bundle', type: 'collection', entry, ...(meta === undefined ? {} : { meta }) },
        { maxResources: 10 },
      ).map(({ type, sensitivity, resources }) => [type, sensitivity, resources]);
    expect(split()).to.deep.equal([
      ['laboratory', 'normal', 2],
      ['laboratory', 'restricted', 1],
    ]);
    expect(split(labelled('V'))).to.deep.equal([['laboratory', 'very-restricted', 3]]);
  });
});
