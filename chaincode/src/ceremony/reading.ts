import {
  CareLedgerError,
  KEYS,
  type Ceremony,
  type CeremonyPost,
  type KeyRegistration,
  type MasterKeyRegistration,
} from '@careledger/protocol';
import { numberText } from '../aggregate/reading.js';
import type { Call } from '../shell/call.js';

/** @throws CareLedgerError CEREMONY_NOT_FOUND */
export async function readCeremony(call: Call, ceremonyId: string): Promise<Ceremony> {
  const ceremony = await call.state.read(KEYS.ceremony, [ceremonyId]);
  if (ceremony === undefined) throw new CareLedgerError('CEREMONY_NOT_FOUND', { came: ceremonyId });
  return ceremony;
}

export function postAddress(
  { ceremonyId, attempt, round }: Pick<CeremonyPost, 'ceremonyId' | 'attempt' | 'round'>,
  mspId: string,
): readonly string[] {
  return [ceremonyId, numberText(attempt), numberText(round), mspId];
}

export function registrationAddress(
  { ceremonyId, attempt }: Pick<Ceremony, 'ceremonyId' | 'attempt'>,
  mspId: string,
): readonly string[] {
  return [ceremonyId, numberText(attempt), mspId];
}

/** In the order of the participants. */
export async function readPosts(
  call: Call,
  { participants }: Ceremony,
  at: Pick<CeremonyPost, 'ceremonyId' | 'attempt' | 'round'>,
): Promise<CeremonyPost[]> {
  const posts: CeremonyPost[] = [];
  for (const mspId of participants) {
    const post = await call.state.read(KEYS.ceremonyPost, postAddress(at, mspId));
    if (post !== undefined) posts.push(post);
  }
  return posts;
}

/** In the order of the holders: one document, and where two holders differ, theirs too. */
export async function readRegistrations(
  call: Call,
  { ceremonyId, scheme, holders }: Ceremony,
  attempt: number,
): Promise<Array<KeyRegistration | MasterKeyRegistration>> {
  const prefix = scheme === 'paillier' ? KEYS.keyRegistration : KEYS.masterKeyRegistration;
  const registrations: Array<KeyRegistration | MasterKeyRegistration> = [];
  for (const mspId of holders) {
    const address = registrationAddress({ ceremonyId, attempt }, mspId);
    const registration = await call.state.read(prefix, address);
    if (registration !== undefined) registrations.push(registration);
  }
  return registrations;
}
