/**
 * TEST FIXTURE: an identity master key whose secret this process sees. Hospitals make theirs by a ceremony; this is for
 * tests and benchmarks, and `@careledger/crypto/testing` is its only way out.
 */
import { bytesToBase64Url } from '../../core/bytes.js';
import { randomBytes } from '../../core/random.js';
import { encodeScalar, noblePairing, randomScalar, type PairingEngine } from '../../pairing/index.js';
import { commit, evaluate, randomPolynomial } from '../feldman.js';
import { masterKeyOf, sharingBytesDigest } from '../sharing.js';
import type { IdentityShare, SharedMasterKey } from '../types.js';

export interface DealtMasterKey extends SharedMasterKey {
  /** In the order of the holders. */
  readonly shares: readonly IdentityShare[];
  readonly sharingDigest: string;
  /** s. */
  readonly secret: bigint;
}

/**
 * @param options.holders 3 to 10, of whom a majority is needed
 * @param options.of another sharing of this key: the secret stays, the epoch is one more
 */
export function dealMasterKey(options: {
  readonly holders: readonly string[];
  readonly of?: DealtMasterKey;
  readonly engine?: PairingEngine;
}): DealtMasterKey {
  const { holders, of, engine = noblePairing } = options;
  const threshold = Math.floor(holders.length / 2) + 1;
  const secret = of?.secret ?? randomScalar();
  const polynomial = randomPolynomial(secret, threshold, randomBytes);
  const commitments = commit(engine, polynomial).map((point) => engine.encodeG2(point));
  const masterKey = masterKeyOf(commitments[0] ?? new Uint8Array(0));
  const epoch = of === undefined ? 0 : of.sharing.epoch + 1;
  const sharing = { epoch, threshold, holders: [...holders], commitments: commitments.map(bytesToBase64Url) };
  const { keyId } = masterKey;
  const shares = holders.map((holder, index) => {
    const scalar = bytesToBase64Url(encodeScalar(evaluate(polynomial, index + 1)));
    return { keyId, epoch, holder, point: index + 1, scalar };
  });
  return { masterKey, sharing, shares, sharingDigest: sharingBytesDigest(masterKey, sharing), secret };
}
