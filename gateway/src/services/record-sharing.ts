import { encodeContext, makeSharingHeader, type RecordContext, type SharedPayload } from '@careledger/crypto';
import {
  CareLedgerError,
  patientName,
  tagName,
  tagStateOf,
  type RecordSharing,
  type RecordType,
  type Sensitivity,
} from '@careledger/protocol';
import type { HeaderSealer } from '../ports/header-sealer.js';
import type { SharingCustody } from '../ports/sharing-custody.js';
import type { SharingLedger } from '../sharing/sharing-ledger.js';

/** What makes records of patients with an identity key open along edges. */
export interface RecordSharer {
  /**
   * A look at the ledger, once for all records of a patient in a batch. Undefined: the patient has no identity key, or
   * this hospital has not got the label key yet; then the record is for its owner alone until it is sealed anew.
   */
  forPatient(pseudonym: string): Promise<PatientSharer | undefined>;
}

export interface PatientSharer {
  makeHeader(record: SharedContent): Promise<MadeHeader>;
}

export interface SharedContent {
  readonly context: RecordContext;
  readonly type: RecordType;
  readonly sensitivity: Sensitivity;
  readonly payload: SharedPayload;
  readonly erasureKey: Uint8Array;
}

export interface MadeHeader {
  /** The sharing header, for the record store. */
  readonly object: Uint8Array;
  readonly sharing: Omit<RecordSharing, 'headerCid'>;
}

/** For a gateway without identity keys. */
export const NO_SHARING: RecordSharer = { forPatient: () => Promise.resolve(undefined) };

export function createRecordSharer(modules: {
  readonly ledger: Pick<SharingLedger, 'masterKey' | 'identity' | 'sharing'>;
  readonly custody: Pick<SharingCustody, 'labels'>;
  readonly sealer: HeaderSealer;
}): RecordSharer {
  const { ledger, custody, sealer } = modules;
  return {
    async forPatient(pseudonym) {
      const state = await orUndefined('PATIENT_NOT_FOUND', ledger.sharing(pseudonym));
      const keyEpoch = state?.identityEpoch;
      if (state === undefined || keyEpoch === undefined) return undefined;
      const [inForce, owner, labels] = await Promise.all([
        ledger.masterKey(),
        ledger.identity(patientName(pseudonym), keyEpoch),
        // Any pair of labels: whether the key is here is all that is asked.
        orUndefined(
          'KEY_NOT_FOUND',
          custody.labels({ pseudonym, recordType: 'other', sensitivity: 'normal' }),
        ),
      ]);
      if (inForce === undefined || owner === undefined || labels === undefined) return undefined;
      return {
        async makeHeader({ context, type, sensitivity, payload, erasureKey }) {
          const tagEpoch = tagStateOf(state, tagName(type, sensitivity)).epoch;
          const { pre, handle, wrapKey } = await sealer.seal({
            masterKey: inForce.masterKey,
            owner,
            labels: await custody.labels({ pseudonym, recordType: type, sensitivity }),
            tagEpoch,
            aad: encodeContext(context),
          });
          try {
            const object = makeSharingHeader({ pre, handle, wrapKey, erasureKey, payload });
            return { object, sharing: { handle, sensitivity, tagEpoch, keyEpoch } };
          } finally {
            wrapKey.fill(0);
          }
        },
      };
    },
  };
}

async function orUndefined<Result>(
  code: CareLedgerError['code'],
  reading: Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof CareLedgerError && error.code === code) return undefined;
    throw error;
  }
}
