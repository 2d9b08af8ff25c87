import type {
  CeremonyIncoming,
  CeremonyParameters,
  CeremonyStep,
  IdentityCeremonyParameters,
  IdentityCeremonyStep,
} from '@careledger/crypto';

/**
 * One party of a ceremony, as a state machine in lockstep: a step takes the messages of every other participant of the
 * round and gives the next ones. A step whose messages left the house is never taken again with others; that is the
 * caller's business. Adapters: worker threads of `@careledger/crypto`.
 */
interface Machine<Parameters, Step> {
  /** `signal` gives the step up: CRYPTO_CANCELLED. */
  begin(parameters: Parameters, options?: { readonly signal?: AbortSignal }): Promise<Step>;
  step(
    state: Uint8Array,
    incoming: readonly CeremonyIncoming[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<Step>;
}

/** Of a Paillier key. */
export type CeremonyMachine = Machine<CeremonyParameters, CeremonyStep>;
/** Of the identity master key. */
export type IdentityCeremonyMachine = Machine<IdentityCeremonyParameters, IdentityCeremonyStep>;

/** By scheme; neither waits for the other. */
export interface CeremonyMachines {
  readonly paillier: CeremonyMachine;
  readonly identity: IdentityCeremonyMachine;
}
