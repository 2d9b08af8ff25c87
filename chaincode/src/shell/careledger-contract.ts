import { Contract, type Context } from 'fabric-contract-api';
import {
  CareLedgerError,
  METHODS,
  canonicalJson,
  encodeChaincodeError,
  parseArgument,
  type ArgumentOf,
  type ContractName,
  type MethodDescription,
  type MethodName,
} from '@careledger/protocol';
import { transactionTime, type Call, type Outcome } from './call.js';
import { callerFrom } from './caller.js';
import { attemptOf, firstOutcome, firstResponse, keepOutcome } from './idempotency.js';
import { State } from './state.js';

/**
 * What every transaction has in common: the argument checked, the caller from the certificate, errors with a code,
 * one outcome per idempotency key, one event.
 */
export abstract class CareLedgerContract<Name extends ContractName> extends Contract {
  constructor(private readonly contractName: Name) {
    super(contractName);
  }

  // Inherited by every contract, called by fabric-shim; not a transaction of its own.
  override unknownTransaction(context: Context): Promise<void> {
    const { fcn } = context.stub.getFunctionAndParameters();
    const error = new CareLedgerError('ROUTE_NOT_FOUND', {
      message: 'No such transaction.',
      came: fcn.slice(0, 80),
    });
    return Promise.reject(new Error(encodeChaincodeError(error)));
  }

  protected submit<Method extends MethodName<Name>>(
    context: Context,
    method: Method,
    input: { readonly argumentJson: string; readonly idempotencyKey: string },
    handle: (call: Call, argument: ArgumentOf<Name, Method>) => Promise<Outcome>,
  ): Promise<string> {
    return withCode(context, async () => {
      const argument = this.parse(method, input.argumentJson);
      const call = this.callOf(context, method);
      const attempt = attemptOf(call, argument, input.idempotencyKey);
      const first = attempt === undefined ? undefined : await firstOutcome(call, attempt);
      if (first !== undefined) return firstResponse(call, first);

      const { result, event, standsAt } = await handle(call, argument);
      const response = canonicalJson(result);
      if (attempt !== undefined) await keepOutcome(call, attempt, standsAt ?? response);
      context.stub.setEvent(event.event, Buffer.from(canonicalJson(event)));
      return response;
    });
  }

  protected evaluate<Method extends MethodName<Name>>(
    context: Context,
    method: Method,
    argumentJson: string,
    handle: (call: Call, argument: ArgumentOf<Name, Method>) => unknown,
  ): Promise<string> {
    return withCode(context, async () => {
      const argument = this.parse(method, argumentJson);
      return canonicalJson(await handle(this.callOf(context, method), argument));
    });
  }

  private parse<Method extends MethodName<Name>>(
    method: Method,
    argumentJson: string,
  ): ArgumentOf<Name, Method> {
    const methods: Readonly<Record<string, MethodDescription>> = METHODS[this.contractName];
    const description = methods[method];
    if (description === undefined) throw new CareLedgerError('ROUTE_NOT_FOUND', { came: method });
    return parseArgument(description.argument, argumentJson) as ArgumentOf<Name, Method>;
  }

  private callOf({ stub, clientIdentity }: Context, method: string): Call {
    return {
      channel: stub.getChannelID(),
      method: `${this.contractName}:${method}`,
      txId: stub.getTxID(),
      at: transactionTime(stub),
      caller: callerFrom(clientIdentity),
      state: new State(stub),
    };
  }
}

async function withCode(context: Context, work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    throw new Error(encodeChaincodeError(codedError(context, error)), { cause: error });
  }
}

/** An unforeseen error tells its caller only the transaction id; what happened goes to this process's own log. */
function codedError(context: Context, error: unknown): CareLedgerError {
  if (error instanceof CareLedgerError) return error;
  const txId = context.stub.getTxID();
  console.error(`transaction ${txId}:`, error);
  return new CareLedgerError('INTERNAL', { message: `Transaction ${txId} failed.` });
}
