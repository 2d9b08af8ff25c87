/** What makes the parameters of an identity ceremony well-formed, and their digest, which everyone has to agree on. */
import { sha256 } from '@noble/hashes/sha2.js';
import { encodeList, encodeParts } from '../core/encode.js';
import { invalidInput } from '../core/errors.js';
import { assertParties } from '../lockstep/parties.js';
import { noblePairing, type PairingEngine } from '../pairing/index.js';
import { assertIdentityShare, checkedIdentitySharing, sharingBytesDigest } from './sharing.js';
import type { IdentityCeremonyParameters, IdentityCeremonyTools } from './types.js';

function assertGeneration({ present, dealers, share }: IdentityCeremonyParameters): void {
  if (present !== undefined || dealers !== undefined || share !== undefined)
    throw invalidInput('parameters', 'no present key, dealers or share to generate a key', 'some');
}

function assertDealers(dealers: readonly string[], present: readonly string[], threshold: number): void {
  const isFit = dealers.every((dealer) => present.includes(dealer));
  if (!isFit || new Set(dealers).size !== dealers.length || dealers.length !== threshold)
    throw invalidInput('dealers', `${threshold} of the present holders`, `${dealers.length} names`);
}

function assertMove(parameters: IdentityCeremonyParameters, engine: PairingEngine): void {
  const { dealers = [], self, share, present } = parameters;
  if (present === undefined) throw invalidInput('present', 'the key that is shared anew', 'none');
  const sharing = checkedIdentitySharing(engine, present.masterKey, present.sharing);
  assertDealers(dealers, sharing.holders, sharing.threshold);
  if (dealers.includes(self) !== (share !== undefined)) {
    const came = share === undefined ? 'none' : 'one';
    throw invalidInput('share', 'the share of a dealer, and none of others', came);
  }
  if (share === undefined) return;
  assertIdentityShare(engine, sharing, share);
  if (share.holder !== self) throw invalidInput('share.holder', 'the own name', 'another');
}

/** @throws CRYPTO_INVALID_INPUT naming what does not fit */
export function assertIdentityParameters(
  parameters: IdentityCeremonyParameters,
  { engine = noblePairing }: IdentityCeremonyTools,
): void {
  assertParties(parameters);
  if (parameters.purpose === 'generate') assertGeneration(parameters);
  else assertMove(parameters, engine);
}

/** Of what has to be the same for everyone. */
export function identityParametersDigest(parameters: IdentityCeremonyParameters): Uint8Array {
  const { ceremonyId, attempt, purpose, holders, threshold, dealers = [], present } = parameters;
  const label = 'careledger/dkg-parameters/v1';
  return sha256(
    encodeParts(
      label,
      ceremonyId,
      BigInt(attempt),
      purpose,
      BigInt(threshold),
      encodeList(label, holders),
      encodeList(label, dealers),
      present === undefined ? '' : sharingBytesDigest(present.masterKey, present.sharing),
    ),
  );
}

/** Who deals: everyone who will hold a share, or those whose shares are dealt anew. */
export function dealersOf({ dealers, holders }: IdentityCeremonyParameters): readonly string[] {
  return dealers ?? holders;
}
