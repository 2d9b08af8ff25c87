/** Who takes part in a ceremony, and which of its parameters are the same kind of thing for every key. */
import { assertBytes, base64UrlToBytes } from '../core/bytes.js';
import { assertContextText } from '../core/context.js';
import { invalidInput, shapeOf } from '../core/errors.js';
import { assertKeyHolders } from '../threshold/codec.js';
import { assertThreshold } from '../threshold/integer-sharing.js';
import type { CeremonyPurpose, LockstepParameters } from './types.js';

export interface PartiesParameters extends LockstepParameters {
  readonly purpose: CeremonyPurpose;
  readonly holders: readonly string[];
  readonly threshold: number;
  readonly dealers?: readonly string[];
}

/** Holders first, then dealers that will hold nothing: the order in which everyone reads messages and echoes. */
export function orderedParticipants({
  holders,
  dealers = [],
}: Pick<PartiesParameters, 'holders' | 'dealers'>): string[] {
  return [...holders, ...dealers.filter((dealer) => !holders.includes(dealer))];
}

function assertParticipants(parameters: PartiesParameters): void {
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

/** @throws CRYPTO_INVALID_INPUT naming what does not fit */
export function assertParties(parameters: PartiesParameters): void {
  const { ceremonyId, attempt, purpose, holders, threshold } = parameters;
  assertContextText('ceremonyId', ceremonyId);
  if (!Number.isSafeInteger(attempt) || attempt < 1)
    throw invalidInput('attempt', 'an integer from 1', shapeOf(attempt));
  const purposes: readonly unknown[] = ['generate', 'redistribute'];
  if (!purposes.includes(purpose))
    throw invalidInput('purpose', 'generate or redistribute', shapeOf(purpose));
  assertKeyHolders(holders);
  assertThreshold(threshold, holders.length);
  if (2 * threshold <= holders.length)
    throw invalidInput('threshold', 'more than half of the holders', String(threshold));
  assertParticipants(parameters);
}
