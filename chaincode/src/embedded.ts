import { CeremoniesContract } from './ceremonies-contract.js';
import { contracts } from './index.js';
import { QueriesContract } from './queries-contract.js';

class CeremoniesWithTestKeys extends CeremoniesContract {
  constructor() {
    super({ allowTestKeySize: true });
  }
}

class QueriesWithTestKeys extends QueriesContract {
  constructor() {
    super({ allowTestKeySize: true });
  }
}

/**
 * @careledger/chaincode/embedded: the contracts for a ledger in this process. `allowTestKeySize` takes aggregation keys
 * too short to protect anything. A module of its own, which nothing of `index.ts` loads: a Fabric chaincode process never
 * comes by it.
 */
export function embeddedContracts({
  allowTestKeySize = false,
}: { readonly allowTestKeySize?: boolean } = {}): typeof contracts {
  if (!allowTestKeySize) return contracts;
  return contracts.map((contract) => {
    if (contract === QueriesContract) return QueriesWithTestKeys;
    return contract === CeremoniesContract ? CeremoniesWithTestKeys : contract;
  });
}
