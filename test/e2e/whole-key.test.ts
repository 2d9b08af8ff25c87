import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hospitalPaths } from '@careledger/network';
import { activeKey } from '../scenario/support/aggregate.js';
import {
  itHoldsNoWholeKey,
  untilCeremonyIsErased,
  type ConsortiumOnDisk,
} from '../scenario/support/whole-key.js';
import { runningNetwork } from './support/network.js';

const KEY_LIMIT_MS = 120_000;

describe('end to end: the key of the consortium, on disk', function () {
  this.timeout(KEY_LIMIT_MS + 50_000);

  const network = runningNetwork();
  let onDisk: ConsortiumOnDisk;

  before(async () => {
    const { publicKey, sharing } = await activeKey(await network.person(1, 'officer'), KEY_LIMIT_MS);
    // Certificate authority, orderer, peer with its blocks, Kubo with its repository, gateway with its custody.
    const hospitals = network.configs.map(async ({ hospital, custody }) => ({
      mspId: hospital.mspId,
      folder: hospitalPaths(network.home, hospital.id).root,
      custody: { dir: custody.dir, passphrase: (await readFile(custody.passphraseFile, 'utf8')).trim() },
    }));
    await untilCeremonyIsErased(network.configs.map(({ custody }) => custody.dir));
    onDisk = {
      hospitals: await Promise.all(hospitals),
      shared: [join(network.home, 'exchange')],
      key: { publicKey, sharing },
    };
  });
  after(() => network.stop());

  itHoldsNoWholeKey(() => onDisk);
});
