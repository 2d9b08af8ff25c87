import type { PatientGrant } from './grants.js';
import type { PatientInstruction } from './instructions.js';

/**
 * Everything that a decision about a patient's records needs of the patient, in one document: a point read that
 * cannot meet a phantom, and one key that the owner hospital must endorse before anything in it changes.
 */
export interface GrantBook {
  readonly pseudonym: string;
  /** MSP id of the hospital at which the pseudonym is enrolled. */
  readonly mspId: string;
  readonly grants: PatientGrant[];
  readonly instructions: PatientInstruction[];
}
