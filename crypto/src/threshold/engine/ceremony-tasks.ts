/** Messages between the ceremony runner and its worker; all fields survive structured cloning. */
import type { CeremonyIncoming } from '../../lockstep/types.js';
import type { CeremonyParameters } from '../ceremony/types.js';

export type CeremonyTask =
  | { readonly kind: 'begin'; readonly parameters: CeremonyParameters }
  | { readonly kind: 'step'; readonly state: Uint8Array; readonly incoming: readonly CeremonyIncoming[] };
