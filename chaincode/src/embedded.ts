import { LIMITS } from '@careledger/protocol';
import { CeremoniesContract } from './ceremonies-contract.js';
import { IdentitiesContract } from './identities-contract.js';
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

export interface EmbeddedOptions {
  readonly allowTestKeySize?: boolean;
  readonly recoveryWaitMs?: number;
}

/**
 * @careledger/chaincode/embedded: the contracts for a ledger in this process. `allowTestKeySize` takes aggregation keys
 * too short to protect anything; `recoveryWaitMs` lets a lost key be replaced without the time to object. A module of its own, which nothing of `index.ts` loads: a Fabric chaincode process never
 * comes by it.
 */
export function embeddedContracts({
  allowTestKeySize = false,
  recoveryWaitMs = LIMITS.recoveryWaitMs,
}: EmbeddedOptions = {}): typeof contracts {
  const replaced = new Map<(typeof contracts)[number], (typeof contracts)[number]>();
  if (allowTestKeySize) {
    replaced.set(QueriesContract, QueriesWithTestKeys);
    replaced.set(CeremoniesContract, CeremoniesWithTestKeys);
  }
  if (recoveryWaitMs !== LIMITS.recoveryWaitMs)
    replaced.set(
      IdentitiesContract,
      class extends IdentitiesContract {
        constructor() {
          super({ recoveryWaitMs });
        }
      },
    );
  return contracts.map((contract) => replaced.get(contract) ?? contract);
}
