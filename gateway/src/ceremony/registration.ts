import { canonicalJson, type Ceremony } from '@careledger/protocol';
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
  const isOurs = ({ publicKey, sharing }: (typeof registered)[number]): boolean =>
    canonicalJson({ publicKey, sharing }) === own;
  const isSame = registered.length > 0 && registered.every(isOurs);
  if (isSame && ceremony.registration?.sharingDigest === sharingDigest) {
    await ledger.accept({ ceremonyId, attempt, sharingDigest });
    return;
  }
  const { publicKey, sharing } = key;
  const document = {
    ...sharing,
    holders: [...sharing.holders],
    verificationKeys: [...sharing.verificationKeys],
  };
  await ledger.register({ ceremonyId, attempt, publicKey, sharing: document });
}
