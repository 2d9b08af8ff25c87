import { expect } from 'chai';
import { cohortSubjectOf, conditionCodings } from './conditions.js';
import { ageInYears, demographicsOf } from './demographics.js';
import { numericObservations, panelRowOf } from './observations.js';

const SNOMED = 'http://snomed.info/sct';
const quantity = (value: unknown, code: string, extra: object = {}): object => ({
  valueQuantity: { value, unit: code, system: 'http://unitsofmeasure.org', code, ...extra },
});
const observation = (loinc: string, at: string | undefined, carrier: object, status = 'final'): object => ({
  resourceType: 'Observation',
  status,
  ...(at === undefined ? {} : { effectiveDateTime: at }),
  code: { coding: [{ system: 'http://loinc.org', code: loinc }] },
  ...carrier,
});

describe('demographicsOf', () => {
  it('reads sex, birth date and age', () => {
    const patient = { resourceType: 'Patient', gender: 'female', birthDate: '1970-06-15' };
    expect(demographicsOf(patient, '2026-06-14')).to.deep.equal({
      sex: 'female',
      birthDate: '1970-06-15',
      ageYears: 55,
    });
    expect(demographicsOf(patient, '2026-06-15T10:00:00.000Z').ageYears).to.equal(56);
  });

  it('says nothing that the resource does not say', () => {
    expect(demographicsOf({ gender: 'unknown', birthDate: '15.6.1970' }, '2026-01-01')).to.deep.equal({});
    expect(demographicsOf(undefined, '2026-01-01')).to.deep.equal({});
    expect(demographicsOf({ birthDate: '2030-01-01' }, '2026-01-01')).to.deep.equal({
      birthDate: '2030-01-01',
    });
  });

  it('knows an age from a partial date only when it is unambiguous', () => {
    expect(ageInYears('1970', '2026-12-31')).to.equal(56);
    expect(ageInYears('1970', '2026-06-15')).to.equal(undefined);
    expect(ageInYears('1970-06', '2026-05-31')).to.equal(55);
    expect(ageInYears('1970-06', '2026-06-15')).to.equal(undefined);
    expect(ageInYears('1970-02', '2026-02-28')).to.equal(undefined);
  });

  it('puts a birthday on 29 February on 1 March of other years', () => {
    expect(ageInYears('2004-02-29', '2023-02-28')).to.equal(18);
    expect(ageInYears('2004-02-29', '2023-03-01')).to.equal(19);
  });
});

describe('conditionCodings', () => {
  const condition = (code: string, verification?: string): object => ({
    resourceType: 'Condition',
    code: { coding: [{ system: SNOMED, code }] },
    ...(verification === undefined
      ? {}
      : { verificationStatus: { coding: [{ system: 'x', code: verification }] } }),
  });

  it('gives each coding once', () => {
    expect(conditionCodings([condition('1'), condition('2', 'confirmed'), condition('1')])).to.deep.equal([
      { system: SNOMED, code: '1' },
      { system: SNOMED, code: '2' },
    ]);
  });

  it('leaves out what was refuted or entered in error, and other resources', () => {
    const others = [
      condition('1', 'refuted'),
      condition('2', 'entered-in-error'),
      { resourceType: 'Procedure' },
      null,
      7,
    ];
    expect(conditionCodings(others)).to.deep.equal([]);
  });
});

describe('observations', () => {
  const resources = [
    observation('2093-3', '2020-01-02', quantity(200, 'mg/dL')),
    observation('2093-3', '2022-01-02T08:00:00+01:00', quantity(210.5, 'mg/dL')),
    observation('2093-3', '2022-01-03', quantity(5.4, 'mmol/L')),
    observation('2093-3', '2030-01-02', quantity(999, 'mg/dL')),
    observation('85354-9', '2022-01-02', {
      component: [
        { code: { coding: [{ system: 'http://loinc.org', code: '8480-6' }] }, ...quantity(131, 'mm[Hg]') },
      ],
    }),
  ];
  const sources = [
    { name: 'cholesterol', loinc: '2093-3', unit: 'mg/dL' },
    { name: 'systolic', loinc: '8480-6', unit: 'mm[Hg]' },
    { name: 'weight', loinc: '29463-7', unit: 'kg' },
  ];

  it('fills a panel row with the latest value in the field’s unit, and null where there is none', () => {
    expect(panelRowOf(resources, sources, '2026-01-01')).to.deep.equal({
      cholesterol: 210.5,
      systolic: 131,
      weight: null,
    });
    expect(panelRowOf(resources, sources, '2021-01-01')).to.deep.equal({
      cholesterol: 200,
      systolic: null,
      weight: null,
    });
  });

  it('leaves out what is no standing, exact number', () => {
    const rejected = [
      observation('1-1', '2020-01-01', quantity(1, 'kg'), 'entered-in-error'),
      observation('1-1', '2020-01-01', quantity(1, 'kg'), 'cancelled'),
      observation('1-1', '2020-01-01', quantity(1, 'kg', { comparator: '<' })),
      observation('1-1', '2020-01-01', quantity('1', 'kg')),
      observation('1-1', '2020-01-01', { valueString: '1 kg' }),
    ];
    expect(numericObservations(rejected)).to.deep.equal([]);
    const undated = [observation('1-1', undefined, quantity(1, 'kg'))];
    expect(panelRowOf(undated, [{ name: 'x', loinc: '1-1', unit: 'kg' }], '2026-01-01')).to.deep.equal({
      x: null,
    });
  });

  it('makes a cohort subject', () => {
    const patient = { resourceType: 'Patient', gender: 'male', birthDate: '1980-01-01' };
    expect(cohortSubjectOf([patient, ...resources], '2026-01-01')).to.deep.equal({
      sex: 'male',
      ageYears: 46,
      conditions: [],
      observedOn: '2022-01-03',
    });
    expect(cohortSubjectOf([], '2026-01-01')).to.deep.equal({ conditions: [] });
  });
});
