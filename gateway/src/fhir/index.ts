export * from './classify.js';
export * from './conditions.js';
export * from './demographics.js';
export { type FhirCoding, type FhirResource } from './fhir-shapes.js';
export * from './observations.js';
export * from './resource-types.js';
export * from './split.js';
