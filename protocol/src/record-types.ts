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
