import { METHODS, type ContractName, type MethodName } from '@careledger/protocol';
import type { Ledger, SigningIdentity, SubmitOptions } from '../ports/ledger.js';
import type { ResultOf } from './contract-results.js';

/** A transaction as the REST interface reports it. */
export interface Receipted<Result> {
  readonly txId: string;
  /** Decimal, because a block number may outgrow a JSON number. */
  readonly blockNumber: string;
  readonly result: Result;
}

/**
 * The one way in which services speak to the contracts. The peer that answers is the hospital's own, which is trusted
 * (DESIGN section 7), so what it returns takes its type from `ContractResults` and is not checked again.
 */
export interface ContractCaller {
  /** Errors: those of the `Ledger` port. */
  submit<Contract extends ContractName, Method extends MethodName<Contract>>(
    identity: SigningIdentity,
    contract: Contract,
    method: Method,
    argument: object,
    options?: SubmitOptions,
  ): Promise<Receipted<ResultOf<Contract, Method>>>;
  /** Errors: those of the `Ledger` port. */
  evaluate<Contract extends ContractName, Method extends MethodName<Contract>>(
    identity: SigningIdentity,
    contract: Contract,
    method: Method,
    argument: object,
  ): Promise<ResultOf<Contract, Method>>;
}

/** Called after every transaction, for metrics. `outcome` is `committed` or an error code. */
export type TransactionObserver = (transaction: {
  readonly contract: ContractName;
  readonly method: string;
  readonly outcome: string;
}) => void;

export function createContractCaller(
  ledger: Ledger,
  observe: TransactionObserver = () => undefined,
): ContractCaller {
  return {
    async submit<Contract extends ContractName, Method extends MethodName<Contract>>(
      identity: SigningIdentity,
      contract: Contract,
      method: Method,
      argument: object,
      options?: SubmitOptions,
    ) {
      assertKind(contract, method, 'submit');
      try {
        const { txId, blockNumber, result } = await ledger.submit(
          identity,
          contract,
          method,
          argument,
          options,
        );
        observe({ contract, method, outcome: 'committed' });
        return { txId, blockNumber: blockNumber.toString(), result: result as ResultOf<Contract, Method> };
      } catch (error) {
        observe({ contract, method, outcome: outcomeOf(error) });
        throw error;
      }
    },
    async evaluate<Contract extends ContractName, Method extends MethodName<Contract>>(
      identity: SigningIdentity,
      contract: Contract,
      method: Method,
      argument: object,
    ) {
      assertKind(contract, method, 'evaluate');
      return (await ledger.evaluate(identity, contract, method, argument)) as ResultOf<Contract, Method>;
    },
  };
}

/** A write that is only evaluated would seem to have worked; mixing them up is a defect of this program. */
function assertKind(contract: ContractName, method: string, kind: 'submit' | 'evaluate'): void {
  const methods: Readonly<Record<string, { readonly kind: string }>> = METHODS[contract];
  if (methods[method]?.kind !== kind) throw new Error(`${contract}:${method} is not a method to ${kind}`);
}

function outcomeOf(error: unknown): string {
  const code = (error as { readonly code?: unknown }).code;
  return typeof code === 'string' ? code : 'INTERNAL';
}
