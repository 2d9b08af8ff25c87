/**
 * The product's contracts and, beside them, the smallest transaction there can be: what the ledger benchmark compares
 * with, in the same process, under the same endorsement policy. Deployed by `npm run bench:ledger` only.
 */
import { contracts as productContracts } from '@careledger/chaincode';
import { Contract, Transaction, type Context } from 'fabric-contract-api';

class EmptyPutContract extends Contract {
  constructor() {
    super('bench');
  }

  @Transaction()
  async Put(context: Context, key: string): Promise<string> {
    await context.stub.putState(`bench-${key}`, Buffer.from('x'));
    return '{}';
  }
}

export const contracts: readonly unknown[] = [...productContracts, EmptyPutContract];
