import type { CeremonyIncoming, CeremonyParameters, CeremonyStep } from '@careledger/crypto';

/**
 * One party of a ceremony, as a state machine in lockstep: a step takes the messages of every other participant of the
 * round and gives the next ones. A step whose messages left the house is never taken again with others; that is the
 * caller's business. Adapter: a worker thread of `@careledger/crypto`.
 */
export interface CeremonyMachine {
  /** `signal` gives the step up: CRYPTO_CANCELLED. */
  begin(parameters: CeremonyParameters, options?: { readonly signal?: AbortSignal }): Promise<CeremonyStep>;
  step(
    state: Uint8Array,
    incoming: readonly CeremonyIncoming[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<CeremonyStep>;
}
