import type { PatientGrant } from './grants.js';
import type { PatientInstruction } from './instructions.js';
import type { Patient } from './patients.js';

/**
 * Everything that a decision about a patient's records needs of the patient, in one document: a point read that
 * cannot meet a phantom, and one key that the owner hospital must endorse before anything in it changes.
 */
export interface GrantBook {
  readonly pseudonym: string;
  /** MSP id of the hospital at which the pseudonym is enrolled. */
  readonly mspId: string;
  /** Copy of the patient's status: an opening reads the book alone. */
  readonly status: Patient['status'];
  /** Live grants only. Ended ones have their own keys. */
  readonly grants: PatientGrant[];
  /** Active instructions only. Retired ones have their own keys. */
  readonly instructions: PatientInstruction[];
  readonly membersEpoch: number;
}
