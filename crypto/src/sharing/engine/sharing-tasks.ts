/** What a sharing worker computes. Inputs and results survive structured cloning. */
import { combinePartialKeys, identityKey, partialKey, type MasterSharing } from '../../ibe/extraction.js';
import type { Identity, IdentityPublicKey, RegisteredKey } from '../../ibe/identity.js';
import { makeIdentity, type IdentityFactor } from '../../ibe/registration.js';

/** One function for each task; each needs `initPairing` to have resolved in its thread. */
export const SHARING_TASKS = {
  /** With a random factor, so that the holders of the master key alone open nothing. */
  makeIdentity: (
    of: Identity & { readonly masterPublicKey: Uint8Array },
  ): IdentityFactor & { readonly registration: RegisteredKey } =>
    makeIdentity({ ...of, recoverable: false, custody: 'hospital' }),

  partialKey: ({ name, keyEpoch, scalar }: Identity & { readonly scalar: Uint8Array }): Uint8Array =>
    partialKey(scalar, { name, keyEpoch }),

  /** sk of the registered identity, when enough parts are right. */
  combine: (of: {
    readonly registration: IdentityPublicKey;
    readonly factor: Uint8Array;
    readonly sharing: MasterSharing;
    readonly partials: ReadonlyMap<string, Uint8Array>;
  }): { readonly key?: Uint8Array; readonly bad: readonly string[] } => {
    const { registration, factor, sharing, partials } = of;
    const { key, bad } = combinePartialKeys(sharing, registration, partials);
    return key === undefined ? { bad } : { key: identityKey(key, factor, registration), bad };
  },
} as const;

export type SharingTasks = typeof SHARING_TASKS;
export type SharingTaskKind = keyof SharingTasks;
export type SharingTaskInput<Kind extends SharingTaskKind> = Parameters<SharingTasks[Kind]>[0];
export type SharingTaskResult<Kind extends SharingTaskKind> = ReturnType<SharingTasks[Kind]>;

export interface SharingTask {
  readonly kind: SharingTaskKind;
  readonly input: unknown;
}

/** The input is of the kind's own type: `createSharingRunner` sends no other. */
export function performSharingTask({ kind, input }: SharingTask): unknown {
  return SHARING_TASKS[kind](input as never);
}
