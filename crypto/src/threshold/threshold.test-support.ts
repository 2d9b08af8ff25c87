import { nativeModPow as modPow } from '../paillier/engine/native-mod-pow.js';
import { dealThresholdKey, type DealtThresholdKey } from './engine/dealer.js';
import { provePartialDecryption } from './partial-decryption.js';
import type { OpeningContext, ProvenPartial, Sharing, ThresholdShare } from './types.js';

export const HOSPITALS = ['H1MSP', 'H2MSP', 'H3MSP', 'H4MSP', 'H5MSP'] as const;
export const CONTEXT: OpeningContext = { queryId: 'query-1', step: 'aggregate', index: 0 };

const keys = new Map<number, DealtThresholdKey>();

/** One key of 256 bits per number of holders. */
export function dealtKey(holderCount: number): DealtThresholdKey {
  const key =
    keys.get(holderCount) ??
    dealThresholdKey({
      keyBits: 256,
      holders: HOSPITALS.slice(0, holderCount),
      allowTestKeySize: true,
      modPow,
    });
  keys.set(holderCount, key);
  return key;
}

export interface Held extends Pick<DealtThresholdKey, 'publicKey'> {
  readonly sharing: Sharing;
  readonly shares: readonly ThresholdShare[];
}

/** The partial of every holder. */
export function partialsOf(held: Held, ciphertext: bigint, context = CONTEXT): ProvenPartial[] {
  const { publicKey, sharing, shares } = held;
  return shares.map((share) =>
    provePartialDecryption({ publicKey, sharing, share, ciphertext, context, modPow }),
  );
}

/** Every choice of `size` of `items`. */
export function choices<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, index) =>
    choices(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]),
  );
}
