import { sharingScenario } from '../scenario/sharing.js';
import { runningNetwork } from './support/network.js';

sharingScenario(
  'fabric and kubo',
  () => {
    const network = runningNetwork();
    const restUrls = network.configs.map(({ rest }) => `http://${rest.host}:${String(rest.port)}`);
    return Promise.resolve({ ...network, restUrls });
  },
  { timeoutMs: 170_000 },
);
