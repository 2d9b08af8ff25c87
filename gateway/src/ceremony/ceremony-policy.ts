/**
 * What a hospital checks before it takes part in a ceremony that somebody started: a share of its patients' key goes to
 * everyone it means to share with, and to nobody else. Pure.
 */
import { MAX_KEY_HOLDERS, type Ceremony } from '@careledger/protocol';
import { keyIdOf, type KeyInForce } from '../ports/ceremony-custody.js';

export interface JoiningFacts {
  readonly ceremony: Ceremony;
  /** The key in force, if there is one. */
  readonly key: KeyInForce | undefined;
  readonly activeMembers: readonly string[];
  /** Of the Paillier keys that this hospital is configured for. */
  readonly keyBits: number;
}

/** The reason not to take part, in words, or undefined. */
export function whyNotJoin({ ceremony, key, activeMembers, keyBits }: JoiningFacts): string | undefined {
  const { purpose, holders } = ceremony;
  const strangers = holders.filter((holder) => !activeMembers.includes(holder));
  if (strangers.length > 0) return `it gives a share to ${strangers.join(', ')}, no active member`;
  if (holders.length < Math.min(activeMembers.length, MAX_KEY_HOLDERS)) {
    const left = activeMembers.filter((member) => !holders.includes(member));
    return `it gives no share to ${left.join(', ')}`;
  }
  if (purpose === 'redistribute') return whyNotShareAnew(ceremony, key);
  if (key !== undefined) return 'there is a key already';
  return ceremony.scheme === 'identity' || ceremony.keyBits === keyBits
    ? undefined
    : `it makes a key of ${String(ceremony.keyBits)} bits, and this hospital is configured for ${String(keyBits)}`;
}

function whyNotShareAnew(
  { dealers = [], keyId, epoch }: Ceremony,
  key: KeyInForce | undefined,
): string | undefined {
  if (key === undefined || keyIdOf(key) !== keyId) return 'it shares another key than the one in force';
  const { sharing } = key;
  if (epoch !== sharing.epoch + 1) return 'it does not follow on the sharing in force';
  return dealers.length === sharing.threshold
    ? undefined
    : `it has ${String(dealers.length)} dealers, and ${String(sharing.threshold)} are needed`;
}
