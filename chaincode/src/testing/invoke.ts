import type { Context, Contract } from 'fabric-contract-api';
import { ClientIdentity, type ChaincodeStub } from 'fabric-shim';
import { CareLedgerError, METHODS, encodeChaincodeError } from '@careledger/protocol';

/** A contract with its transactions by name, as fabric-shim sees it. */
type ContractClass = new () => Contract;
type Transaction = (context: Context, ...args: readonly string[]) => Promise<string>;

/** fabric-shim's own setters: its types leave them out. */
interface SettableContext extends Context {
  setChaincodeStub(stub: ChaincodeStub): void;
  setClientIdentity(identity: ClientIdentity): void;
}

/**
 * Runs one transaction without a peer: what fabric-shim does with a proposal.
 * `stub.getFunctionAndParameters()` names the transaction as `contract:Method`.
 * @throws Error whose message is `CODE: text`, as it would cross a peer.
 */
export async function invoke(contracts: readonly ContractClass[], stub: ChaincodeStub): Promise<string> {
  const { fcn, params } = stub.getFunctionAndParameters();
  const [contractName = '', method = ''] = fcn.split(':');
  const contract = contracts
    .map((Class) => new Class())
    .find((candidate) => candidate.getName() === contractName);
  if (contract === undefined) throw unknown(fcn);
  const context = contract.createContext() as SettableContext;
  context.setChaincodeStub(stub);
  context.setClientIdentity(new ClientIdentity(stub));
  const transaction = transactionOf(contract, method);
  if (transaction === undefined) {
    await contract.unknownTransaction(context);
    throw unknown(fcn);
  }
  return transaction.call(contract, context, ...params);
}

/** Only what the protocol lists is a transaction; everything else a contract inherits is its own business. */
function transactionOf(contract: Contract, method: string): Transaction | undefined {
  const methods: Readonly<Record<string, object>> = METHODS;
  const listed = methods[contract.getName()];
  if (listed === undefined || !Object.hasOwn(listed, method)) return undefined;
  const found = (contract as unknown as Readonly<Record<string, unknown>>)[method];
  return typeof found === 'function' ? (found as Transaction) : undefined;
}

function unknown(fcn: string): Error {
  const error = new CareLedgerError('ROUTE_NOT_FOUND', {
    message: 'No such transaction.',
    came: fcn.slice(0, 80),
  });
  return new Error(encodeChaincodeError(error));
}
