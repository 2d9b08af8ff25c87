/** What makes a ceremony's parameters well-formed, and their digest, which everyone has to agree on. */
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8 } from '../../core/bytes.js';
import { encodeParts } from '../../core/encode.js';
import { invalidInput } from '../../core/errors.js';
import { assertParties } from '../../lockstep/parties.js';
import { assertKeyBits } from '../../paillier/public-key.js';
import { thresholdShareFromJson } from '../codec.js';
import { assertRedistribution } from '../redistribution.js';
import { redistributionOf } from './closing.js';
import type { CeremonyParameters } from './types.js';

function assertGeneration({ present, dealers, share }: CeremonyParameters): void {
  if (present !== undefined || dealers !== undefined || share !== undefined)
    throw invalidInput('parameters', 'no present key, dealers or share to generate a key', 'some');
}

function assertMove(parameters: CeremonyParameters): void {
  const { dealers = [], self, share, keyBits } = parameters;
  const plan = redistributionOf(parameters);
  if (plan === undefined) throw invalidInput('present', 'the key that is shared anew', 'none');
  assertRedistribution(plan);
  if (plan.publicKey.keyBits !== keyBits)
    throw invalidInput('keyBits', String(plan.publicKey.keyBits), String(keyBits));
  if (dealers.includes(self) !== (share !== undefined))
    throw invalidInput(
      'share',
      'the share of a dealer, and none of others',
      share === undefined ? 'none' : 'one',
    );
  if (share !== undefined && thresholdShareFromJson(share).holder !== self)
    throw invalidInput('share.holder', 'the own name', 'another');
}

/** @throws CRYPTO_INVALID_INPUT naming what does not fit */
export function assertParameters(parameters: CeremonyParameters): void {
  assertParties(parameters);
  assertKeyBits(parameters.keyBits, { allowTestKeySize: parameters.allowTestKeySize === true });
  if (parameters.purpose === 'generate') assertGeneration(parameters);
  else assertMove(parameters);
}

/** Of what has to be the same for everyone. */
export function parametersDigest(parameters: CeremonyParameters): Uint8Array {
  const { ceremonyId, attempt, purpose, keyBits, holders, threshold, dealers = [], present } = parameters;
  return sha256(
    encodeParts(
      'careledger/ceremony-parameters/v1',
      ceremonyId,
      BigInt(attempt),
      purpose,
      BigInt(keyBits),
      BigInt(threshold),
      utf8('holders', JSON.stringify(holders)),
      utf8('dealers', JSON.stringify(dealers)),
      present?.publicKey.keyId ?? '',
      BigInt(present?.sharing.epoch ?? 0),
    ),
  );
}
