import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedAuthority } from '@careledger/gateway/adapters';
import { ledgerConformance } from './ledger.js';
import { makeConsortium, MSP_IDS } from './support/embedded-consortium.js';
import { enrolPerson } from './support/identities.js';

ledgerConformance('embedded', async () => {
  const consortium = await makeConsortium();
  const strangers = await mkdtemp(join(tmpdir(), 'careledger-stranger-'));
  let offsetMs = 0;
  const open = () => consortium.open({ proposalClock: () => Date.now() + offsetMs });
  let ledger = await open();
  return {
    mspIds: MSP_IDS,
    ledger: () => ledger,
    ledgerOf: () => ledger,
    person: (mspId, role) => enrolPerson(consortium.authority(mspId), mspId, role),
    async stranger(mspId, role) {
      const authority = await EmbeddedAuthority.open({
        directory: join(strangers, mspId),
        mspId,
        passphrase: 'another passphrase',
      });
      return enrolPerson(authority, mspId, role);
    },
    setProposalOffset: (value) => {
      offsetMs = value;
    },
    async reopen() {
      await ledger.close();
      ledger = await open();
    },
    async close() {
      await ledger.close();
      await consortium.remove();
      await rm(strangers, { recursive: true, force: true });
    },
  };
});
