import type { RecordType } from '@careledger/protocol';
import { LOINC, SNOMED, codingsOf, type FhirResource } from './fhir-shapes.js';

/**
 * Which record type a resource belongs to, and so which grants cover it. The first rule that matches decides; where
 * a resource carries several categories the more sensitive stands first. What no rule names is `other`, which a
 * grant of a named type never covers. A new record type is a line in `protocol/src/record-types.ts` and a rule here.
 */
interface Rule {
  readonly resourceTypes: readonly string[];
  /** Needs one of these in `category`. Absent: any. */
  readonly category?: CodeSet;
  /** Needs one of these in `code`. Absent: any. */
  readonly code?: CodeSet;
  readonly type: RecordType;
}

interface CodeSet {
  /** Absent: in whatever system, for categories that senders put into their own copy of HL7's list. */
  readonly system?: string;
  readonly codes: readonly string[];
}

const OBSERVATION_CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
/** HL7 v2 table 0074, diagnostic service sections. */
const DIAGNOSTIC_SECTION = 'http://terminology.hl7.org/CodeSystem/v2-0074';

const observationOf = (category: string, type: RecordType): Rule => ({
  resourceTypes: ['Observation'],
  category: { system: OBSERVATION_CATEGORY, codes: [category] },
  type,
});

const SOCIAL_FINDINGS_SNOMED = [
  '160903007', // full-time employment
  '160904001', // part-time employment
  '73595000', // stress
  '422650009', // social isolation
  '423315002', // limited social contact
  '224299000', // received higher education
  '224295006', // only received primary school education
  '741062008', // not in labour force
  '105531004', // housing unsatisfactory
  '32911000', // homeless
  '266934004', // transport problem
  '706893006', // victim of intimate partner abuse
  '424393004', // reports of violence in the environment
  '361055000', // misuses drugs
  '10939881000119105', // unhealthy alcohol drinking behaviour
];

const SOCIAL_HISTORY_LOINC = ['72166-2', '74013-4', '11331-6', '11367-0', '63512-8', '76690-7', '67875-5'];

const VITAL_SIGNS_LOINC = [
  '85353-1', // panel
  '9279-1', // respiratory rate
  '8867-4', // heart rate
  '2708-6', // oxygen saturation
  '59408-5', // oxygen saturation by pulse oximetry
  '8310-5', // body temperature
  '8302-2', // height
  '8287-5', // head circumference
  '29463-7', // weight
  '39156-5', // body mass index
  '59576-9', // body mass index percentile
  '85354-9', // blood pressure panel
  '8480-6', // systolic
  '8462-4', // diastolic
  '72514-3', // pain severity
];

const DIAGNOSTIC_IMAGING = [
  'RAD',
  'RX',
  'CT',
  'NMR',
  'US',
  'VUS',
  'OUS',
  'CUS',
  'NMS',
  'XRC',
  'EC',
  'IMG',
  'MRI',
];
const DIAGNOSTIC_LABORATORY = [
  'LAB',
  'CH',
  'HM',
  'MB',
  'SP',
  'PAT',
  'CP',
  'IMM',
  'MCB',
  'VR',
  'GE',
  'BG',
  'TX',
  'SR',
  'BLB',
  'CG',
  'CY',
];

const RULES: readonly Rule[] = [
  { resourceTypes: ['Patient', 'RelatedPerson', 'Person'], type: 'demographics' },
  { resourceTypes: ['Encounter', 'EpisodeOfCare', 'Appointment', 'AppointmentResponse'], type: 'encounter' },

  { resourceTypes: ['Condition'], category: { codes: ['sdoh'] }, type: 'social-history' },
  {
    resourceTypes: ['Condition'],
    code: { system: SNOMED, codes: SOCIAL_FINDINGS_SNOMED },
    type: 'social-history',
  },
  { resourceTypes: ['Condition', 'ClinicalImpression'], type: 'condition' },

  observationOf('social-history', 'social-history'),
  {
    resourceTypes: ['Observation'],
    code: { system: LOINC, codes: SOCIAL_HISTORY_LOINC },
    type: 'social-history',
  },
  observationOf('laboratory', 'laboratory'),
  observationOf('imaging', 'imaging'),
  observationOf('procedure', 'procedure'),
  observationOf('therapy', 'procedure'),
  observationOf('vital-signs', 'vital-signs'),
  { resourceTypes: ['Observation'], code: { system: LOINC, codes: VITAL_SIGNS_LOINC }, type: 'vital-signs' },

  {
    resourceTypes: ['DiagnosticReport'],
    category: { system: DIAGNOSTIC_SECTION, codes: DIAGNOSTIC_LABORATORY },
    type: 'laboratory',
  },
  {
    resourceTypes: ['DiagnosticReport'],
    category: { system: LOINC, codes: ['LP7839-6', 'LP29693-6'] },
    type: 'laboratory',
  },
  {
    resourceTypes: ['DiagnosticReport'],
    category: { system: DIAGNOSTIC_SECTION, codes: DIAGNOSTIC_IMAGING },
    type: 'imaging',
  },
  {
    resourceTypes: ['DiagnosticReport'],
    category: { system: LOINC, codes: ['LP29684-5', 'LP29708-2'] },
    type: 'imaging',
  },
  { resourceTypes: ['DiagnosticReport'], type: 'document' },

  {
    resourceTypes: [
      'Medication',
      'MedicationRequest',
      'MedicationAdministration',
      'MedicationDispense',
      'MedicationStatement',
    ],
    type: 'medication',
  },
  { resourceTypes: ['AllergyIntolerance'], type: 'allergy' },
  {
    resourceTypes: ['Immunization', 'ImmunizationEvaluation', 'ImmunizationRecommendation'],
    type: 'immunization',
  },
  { resourceTypes: ['Procedure'], type: 'procedure' },
  { resourceTypes: ['Specimen', 'MolecularSequence'], type: 'laboratory' },
  { resourceTypes: ['ImagingStudy', 'Media'], type: 'imaging' },
  {
    resourceTypes: ['CarePlan', 'CareTeam', 'Goal', 'ServiceRequest', 'RequestGroup', 'NutritionOrder'],
    type: 'care-plan',
  },
  { resourceTypes: ['Device', 'DeviceRequest', 'DeviceUseStatement', 'DeviceMetric'], type: 'device' },
  {
    resourceTypes: [
      'DocumentReference',
      'DocumentManifest',
      'Composition',
      'QuestionnaireResponse',
      'Binary',
    ],
    type: 'document',
  },
];

/** The record type of one resource; `other` when no rule names it. Never throws. */
export function classifyResource(resource: FhirResource): RecordType {
  return RULES.find((rule) => applies(rule, resource))?.type ?? 'other';
}

function applies(rule: Rule, resource: FhirResource): boolean {
  return (
    rule.resourceTypes.includes(resource.resourceType) &&
    holds(rule.category, resource['category']) &&
    holds(rule.code, resource['code'])
  );
}

function holds(wanted: CodeSet | undefined, concepts: unknown): boolean {
  if (wanted === undefined) return true;
  return codingsOf(concepts).some(
    ({ system, code }) =>
      (wanted.system === undefined || wanted.system === system) && wanted.codes.includes(code),
  );
}
