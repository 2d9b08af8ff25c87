import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { activeKey } from '../support/aggregate.js';
import { startTestConsortium } from '../support/consortium.js';
import { itHoldsNoWholeKey, untilCeremonyIsErased, type ConsortiumOnDisk } from '../support/whole-key.js';

const CEREMONY_LIMIT_MS = 100_000;

describe('the key of the embedded consortium, on disk', function () {
  this.timeout(CEREMONY_LIMIT_MS + 20_000);

  let dataDir: string;
  let onDisk: ConsortiumOnDisk;

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'careledger-whole-key-'));
    const consortium = await startTestConsortium({ dataDir, realCeremony: true });
    try {
      const { publicKey, sharing } = await activeKey(
        await consortium.person(1, 'officer'),
        CEREMONY_LIMIT_MS,
      );
      const hospitals = consortium.hospitals.map(async ({ id, mspId }) => {
        const folder = join(dataDir, id);
        const passphrase = (await readFile(join(folder, 'passphrase'), 'utf8')).trim();
        return { mspId, folder, custody: { dir: join(folder, 'custody'), passphrase } };
      });
      await untilCeremonyIsErased(consortium.hospitals.map(({ id }) => join(dataDir, id, 'custody')));
      onDisk = {
        hospitals: await Promise.all(hospitals),
        shared: [join(dataDir, 'ledger')],
        key: { publicKey, sharing },
      };
    } finally {
      await consortium.stop();
    }
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  itHoldsNoWholeKey(() => onDisk);
});
