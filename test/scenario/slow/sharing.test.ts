import { startTestConsortium } from '../support/consortium.js';
import { sharingScenario } from '../sharing.js';

sharingScenario(
  'embedded',
  async () => {
    const consortium = await startTestConsortium();
    return { ...consortium, restUrls: consortium.gateways.map(({ restUrl }) => restUrl) };
  },
  { timeoutMs: 110_000 },
);
