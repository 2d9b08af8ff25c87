import {
  CareLedgerError,
  LIMITS,
  PURPOSES,
  RECORD_TYPES,
  ROLES,
  SENSITIVITIES,
  type Grantee,
  type PatientGrant,
} from '@careledger/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { termsFromConsent } from './consent-in.js';
import { consentFromGrant } from './consent-out.js';

const HEX = '0123456789abcdef';
const LETTERS = 'abcXYZ019';
const text = (alphabet: string, minLength: number, maxLength = minLength): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from(alphabet)), minLength, maxLength });
const objectId = text(HEX, 32);
const mspId = text(`${LETTERS}.-`, 1, 64);
const someOf = <Item>(items: readonly Item[], max = items.length): fc.Arbitrary<Item[]> =>
  fc.subarray([...items], { minLength: 1, maxLength: max });
const instant = fc
  .date({ min: new Date('2020-01-01T00:00:00Z'), max: new Date('2080-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString());
const grantee: fc.Arbitrary<Grantee> = fc.oneof(
  fc.record({ kind: fc.constant('person' as const), mspId, enrolmentId: text(`${LETTERS}._-`, 1, 64) }),
  fc.record({ kind: fc.constant('role' as const), mspId, role: fc.constantFrom(...ROLES) }),
  fc.record({ kind: fc.constant('member' as const), mspId }),
);
const recordId = fc.tuple(objectId, fc.nat(499)).map(([batch, index]) => `${batch}.${String(index)}`);
const condition = fc.oneof(
  fc.record({ department: text('abc-9', 1, 40) }),
  fc.record({ recordIds: fc.uniqueArray(recordId, { minLength: 1, maxLength: 4 }) }),
  fc.record({ department: text('abc-9', 1, 40), recordIds: fc.tuple(recordId).map((list) => [...list]) }),
);

/** A grant by edges, with an edge for each type and sensitivity, and optional members only where they are set. */
const grant: fc.Arbitrary<PatientGrant> = fc
  .record(
    {
      grantId: objectId,
      pseudonym: objectId,
      grantee,
      recordTypes: someOf(RECORD_TYPES),
      purposes: someOf(PURPOSES),
      condition,
      notBefore: instant,
      notAfter: instant,
      maxHops: fc.nat(LIMITS.hops),
      receiptDueWithinMs: fc.integer({ min: 60_000, max: 31_536_000_000 }),
      sensitivities: someOf(SENSITIVITIES),
      createdAt: instant,
    },
    {
      requiredKeys: [
        'grantId',
        'pseudonym',
        'grantee',
        'recordTypes',
        'purposes',
        'notBefore',
        'notAfter',
        'maxHops',
        'sensitivities',
        'createdAt',
      ],
    },
  )
  .filter(({ notBefore, notAfter }) => notBefore < notAfter)
  .map(({ sensitivities, ...rest }) => ({
    ...rest,
    status: 'active' as const,
    basis: 'patient' as const,
    txId: 'ab'.repeat(32),
    edges: rest.recordTypes.flatMap((recordType) =>
      sensitivities.map((sensitivity) => ({ recordType, sensitivity, tagEpoch: 0, edgeId: 'cd'.repeat(32) })),
    ),
  }));

const EXAMPLE: PatientGrant = {
  grantId: '1a'.repeat(16),
  pseudonym: '2b'.repeat(16),
  grantee: { kind: 'person', mspId: 'Hospital2MSP', enrolmentId: 'clinician-h2' },
  recordTypes: ['laboratory'],
  purposes: ['treatment'],
  condition: { department: 'cardiology', recordIds: [`${'3c'.repeat(16)}.0`] },
  notBefore: '2026-11-01T00:00:00.000Z',
  notAfter: '2026-12-01T00:00:00.000Z',
  maxHops: 1,
  receiptDueWithinMs: 3_600_000,
  status: 'active',
  basis: 'patient',
  edges: [{ recordType: 'laboratory', sensitivity: 'normal', tagEpoch: 0, edgeId: 'cd'.repeat(32) }],
  createdAt: '2026-11-01T00:00:00.000Z',
  txId: 'ab'.repeat(32),
};

/** The example as a document that a test may change; JSON, as it goes over the wire. */
function example(change: (consent: Changeable) => unknown = () => undefined): unknown {
  const consent = JSON.parse(JSON.stringify(consentFromGrant(EXAMPLE))) as Changeable;
  change(consent);
  return consent;
}
interface Changeable {
  [member: string]: unknown;
  provision: Record<string, unknown> & {
    extension: Record<string, unknown>[];
    period: Record<string, unknown>;
    action: unknown[];
    actor: { reference: { type: string; identifier: { system: string; value: string } } }[];
  };
}

function refusal(document: unknown): { element: unknown; reason: unknown } {
  try {
    termsFromConsent(document);
  } catch (error) {
    if (!(error instanceof CareLedgerError)) throw error;
    expect(error.code).to.equal('CONSENT_NOT_MAPPABLE');
    return { element: error.extensions['element'], reason: error.extensions['reason'] };
  }
  throw new Error('it was taken');
}

const coded = (system: string, code: string): object => ({ coding: [{ system, code }] });
const typed = (...types: string[]): object[] =>
  types.map((type) => coded('urn:careledger:record-type', type));

describe('FHIR Consent', () => {
  it('says every grant of a patient, and reads back the same terms', () => {
    fc.assert(
      fc.property(grant, (wanted) => {
        const document: unknown = JSON.parse(JSON.stringify(consentFromGrant(wanted)));
        const { status, basis, edges, createdAt, txId, ...terms } = wanted;
        expect([status, basis, createdAt, txId]).to.not.include(undefined);
        const sensitivities = SENSITIVITIES.filter((one) =>
          edges?.some(({ sensitivity }) => sensitivity === one),
        );
        expect(termsFromConsent(document)).to.deep.equal({ ...terms, sensitivities });
      }),
      { numRuns: 150 },
    );
  });

  it('reads terms in any order, of another time zone, and under `code` as under `class`', () => {
    const terms = termsFromConsent(
      example((consent) => {
        const { provision } = consent;
        provision.period['start'] = '2026-11-01T02:00:00+02:00';
        delete provision['class'];
        provision['code'] = typed('imaging', 'laboratory');
        consent['status'] = 'proposed';
        consent['text'] = { status: 'generated', div: '<div/>' };
        delete consent['identifier'];
      }),
    );
    expect(terms).to.not.have.property('grantId');
    expect(terms).to.deep.include({ recordTypes: ['laboratory', 'imaging'], notBefore: EXAMPLE.notBefore });
  });

  it('takes of `class` and `code` together what both name, not what one of them does', () => {
    const terms = termsFromConsent(
      example(({ provision }) => (provision['code'] = typed('imaging', 'laboratory'))),
    );
    expect(terms.recordTypes).to.deep.equal(['laboratory']);
    const apart = example(({ provision }) => (provision['code'] = typed('imaging')));
    expect(refusal(apart)).to.deep.equal({ element: 'Consent.provision.code', reason: 'form' });
  });

  it('takes 29 February of a leap year, and no time that the calendar does not have', () => {
    const endingAt = (end: string) => example(({ provision }) => (provision.period['end'] = end));
    expect(termsFromConsent(endingAt('2028-02-29T23:30:00-01:00')).notAfter).to.equal(
      '2028-03-01T00:30:00.000Z',
    );
    for (const end of [
      '2026-02-30T00:00:00Z',
      '2026-02-29T00:00:00Z',
      '2026-04-31T00:00:00+02:00',
      '2026-11-30T24:00:00Z',
    ])
      expect(refusal(endingAt(end)), end).to.deep.equal({
        element: 'Consent.provision.period.end',
        reason: 'form',
      });
  });

  const CASES: readonly (readonly [string, string, string, (consent: Changeable) => void])[] = [
    [
      'an end before its start',
      'Consent.provision.period',
      'form',
      ({ provision }) => {
        provision.period['start'] = '2026-12-01T00:00:01Z';
        provision.period['end'] = '2026-12-01T00:00:00Z';
      },
    ],
    [
      'an end at its start',
      'Consent.provision.period',
      'form',
      ({ provision }) => {
        provision.period['start'] = '2026-12-01T02:00:00+02:00';
        provision.period['end'] = '2026-12-01T00:00:00Z';
      },
    ],
    [
      'a nested provision',
      'Consent.provision.provision',
      'element-not-supported',
      ({ provision }) => {
        provision['provision'] = [{ type: 'deny' }];
      },
    ],
    [
      'a deny',
      'Consent.provision.type',
      'form',
      ({ provision }) => {
        provision['type'] = 'deny';
      },
    ],
    [
      'no type',
      'Consent.provision.type',
      'missing',
      ({ provision }) => {
        delete provision['type'];
      },
    ],
    [
      'a data period',
      'Consent.provision.dataPeriod',
      'element-not-supported',
      ({ provision }) => {
        provision['dataPeriod'] = { start: '2020-01-01' };
      },
    ],
    [
      'a modifier extension',
      'Consent.modifierExtension',
      'element-not-supported',
      (consent) => {
        consent['modifierExtension'] = [{ url: 'urn:x', valueBoolean: true }];
      },
    ],
    [
      'a modifier of the provision',
      'Consent.provision.modifierExtension',
      'element-not-supported',
      ({ provision }) => {
        provision['modifierExtension'] = [];
      },
    ],
    [
      'rules of its own',
      'Consent.implicitRules',
      'element-not-supported',
      (consent) => {
        consent['implicitRules'] = 'urn:x';
      },
    ],
    [
      'an unknown extension',
      'Consent.provision.extension[2]',
      'element-not-supported',
      ({ provision }) => {
        provision.extension[2] = { url: 'urn:another', valueBoolean: true };
      },
    ],
    [
      'an extension twice',
      'Consent.provision.extension[2]',
      'element-not-supported',
      ({ provision }) => {
        provision.extension[2] = provision.extension[0] ?? {};
      },
    ],
    [
      'more hops than there are',
      'Consent.provision.extension[0].valueUnsignedInt',
      'form',
      ({ provision }) => {
        provision.extension[0] = { url: 'urn:careledger:fhir:max-hops', valueUnsignedInt: 9 };
      },
    ],
    [
      'hops without disclosing',
      'Consent.provision.action',
      'form',
      ({ provision }) => {
        provision.action.pop();
      },
    ],
    [
      'disclosing without hops',
      'Consent.provision.action',
      'form',
      ({ provision }) => {
        provision.extension.shift();
      },
    ],
    [
      'another action',
      'Consent.provision.action[0].coding[0]',
      'code-not-supported',
      ({ provision }) => {
        provision.action[0] = coded('http://terminology.hl7.org/CodeSystem/consentaction', 'correct');
      },
    ],
    [
      'another purpose',
      'Consent.provision.purpose[0]',
      'code-not-supported',
      ({ provision }) => {
        provision['purpose'] = [
          { system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason', code: 'HMARKT' },
        ];
      },
    ],
    [
      'no purpose',
      'Consent.provision.purpose',
      'missing',
      ({ provision }) => {
        delete provision['purpose'];
      },
    ],
    [
      'another label',
      'Consent.provision.securityLabel[0]',
      'code-not-supported',
      ({ provision }) => {
        provision['securityLabel'] = [
          { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'U' },
        ];
      },
    ],
    [
      'no label',
      'Consent.provision.securityLabel',
      'missing',
      ({ provision }) => {
        delete provision['securityLabel'];
      },
    ],
    [
      'a class of FHIR',
      'Consent.provision.class[0]',
      'code-not-supported',
      ({ provision }) => {
        provision['class'] = [{ system: 'http://hl7.org/fhir/resource-types', code: 'Observation' }];
      },
    ],
    [
      'no class and no code',
      'Consent.provision.class',
      'missing',
      ({ provision }) => {
        delete provision['class'];
      },
    ],
    [
      'an unknown code',
      'Consent.provision.code[0].coding[0]',
      'code-not-supported',
      ({ provision }) => {
        provision['code'] = [coded('http://loinc.org', '4548-4')];
      },
    ],
    [
      'two codings of one concept',
      'Consent.scope.coding',
      'form',
      (consent) => {
        consent['scope'] = { coding: [{}, {}] };
      },
    ],
    [
      'data that are related',
      'Consent.provision.data[0].meaning',
      'form',
      ({ provision }) => {
        provision['data'] = [{ meaning: 'related', reference: {} }];
      },
    ],
    [
      'two actors',
      'Consent.provision.actor',
      'form',
      ({ provision }) => {
        provision.actor.push(provision.actor[0]!);
      },
    ],
    [
      'an actor by reference',
      'Consent.provision.actor[0].reference.reference',
      'element-not-supported',
      ({ provision }) => {
        Object.assign(provision.actor[0]!.reference, { reference: 'Practitioner/1' });
      },
    ],
    [
      'an actor of another kind',
      'Consent.provision.actor[0].reference.type',
      'form',
      ({ provision }) => {
        provision.actor[0]!.reference.type = 'RelatedPerson';
      },
    ],
    [
      'a role that there is not',
      'Consent.provision.actor[0].reference.identifier.value',
      'form',
      ({ provision }) => {
        provision.actor[0]!.reference = {
          type: 'PractitionerRole',
          identifier: { system: 'urn:careledger:role', value: 'Hospital2MSP/visitor' },
        };
      },
    ],
    [
      'a person without a hospital',
      'Consent.provision.actor[0].reference.identifier.value',
      'form',
      ({ provision }) => {
        provision.actor[0]!.reference.identifier.value = 'clinician-h2';
      },
    ],
    [
      'a day instead of a time',
      'Consent.provision.period.end',
      'form',
      ({ provision }) => {
        provision.period['end'] = '2026-12-01';
      },
    ],
    [
      'no end',
      'Consent.provision.period.end',
      'missing',
      ({ provision }) => {
        delete provision.period['end'];
      },
    ],
    [
      'a patient by reference',
      'Consent.patient.reference',
      'element-not-supported',
      (consent) => {
        consent['patient'] = { reference: 'Patient/1' };
      },
    ],
    [
      'another performer',
      'Consent.performer[0]',
      'form',
      (consent) => {
        consent['performer'] = [
          { identifier: { system: 'urn:careledger:pseudonym', value: '9f'.repeat(16) } },
        ];
      },
    ],
    [
      'what is over',
      'Consent.status',
      'form',
      (consent) => {
        consent['status'] = 'inactive';
      },
    ],
    [
      'another scope',
      'Consent.scope.coding[0]',
      'code-not-supported',
      (consent) => {
        consent['scope'] = coded('http://terminology.hl7.org/CodeSystem/consentscope', 'research');
      },
    ],
    [
      'another policy',
      'Consent.policyRule.coding[0]',
      'code-not-supported',
      (consent) => {
        consent['policyRule'] = coded('http://terminology.hl7.org/CodeSystem/v3-ActCode', 'OPTOUT');
      },
    ],
    [
      'an attached form',
      'Consent.sourceAttachment',
      'element-not-supported',
      (consent) => {
        consent['sourceAttachment'] = { url: 'urn:x' };
      },
    ],
    [
      'a narrative of more than the elements',
      'Consent.text.status',
      'form',
      (consent) => {
        consent['text'] = { status: 'additional', div: '<div/>' };
      },
    ],
    [
      'security labels of the document',
      'Consent.meta.security',
      'element-not-supported',
      (consent) => {
        consent['meta'] = { security: [{ code: 'V' }] };
      },
    ],
    [
      'no provision',
      'Consent.provision',
      'missing',
      (consent) => {
        delete (consent as Partial<Changeable>).provision;
      },
    ],
  ];
  for (const [what, element, reason, change] of CASES) {
    it(`refuses ${what}, by name`, () => {
      expect(refusal(example(change))).to.deep.equal({ element, reason });
    });
  }

  it('refuses whatever else stands in any object of it', () => {
    const paths: string[][] = [];
    const visit = (value: unknown, path: string[]): void => {
      if (typeof value !== 'object' || value === null) return;
      if (!Array.isArray(value)) paths.push(path);
      for (const [key, child] of Object.entries(value)) visit(child, [...path, key]);
    };
    visit(example(), []);
    expect(paths.length).to.be.greaterThan(20);
    for (const path of paths) {
      const document = example();
      const place = path.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], document);
      (place as Record<string, unknown>)['unheardOf'] = 1;
      expect(refusal(document).reason, path.join('.')).to.equal('element-not-supported');
    }
  });

  it('repeats no name and no text that came from outside', () => {
    try {
      termsFromConsent({ ...(example() as object), 'Jane Roe 1970-01-01': 1 });
      expect.fail('it was taken');
    } catch (error) {
      expect((error as Error).message).to.not.contain('Jane');
    }
  });

  it('is inactive for what ended, and is not made for what a hospital forwarded', () => {
    expect(consentFromGrant({ ...EXAMPLE, status: 'revoked' })['status']).to.equal('inactive');
    expect(refusal(consentFromGrant({ ...EXAMPLE, status: 'revoked' })).element).to.equal('Consent.status');
    const by = { mspId: 'Hospital2MSP', enrolmentId: 'clinician-h2', role: 'clinician' as const };
    const forwarded: PatientGrant = { ...EXAMPLE, basis: { parentId: EXAMPLE.grantId, by } };
    expect(() => consentFromGrant(forwarded)).to.throw(CareLedgerError, 'Consent');
  });
});
