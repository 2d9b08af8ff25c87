/** What goes into and comes out of the ceremony of a Paillier key. Equations and guarantees: docs/crypto/threshold.md. */
import type { RandomBytes } from '../../core/random.js';
import type { CeremonyPurpose, LockstepParameters, LockstepStep } from '../../lockstep/types.js';
import type { ModPow } from '../../paillier/arithmetic.js';
import type { PaillierPublicKeyJson } from '../../paillier/types.js';
import type { SharingJson, ThresholdPublicKeyJson, ThresholdShareJson } from '../types.js';

/** What each participant passes to `beginCeremony`; all but `self` and `share` are the same for everyone. */
export interface CeremonyParameters extends LockstepParameters {
  readonly purpose: CeremonyPurpose;
  readonly keyBits: number;
  /** Who will hold a share, in the order of their points; 3 to 10. */
  readonly holders: readonly string[];
  /** Shares that will be needed to decrypt, more than half of the holders. */
  readonly threshold: number;
  /** `redistribute`: exactly as many present holders as are needed today; they deal. */
  readonly dealers?: readonly string[];
  /** `redistribute`: the key as it is held today. */
  readonly present?: ThresholdPublicKeyJson;
  /** `redistribute`, dealers only: the own share of today; secret. */
  readonly share?: ThresholdShareJson;
  readonly allowTestKeySize?: boolean;
}

export interface CeremonyTools {
  /** Asked once, by `beginCeremony`, for 32 bytes: every later draw derives from them and from what came. */
  readonly random?: RandomBytes;
  readonly modPow?: ModPow;
}

export interface CeremonyResult {
  readonly publicKey: PaillierPublicKeyJson;
  readonly sharing: SharingJson;
  /** SHA-256 of the canonical JSON of { publicKey, sharing }, lower-case hex: the same for every participant. */
  readonly sharingDigest: string;
  /** Secret; absent for a dealer that leaves. */
  readonly share?: ThresholdShareJson;
}

export type CeremonyStep = LockstepStep<CeremonyResult>;
