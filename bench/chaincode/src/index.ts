/**
 * The product's contracts and, beside them, the smallest transaction there can be: what the ledger benchmark compares
 * with, in the same process, under the same endorsement policy. Deployed by `npm run bench:ledger` only.
 */
import { contracts as productContracts } from '@careledger/chaincode';
import { Context, Contract, Transaction } from 'fabric-contract-api';

class EmptyPutContract extends Contract {
  constructor() {
    super('bench');
  }

  @Transaction()
  async Put(context: Context, key: string, idempotencyKey: string): Promise<string> {
    await context.stub.putState(`bench-${key}`, Buffer.from(`x${idempotencyKey}`));
    return '{}';
  }
}

export const contracts: readonly unknown[] = [...productContracts, EmptyPutContract];
