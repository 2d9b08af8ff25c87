import { existsSync } from 'node:fs';
import { hospitalPaths } from '@careledger/network';
import { nothingIdentifyingScenario } from '../scenario/nothing-identifying.js';
import { runningNetwork } from './support/network.js';

nothingIdentifyingScenario(
  'fabric and kubo',
  () => {
    const network = runningNetwork();
    const folders = network.configs.flatMap(({ hospital }) => {
      const { peer, orderer, ipfs } = hospitalPaths(network.home, hospital.id);
      // Not every hospital runs an orderer.
      return [peer, orderer, ipfs].filter((folder) => existsSync(folder));
    });
    const restUrls = network.configs.map(({ rest }) => `http://${rest.host}:${String(rest.port)}`);
    return Promise.resolve({ ...network, restUrls, folders });
  },
  { timeoutMs: 170_000 },
);
