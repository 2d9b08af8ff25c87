import { Type, type Static } from 'typebox';
import type { TagName } from '../record-types.js';
import { KeyEpoch, MspId, Pseudonym, TagEpoch, closed } from './common.js';
import type { EmergencyAccess } from './emergencies.js';
import type { PatientGrant } from './grants.js';
import type { PatientInstruction } from './instructions.js';
import { PatientSchema, type Patient } from './patients.js';

const TagStateSchema = closed({ epoch: TagEpoch, sharable: Type.Boolean() });
export type TagState = Readonly<Static<typeof TagStateSchema>>;

/** What edges and headers of a patient are made for: the part of the book that clients and gateways read. */
export type SharingState = Pick<GrantBook, 'pseudonym' | 'mspId' | 'status' | 'identityEpoch' | 'tags'>;
export const SharingStateSchema = closed({
  pseudonym: Pseudonym,
  mspId: MspId,
  status: PatientSchema.properties.status,
  identityEpoch: Type.Optional(KeyEpoch),
  tags: Type.Optional(
    Type.Record(Type.String(), TagStateSchema, {
      description: 'by record type and sensitivity, as laboratory/normal; any other is sharable at epoch 0',
    }),
  ),
});

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
  /** Tags that were closed, or whose epoch was raised; any other is open at epoch 0. */
  readonly tags?: Readonly<Partial<Record<TagName, TagState>>>;
  /** Epoch of the patient's identity key; absent: the patient has none, and grants have no edges. */
  readonly identityEpoch?: number;
  /** Access in emergencies, that which is over for less than a day included. */
  readonly emergencies?: readonly EmergencyAccess[];
  readonly membersEpoch: number;
}
