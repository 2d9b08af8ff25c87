import {
  canonicalJson,
  type Ceremony,
  type KeyRegistration,
  type MasterKeyRegistration,
} from '@careledger/protocol';
import type { CeremonyOutcome } from '../ports/ceremony-custody.js';
import type { CeremonyLedger } from './ceremony-ledger.js';

/**
 * Says on the ledger what the ceremony came to here. What another holder registered is accepted only when the whole
 * document is this hospital's own; otherwise its own is registered too, which ends the attempt with both in sight.
 */
export async function registerOrAccept(
  ledger: CeremonyLedger,
  ceremony: Ceremony,
  { key, sharingDigest }: CeremonyOutcome,
): Promise<void> {
  const { ceremonyId, attempt } = ceremony;
  const own = canonicalJson(key);
  const registered = ceremony.registration === undefined ? [] : await ledger.registrations(ceremony);
  const isOurs = (registration: (typeof registered)[number]): boolean =>
    canonicalJson(documentOf(registration)) === own;
  const isSame = registered.length > 0 && registered.every(isOurs);
  if (isSame && ceremony.registration?.sharingDigest === sharingDigest) {
    await ledger.accept({ ceremonyId, attempt, sharingDigest });
    return;
  }
  await ledger.register({ ceremonyId, attempt, ...key });
}

function documentOf(registration: KeyRegistration | MasterKeyRegistration): CeremonyOutcome['key'] {
  const { sharing } = registration;
  if ('publicKey' in registration)
    return { publicKey: registration.publicKey, sharing } as CeremonyOutcome['key'];
  return { masterKey: registration.masterKey, sharing } as CeremonyOutcome['key'];
}
