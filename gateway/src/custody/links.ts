import { traceIdentity } from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';
import type { LinkedPseudonyms, SharingCustody } from '../ports/sharing-custody.js';
import type { SharingMachine } from '../ports/sharing-machine.js';
import { openParts } from './identity-keys.js';

/**
 * Links of pseudonyms, opened and compared here: what leaves is which pseudonyms belong together, not the links, by
 * which others of the same patient could be recognised later.
 */
export async function openLinks(
  machine: SharingMachine,
  of: Omit<Parameters<SharingCustody['openLinks']>[0], 'oneTimeKey'>,
  oneTimePrivateKey: Uint8Array,
): Promise<LinkedPseudonyms> {
  const { masterKey, sharing } = of;
  const bad = new Set<string>();
  const links = await Promise.all(
    of.links.map(async ({ pseudonym, sealed, partials }) => {
      const asked = { of: traceIdentity(pseudonym), masterKey, sharing, sealed: partials };
      const opened = await openParts(asked, oneTimePrivateKey);
      for (const holder of opened.bad) bad.add(holder);
      return { pseudonym, sealed, partials: opened.partials };
    }),
  );
  const { publicKey: masterPublicKey } = masterKey;
  const opened = await machine.run('openLinks', { masterPublicKey, sharing, links });
  for (const holder of opened.bad) bad.add(holder);
  if (opened.links.some(({ hasKey }) => !hasKey)) {
    throw new CareLedgerError('KEY_NOT_FOUND', {
      message: 'Too few holders of the master key gave a right part for every pseudonym.',
      expected: `${String(sharing.threshold)} right parts`,
      extensions: { bad: [...bad] },
    });
  }
  const groups = new Map<string, string[]>();
  for (const { pseudonym, link } of opened.links) {
    if (link === undefined) continue;
    const key = Buffer.from(link).toString('hex');
    groups.set(key, [...(groups.get(key) ?? []), pseudonym]);
  }
  return {
    groups: [...groups.values()],
    unreadable: opened.links.flatMap(({ pseudonym, link }) => (link === undefined ? [pseudonym] : [])),
    bad: [...bad].sort(),
  };
}
