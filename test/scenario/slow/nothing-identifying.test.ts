import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestConsortium } from '../support/consortium.js';
import { nothingIdentifyingScenario } from '../nothing-identifying.js';

nothingIdentifyingScenario(
  'embedded',
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'careledger-identifying-'));
    const consortium = await startTestConsortium({ dataDir });
    const stores = consortium.hospitals.map(({ id }) => join(dataDir, id, 'store'));
    return {
      ...consortium,
      restUrls: consortium.gateways.map(({ restUrl }) => restUrl),
      folders: [join(dataDir, 'ledger'), ...stores],
      async stop() {
        await consortium.stop();
        await rm(dataDir, { recursive: true, force: true });
      },
    };
  },
  { timeoutMs: 110_000 },
);
