import { readFileSync, readdirSync } from 'node:fs';
import { CareLedgerError, RECORD_TYPES } from '@careledger/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { classifyResource } from './classify.js';
import { R4_RESOURCE_TYPES } from './resource-types.js';
import { splitFhir, type FhirPart } from './split.js';

const SAMPLES = new URL('../../../samples/fhir/', import.meta.url);
const LIMITS = { maxResources: 1000 };
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';

const observation = (category: string, id = 'o1'): object => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  category: [{ coding: [{ system: CATEGORY, code: category }] }],
  code: { coding: [{ system: 'http://loinc.org', code: '0-0' }] },
});
const bundle = (resources: readonly unknown[], type = 'collection'): object => ({
  resourceType: 'Bundle',
  type,
  entry: resources.map((resource) => ({ resource })),
});
const decode = (part: FhirPart): { type: string; entry: { fullUrl?: string; resource: { id?: string } }[] } =>
  JSON.parse(new TextDecoder().decode(part.content)) as never;

function refusal(document: unknown, limits = LIMITS): CareLedgerError {
  try {
    splitFhir(document, limits);
  } catch (error) {
    expect(error).to.be.instanceOf(CareLedgerError);
    expect((error as CareLedgerError).code).to.equal('FHIR_INVALID');
    return error as CareLedgerError;
  }
  throw new Error('the document was accepted');
}

describe('splitFhir', () => {
  it('takes every committed sample apart without losing a resource', () => {
    const files = readdirSync(SAMPLES, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.json'),
    );
    expect(files.length).to.be.greaterThan(0);
    for (const file of files) {
      const document = JSON.parse(readFileSync(new URL(file, SAMPLES), 'utf8')) as {
        entry: { resource: object }[];
      };
      const parts = splitFhir(document, LIMITS);
      const back = parts.flatMap((part) =>
        decode(part).entry.map(({ resource }) => JSON.stringify(resource)),
      );
      expect([...back].sort(), file).to.deep.equal(
        document.entry.map(({ resource }) => JSON.stringify(resource)).sort(),
      );
      expect(
        parts.map(({ type }) => type),
        file,
      ).to.include.members(['demographics', 'condition', 'laboratory', 'vital-signs']);
      expect(
        parts.map(({ type }) => type),
        file,
      ).not.to.include('other');
    }
  });

  it('keeps input order and full URLs inside a part, and orders parts as the record types', () => {
    const document = {
      resourceType: 'Bundle',
      type: 'searchset',
      entry: [
        { fullUrl: 'urn:uuid:1', resource: observation('vital-signs', 'v1') },
        { resource: observation('laboratory', 'l1') },
        { resource: observation('vital-signs', 'v2') },
      ],
    };
    const parts = splitFhir(document, LIMITS);
    expect(parts.map(({ type, resources }) => [type, resources])).to.deep.equal([
      ['laboratory', 1],
      ['vital-signs', 2],
    ]);
    expect(decode(parts[1]!)).to.deep.include({ type: 'collection' });
    expect(decode(parts[1]!).entry.map(({ resource }) => resource.id)).to.deep.equal(['v1', 'v2']);
    expect(decode(parts[1]!).entry[0]!.fullUrl).to.equal('urn:uuid:1');
  });

  it('takes a single resource and each kind of bundle with content', () => {
    expect(splitFhir({ resourceType: 'Patient', id: 'p' }, LIMITS).map(({ type }) => type)).to.deep.equal([
      'demographics',
    ]);
    for (const type of ['collection', 'transaction', 'batch', 'document', 'searchset']) {
      expect(splitFhir(bundle([observation('laboratory')], type), LIMITS).length, type).to.equal(1);
    }
  });

  it('loses no resource, whatever the mixture (property)', () => {
    const resource = fc.record({
      resourceType: fc.constantFrom(...[...R4_RESOURCE_TYPES].filter((name) => name !== 'Bundle')),
      id: fc.stringMatching(/^[A-Za-z0-9.-]{1,64}$/),
    });
    fc.assert(
      fc.property(fc.array(resource, { minLength: 1, maxLength: 30 }), (resources) => {
        const parts = splitFhir(bundle(resources), LIMITS);
        const ids = parts.flatMap((part) => decode(part).entry.map((entry) => entry.resource.id));
        expect(ids.sort()).to.deep.equal(resources.map(({ id }) => id).sort());
        expect(new Set(parts.map(({ type }) => type)).size).to.equal(parts.length);
      }),
    );
  });

  const refused: readonly (readonly [string, unknown, RegExp, number | undefined])[] = [
    ['text', 'Patient', /JSON object.*text of 7 characters/, undefined],
    ['null', null, /null/, undefined],
    ['an array', [], /an array of 0/, undefined],
    ['no resourceType', { id: 'x' }, /resourceType/, undefined],
    ['an unknown resourceType', { resourceType: 'Patients' }, /resourceType Patients/, undefined],
    ['a type inherited from Object', { resourceType: 'constructor' }, /FHIR R4/, undefined],
    ['an empty bundle', bundle([]), /at least one entry/, undefined],
    ['a bundle without entries', { resourceType: 'Bundle', type: 'batch' }, /at least one entry/, undefined],
    ['a history bundle', bundle([observation('laboratory')], 'history'), /type history/, undefined],
    ['a bundle without type', { resourceType: 'Bundle', entry: [{}] }, /Bundle of type/, undefined],
    ['an entry that is no object', { resourceType: 'Bundle', type: 'batch', entry: [7] }, /Entry 0/, 0],
    [
      'an entry without resource',
      {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [{ resource: observation('exam') }, { request: { method: 'DELETE' } }],
      },
      /Entry 1.*a resource in the entry/,
      1,
    ],
    ['a nested bundle', bundle([observation('exam'), bundle([])]), /Entry 1.*Bundle inside/, 1],
    ['an id that is not one', bundle([{ resourceType: 'Patient', id: 'a b' }]), /Entry 0.*an id/, 0],
    ['an id of 65 characters', { resourceType: 'Patient', id: 'a'.repeat(65) }, /65 characters/, undefined],
    ['a contained bundle', bundle([{ resourceType: 'List', contained: [bundle([])] }]), /Bundle among/, 0],
    [
      'a contained stranger',
      bundle([{ resourceType: 'List', contained: [{ resourceType: 'Nothing' }] }]),
      /Entry 0/,
      0,
    ],
    [
      'a full URL that is no text',
      { resourceType: 'Bundle', type: 'batch', entry: [{ fullUrl: 1, resource: observation('exam') }] },
      /fullUrl/,
      0,
    ],
  ];
  for (const [title, document, message, entryIndex] of refused) {
    it(`refuses ${title}`, () => {
      const error = refusal(document);
      expect(error.message).to.match(message);
      expect(error.extensions['entryIndex']).to.equal(entryIndex);
    });
  }

  it('refuses more resources than allowed and takes exactly as many', () => {
    const two = bundle([observation('exam', 'a'), observation('exam', 'b')]);
    expect(splitFhir(two, { maxResources: 2 })[0]!.resources).to.equal(2);
    expect(refusal(two, { maxResources: 1 }).message).to.match(/at most 1 entries.*2/);
  });

  it('refuses nesting that would exhaust the stack', () => {
    const deep = JSON.parse(`${'{"extension":'.repeat(20_000)}1${'}'.repeat(20_000)}`) as object;
    expect(refusal({ resourceType: 'Patient', ...deep }).message).to.match(/levels of nesting/);
    expect(refusal(bundle([{ resourceType: 'Patient', ...deep }])).extensions).to.deep.equal({
      entryIndex: 0,
    });
  });

  it('never repeats what stood in the wrong place', () => {
    expect(refusal({ resourceType: 'Jane Doe, born 1970' }).message).not.to.include('Jane');
    expect(refusal(bundle([{ resourceType: 'Patient', id: 'Jane Doe' }])).message).not.to.include('Jane');
  });
});

describe('classifyResource', () => {
  const coded = (resourceType: string, extra: object): string => classifyResource({ resourceType, ...extra });
  const concept = (system: string, code: string): object => ({ coding: [{ system, code }] });

  it('follows HL7 observation categories, LOINC and SNOMED', () => {
    expect(classifyResource(observation('vital-signs') as never)).to.equal('vital-signs');
    expect(classifyResource(observation('social-history') as never)).to.equal('social-history');
    expect(coded('Observation', { code: concept('http://loinc.org', '8867-4') })).to.equal('vital-signs');
    expect(coded('Observation', { code: concept('http://loinc.org', '72166-2') })).to.equal('social-history');
    expect(coded('Condition', { code: concept('http://snomed.info/sct', '73595000') })).to.equal(
      'social-history',
    );
    expect(coded('Condition', { code: concept('http://snomed.info/sct', '44054006') })).to.equal('condition');
    expect(
      coded('DiagnosticReport', {
        category: [concept('http://terminology.hl7.org/CodeSystem/v2-0074', 'LAB')],
      }),
    ).to.equal('laboratory');
    expect(coded('DiagnosticReport', { category: [concept('http://loinc.org', 'LP29684-5')] })).to.equal(
      'imaging',
    );
    expect(coded('DiagnosticReport', {})).to.equal('document');
  });

  it('takes the more sensitive of two categories', () => {
    const both = { category: [concept(CATEGORY, 'laboratory'), concept(CATEGORY, 'social-history')] };
    expect(coded('Observation', both)).to.equal('social-history');
  });

  it('calls other what no rule names, and a code of another system no rule', () => {
    expect(coded('Observation', {})).to.equal('other');
    expect(coded('Observation', { code: concept('http://example.org', '8867-4') })).to.equal('other');
    expect(coded('Observation', { category: [concept('http://example.org', 'laboratory')] })).to.equal(
      'other',
    );
    expect(coded('Observation', { category: 'laboratory', code: null })).to.equal('other');
  });

  it('gives every R4 resource a record type', () => {
    for (const resourceType of R4_RESOURCE_TYPES) {
      expect(RECORD_TYPES, resourceType).to.include(classifyResource({ resourceType }));
    }
    expect(R4_RESOURCE_TYPES.size).to.equal(146);
  });
});
