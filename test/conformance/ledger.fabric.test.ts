import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedAuthority } from '@careledger/gateway/adapters';
import { processId } from '@careledger/network';
import { ledgerConformance } from './ledger.js';
import { runningConsortium } from './support/fabric-consortium.js';
import { enrolPerson } from './support/identities.js';

ledgerConformance('fabric', async () => {
  const consortium = runningConsortium();
  const strangers = await mkdtemp(join(tmpdir(), 'careledger-stranger-'));
  const mspIds = consortium.configs.map((config) => config.hospital.mspId);
  const authorities = new Map(mspIds.map((mspId) => [mspId, consortium.authority(mspId)]));
  // The suite rewrites the first hospital's entry, which its gateway would correct in between.
  const gatewayPid = processId(
    process.env['CARELEDGER_HOME'] ?? '',
    consortium.configs[0]!.hospital.id,
    'gateway',
  );
  if (gatewayPid !== undefined) process.kill(gatewayPid, 'SIGSTOP');
  let offsetMs = 0;
  const openOwn = () => consortium.open(mspIds[0]!, { proposalClock: () => Date.now() + offsetMs });
  let ledger = openOwn();
  const others = new Map(mspIds.slice(1).map((mspId) => [mspId, consortium.open(mspId)]));
  return {
    mspIds,
    ledger: () => ledger,
    ledgerOf: (mspId) => others.get(mspId) ?? ledger,
    person: (mspId, role) => enrolPerson(authorities.get(mspId)!, mspId, role),
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
      ledger = openOwn();
    },
    async close() {
      if (gatewayPid !== undefined) process.kill(gatewayPid, 'SIGCONT');
      await Promise.all([ledger, ...others.values()].map((open) => open.close()));
      await rm(strangers, { recursive: true, force: true });
    },
  };
});
