/** What the rounds of an identity ceremony share. */
import type { CborMap } from '../core/cbor.js';
import { CryptoError } from '../core/errors.js';
import type { LockstepContext } from '../lockstep/machine.js';
import type { LockstepRound } from '../lockstep/round.js';
import { SCALAR_BYTES, decodeScalar, type G2, type PairingEngine } from '../pairing/index.js';
import { isCommitted } from './feldman.js';
import { dealersOf } from './parameters.js';
import type { CheckedSharing } from './sharing.js';
import type { IdentityCeremonyParameters, IdentityCeremonyResult } from './types.js';

export const IDENTITY_ROUND_NAMES = ['commit', 'deal', 'complain', 'justify', 'agree'] as const;
export type IdentityRoundName = (typeof IDENTITY_ROUND_NAMES)[number];

export interface IdentityRoundContext extends LockstepContext<IdentityCeremonyParameters> {
  readonly engine: PairingEngine;
  /** `redistribute`: how the key is shared today. */
  readonly present: CheckedSharing | undefined;
}
export type Round = LockstepRound<IdentityRoundContext, IdentityRoundName, IdentityCeremonyResult>;

export const NOTHING = new Uint8Array(0);
export const DIGEST_BYTES = 32;
export const NO_DIRECT = (): CborMap => ({});

export interface Own {
  readonly self: string;
  readonly isDealer: boolean;
  /** From 1; 0 for a dealer that will hold nothing. */
  readonly point: number;
}

export function ownOf({ parameters }: IdentityRoundContext): Own {
  const { self, holders } = parameters;
  return { self, isDealer: dealersOf(parameters).includes(self), point: holders.indexOf(self) + 1 };
}

export function scalarsOf(bytes: Uint8Array): bigint[] {
  return Array.from({ length: bytes.length / SCALAR_BYTES }, (_, k) =>
    decodeScalar('scalar', bytes.subarray(k * SCALAR_BYTES, (k + 1) * SCALAR_BYTES)),
  );
}

/** Of as many equal parts as there are dealers, the one of this dealer. */
export function partOf(
  parameters: IdentityCeremonyParameters,
  bytes: Uint8Array,
  dealer: string,
): Uint8Array {
  const dealers = dealersOf(parameters);
  const sizeBytes = bytes.length / dealers.length;
  const at = dealers.indexOf(dealer) * sizeBytes;
  return bytes.subarray(at, at + sizeBytes);
}

/** A share that is right. */
export function rightShare(
  engine: PairingEngine,
  points: readonly G2[],
  point: number,
  bytes: Uint8Array,
): bigint | undefined {
  try {
    const share = decodeScalar('share', bytes);
    return isCommitted(engine, { commitments: points, point, share }) ? share : undefined;
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}
