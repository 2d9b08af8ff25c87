import { modQ, randomScalar, type PairingEngine } from '../pairing/index.js';
import { encodeScalar } from '../pairing/scalar.js';
import type { MasterSharing } from './extraction.js';

export interface DealtMaster {
  readonly masterPublicKey: Uint8Array;
  readonly sharing: MasterSharing;
  /** s_i by holder, 32 bytes each. */
  readonly shares: ReadonlyMap<string, Uint8Array>;
}

/** A master key whose dealer knew it, for tests. */
export function dealMaster(engine: PairingEngine, holders = 4, threshold = 3): DealtMaster {
  const names = Array.from({ length: holders }, (_, index) => `Hospital${index + 1}MSP`);
  const coefficients = Array.from({ length: threshold }, () => randomScalar());
  const at = (point: number): bigint =>
    coefficients.reduceRight((value, coefficient) => modQ(value * BigInt(point) + coefficient), 0n);
  const commitments = coefficients.map((a) => engine.encodeG2(engine.g2Power(engine.g2, a)));
  return {
    masterPublicKey: commitments[0] ?? new Uint8Array(),
    sharing: { epoch: 0, threshold, holders: names, commitments },
    shares: new Map(names.map((name, index) => [name, encodeScalar(at(index + 1))])),
  };
}
