import { KuboRecordStore } from '@careledger/gateway/adapters';
import { recordStoreConformance } from './record-store.js';
import { runningConsortium } from './support/fabric-consortium.js';

recordStoreConformance('kubo', () => {
  const [first, second] = runningConsortium().configs.map((config) => config.ipfs.rpcUrl);
  const open = () => new KuboRecordStore({ rpcUrl: first! });
  let store = open();
  const neighbour = new KuboRecordStore({ rpcUrl: second! });
  return Promise.resolve({
    store: () => store,
    neighbour: () => neighbour,
    async reopen() {
      await store.close();
      store = open();
    },
    close: () => Promise.resolve(),
  });
});
