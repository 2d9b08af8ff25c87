import { SENSITIVITIES, type Grantee, type PatientGrant, type Sensitivity } from '@careledger/protocol';
import {
  CONFIDENTIALITY_CODES,
  CONSENT_CATEGORY,
  CONSENT_EXTENSIONS,
  CONSENT_POLICY,
  CONSENT_SYSTEMS,
  IDENTIFIER_SYSTEMS,
  PURPOSE_CODES,
  RECIPIENT_ROLE,
  notMappable,
} from './consent-codes.js';
import { LOINC, UCUM, type FhirResource } from './fhir-shapes.js';

/**
 * A patient's grant as a FHIR R4 Consent; `termsFromConsent` reads it back.
 * @throws CareLedgerError CONSENT_NOT_MAPPABLE for a forward: a hospital made it, the patient consented to its parent
 */
export function consentFromGrant(grant: PatientGrant): FhirResource {
  if (typeof grant.basis === 'object' && 'parentId' in grant.basis)
    throw notMappable('Consent', 'form', `the patient’s own grant, such as ${grant.basis.parentId}`);
  return {
    resourceType: 'Consent',
    id: grant.grantId,
    identifier: [{ system: IDENTIFIER_SYSTEMS.grant, value: grant.grantId }],
    status: grant.status === 'active' ? 'active' : 'inactive',
    scope: { coding: [{ system: CONSENT_SYSTEMS.scope, code: 'patient-privacy' }] },
    category: [{ coding: [{ system: LOINC, code: CONSENT_CATEGORY }] }],
    patient: by(IDENTIFIER_SYSTEMS.pseudonym, grant.pseudonym),
    dateTime: grant.createdAt,
    policyRule: { coding: [{ system: CONSENT_SYSTEMS.policy, code: CONSENT_POLICY }] },
    provision: provisionOf(grant),
  };
}

function provisionOf(grant: PatientGrant): object {
  const { grantee, recordTypes, purposes, condition, notBefore, notAfter, maxHops } = grant;
  const extension = extensionsOf(grant);
  const actions = ['access', ...(maxHops > 0 ? ['disclose'] : [])];
  const recordIds = condition?.recordIds ?? [];
  return {
    ...(extension.length === 0 ? {} : { extension }),
    type: 'permit',
    period: { start: notBefore, end: notAfter },
    actor: [
      {
        role: { coding: [{ system: CONSENT_SYSTEMS.participation, code: RECIPIENT_ROLE }] },
        reference: actorOf(grantee),
      },
    ],
    action: actions.map((code) => ({ coding: [{ system: CONSENT_SYSTEMS.action, code }] })),
    securityLabel: sensitivitiesOf(grant).map((sensitivity) => ({
      system: CONSENT_SYSTEMS.confidentiality,
      code: CONFIDENTIALITY_CODES[sensitivity],
    })),
    purpose: purposes.map((purpose) => ({ system: CONSENT_SYSTEMS.purpose, code: PURPOSE_CODES[purpose] })),
    class: recordTypes.map((code) => ({ system: CONSENT_SYSTEMS.recordType, code })),
    ...(recordIds.length === 0
      ? {}
      : {
          data: recordIds.map((recordId) => ({
            meaning: 'instance',
            reference: by(IDENTIFIER_SYSTEMS.record, recordId),
          })),
        }),
  };
}

/** Without edges the owner's gateway releases, whatever the sensitivity. */
function sensitivitiesOf({ edges }: PatientGrant): readonly Sensitivity[] {
  if (edges === undefined) return SENSITIVITIES;
  return SENSITIVITIES.filter((sensitivity) => edges.some((edge) => edge.sensitivity === sensitivity));
}

function extensionsOf({ maxHops, condition, receiptDueWithinMs }: PatientGrant): object[] {
  const { maxHops: hops, department, receiptDueWithin } = CONSENT_EXTENSIONS;
  return [
    ...(maxHops === 0 ? [] : [{ url: hops, valueUnsignedInt: maxHops }]),
    ...(condition?.department === undefined ? [] : [{ url: department, valueCode: condition.department }]),
    ...(receiptDueWithinMs === undefined
      ? []
      : [
          {
            url: receiptDueWithin,
            valueDuration: { value: receiptDueWithinMs, unit: 'ms', system: UCUM, code: 'ms' },
          },
        ]),
  ];
}

function actorOf(grantee: Grantee): object {
  const { person, role, member } = IDENTIFIER_SYSTEMS;
  switch (grantee.kind) {
    case 'person':
      return by(person, `${grantee.mspId}/${grantee.enrolmentId}`, 'Practitioner');
    case 'role':
      return by(role, `${grantee.mspId}/${grantee.role}`, 'PractitionerRole');
    case 'member':
      return by(member, grantee.mspId, 'Organization');
  }
}

function by(system: string, value: string, type?: string): object {
  return { ...(type === undefined ? {} : { type }), identifier: { system, value } };
}
