/** What makes a ceremony's parameters well-formed, and their digest, which everyone has to agree on. */
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes, base64UrlToBytes, utf8 } from '../../core/bytes.js';
import { assertContextText } from '../../core/context.js';
import { encodeParts } from '../../core/encode.js';
import { invalidInput, shapeOf } from '../../core/errors.js';
import { assertKeyBits } from '../../paillier/public-key.js';
import { assertKeyHolders, thresholdShareFromJson } from '../codec.js';
import { assertThreshold } from '../integer-sharing.js';
import { assertRedistribution } from '../redistribution.js';
import { redistributionOf } from './closing.js';
import type { CeremonyParameters } from './types.js';

/** Holders first, then dealers that will hold nothing: the order in which everyone reads messages and echoes. */
export function orderedParticipants({ holders, dealers = [] }: CeremonyParameters): string[] {
  return [...holders, ...dealers.filter((dealer) => !holders.includes(dealer))];
}

function assertParticipants(parameters: CeremonyParameters): void {
  const { participants, self, signingKeys } = parameters;
  const expected = orderedParticipants(parameters);
  const came: unknown = participants;
  if (
    !Array.isArray(came) ||
    JSON.stringify([...participants].sort()) !== JSON.stringify([...expected].sort())
  )
    throw invalidInput('participants', 'the holders, and the dealers among them or not', shapeOf(came));
  if (!expected.includes(self)) throw invalidInput('self', 'one of the participants', 'another name');
  if (signingKeys === undefined) return;
  for (const name of expected)
    assertBytes(`signingKeys.${name}`, base64UrlToBytes(signingKeys[name] ?? ''), 32);
}

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
  const { ceremonyId, attempt, purpose, keyBits, holders, threshold } = parameters;
  assertContextText('ceremonyId', ceremonyId);
  if (!Number.isSafeInteger(attempt) || attempt < 1)
    throw invalidInput('attempt', 'an integer from 1', shapeOf(attempt));
  assertKeyBits(keyBits, { allowTestKeySize: parameters.allowTestKeySize === true });
  assertKeyHolders(holders);
  assertThreshold(threshold, holders.length);
  if (2 * threshold <= holders.length)
    throw invalidInput('threshold', 'more than half of the holders', String(threshold));
  switch (purpose) {
    case 'generate':
      assertGeneration(parameters);
      break;
    case 'redistribute':
      assertMove(parameters);
      break;
    default:
      throw invalidInput('purpose', 'generate or redistribute', shapeOf(purpose));
  }
  assertParticipants(parameters);
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
