/**
 * Types into which a document is split and over which a patient grants. A new record type is a line here and a
 * rule in `gateway/src/fhir/classify.ts`.
 */
export const RECORD_TYPES = [
  'demographics',
  'encounter',
  'condition',
  'medication',
  'allergy',
  'immunization',
  'procedure',
  'laboratory',
  'vital-signs',
  'imaging',
  'social-history',
  'care-plan',
  'device',
  'document',
  'other',
] as const;
export type RecordType = (typeof RECORD_TYPES)[number];

/** How sensitive a record is: HL7 v3 Confidentiality N, R and V. With the type it makes the tag of a record's key. */
export const SENSITIVITIES = ['normal', 'restricted', 'very-restricted'] as const;
export type Sensitivity = (typeof SENSITIVITIES)[number];

/** `laboratory/normal`: what one edge of a grant opens, and what has an epoch of its own. */
export type TagName = `${RecordType}/${Sensitivity}`;
export const tagName = (type: RecordType, sensitivity: Sensitivity): TagName => `${type}/${sensitivity}`;
