/** The code systems of a FHIR R4 Consent as far as a grant can say the same; anything else is refused. */
import {
  CareLedgerError,
  type GrantArguments,
  type Purpose,
  type RecordType,
  type Sensitivity,
} from '@careledger/protocol';

/** @see https://terminology.hl7.org */
export const CONSENT_SYSTEMS = {
  scope: 'http://terminology.hl7.org/CodeSystem/consentscope',
  action: 'http://terminology.hl7.org/CodeSystem/consentaction',
  participation: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType',
  purpose: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  confidentiality: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality',
  policy: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
  recordType: 'urn:careledger:record-type',
} as const;

/** LOINC: consent document. */
export const CONSENT_CATEGORY = '59284-0';
/** HL7 v3 ActCode: opt-in. */
export const CONSENT_POLICY = 'OPTIN';
/** HL7 v3 ParticipationType: information recipient. */
export const RECIPIENT_ROLE = 'IRCP';

export const IDENTIFIER_SYSTEMS = {
  pseudonym: 'urn:careledger:pseudonym',
  grant: 'urn:careledger:grant',
  record: 'urn:careledger:record',
  person: 'urn:careledger:person',
  role: 'urn:careledger:role',
  member: 'urn:careledger:member',
} as const;

/** What a grant says and R4 has no element for. They stand on the root provision. */
export const CONSENT_EXTENSIONS = {
  maxHops: 'urn:careledger:fhir:max-hops',
  department: 'urn:careledger:fhir:department',
  receiptDueWithin: 'urn:careledger:fhir:receipt-due-within',
} as const;

export const PURPOSE_CODES: Readonly<Record<Purpose, string>> = {
  treatment: 'TREAT',
  emergency: 'ETREAT',
  payment: 'HPAYMT',
  research: 'HRESCH',
  'public-health': 'PUBHLTH',
  'patient-request': 'PATRQT',
};

export const CONFIDENTIALITY_CODES: Readonly<Record<Sensitivity, string>> = {
  normal: 'N',
  restricted: 'R',
  'very-restricted': 'V',
};

/** What a patient signs as a grant once edges are made for it: one for each record type and sensitivity. */
export interface ConsentTerms extends Omit<GrantArguments, 'grantId' | 'edges'> {
  /** Of a Consent that names its grant. */
  readonly grantId?: string;
  readonly recordTypes: RecordType[];
  readonly sensitivities: Sensitivity[];
}

/** Why an element of a Consent has no counterpart in a grant. */
export type ConsentRefusal = 'element-not-supported' | 'code-not-supported' | 'missing' | 'form';

/**
 * A Consent that cannot be said as a grant, named by the element's FHIRPath: nothing of a Consent is dropped. Codes are
 * repeated, free text is not: it may be a patient's.
 */
export function notMappable(element: string, reason: ConsentRefusal, expected: string): CareLedgerError {
  return new CareLedgerError('CONSENT_NOT_MAPPABLE', {
    message: `${element} cannot be said as a grant (${reason}).`,
    expected,
    extensions: { element, reason },
  });
}
