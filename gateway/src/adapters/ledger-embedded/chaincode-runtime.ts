import { createRequire } from 'node:module';
import { peer } from '@hyperledger/fabric-protos';
import type { Contract } from 'fabric-contract-api';
import type { Simulation } from './simulation.js';

/**
 * Runs contract classes in process with fabric-shim's own stub and dispatcher, which a chaincode process runs too:
 * key rules, iterators, parameters, results and error texts are the same code. Only the peer's side differs
 * (`Simulation`).
 */
export type ContractClass = new () => Contract;

export interface Invocation {
  readonly channel: string;
  readonly txId: string;
  /** `contract:Method` first. */
  readonly args: readonly string[];
  readonly signedProposal: peer.SignedProposal;
}

export interface ChaincodeOutcome {
  /** 200, or 500 with the contract's error text as `message`. */
  readonly status: number;
  readonly message: string;
  readonly payload: Uint8Array;
  readonly event?: { readonly name: string; readonly payload: Uint8Array };
}

interface ShimEvent {
  getEventName(): string;
  getPayload_asU8(): Uint8Array;
}
interface ShimStub {
  readonly chaincodeEvent?: ShimEvent;
}
type StubClass = new (
  handler: Simulation,
  channel: string,
  txId: string,
  input: peer.ChaincodeInput,
  signedProposal: peer.SignedProposal,
) => ShimStub;
interface Dispatcher {
  Invoke(stub: ShimStub): Promise<{ status: number; message?: string; payload?: Uint8Array }>;
}
type DispatcherClass = new (contracts: ContractClass[], serializers: object, metadata: object, title: string, version: string) => Dispatcher;

const require = createRequire(import.meta.url);

/** The contracts of `@careledger/chaincode`, loaded without the shim's and the decorators' log of every method. */
export function loadContracts(): readonly ContractClass[] {
  process.env['CORE_CHAINCODE_LOGGING_LEVEL'] = 'CRITICAL';
  return (require('@careledger/chaincode') as { contracts: readonly ContractClass[] }).contracts;
}

export class ChaincodeRuntime {
  private readonly dispatcher: Dispatcher;
  private readonly Stub: StubClass;

  constructor(contracts: readonly ContractClass[]) {
    const { Stub, Dispatcher } = loadShim();
    const { JSONSerializer } = require('fabric-contract-api') as { JSONSerializer: unknown };
    const serializers = { transaction: 'jsonSerializer', serializers: { jsonSerializer: JSONSerializer } };
    this.Stub = Stub;
    this.dispatcher = new Dispatcher([...contracts], serializers, {}, 'careledger', 'embedded');
  }

  async invoke(simulation: Simulation, invocation: Invocation): Promise<ChaincodeOutcome> {
    const input = new peer.ChaincodeInput();
    input.setArgsList(invocation.args.map((argument) => Buffer.from(argument)));
    const stub = new this.Stub(simulation, invocation.channel, invocation.txId, input, invocation.signedProposal);
    const response = await this.dispatcher.Invoke(stub);
    const event = stub.chaincodeEvent;
    return {
      status: response.status,
      message: response.message ?? '',
      payload: response.payload ?? new Uint8Array(),
      ...(event === undefined ? {} : { event: { name: event.getEventName(), payload: event.getPayload_asU8() } }),
    };
  }
}

function loadShim(): { Stub: StubClass; Dispatcher: DispatcherClass } {
  const Stub = require('fabric-shim/lib/stub.js') as StubClass;
  const Dispatcher = require('fabric-shim/lib/contract-spi/chaincodefromcontract.js') as DispatcherClass;
  const logger = require('fabric-shim/lib/logger.js') as { setLevel(level: string): void };
  quietShim(logger);
  return { Stub, Dispatcher };
}

/**
 * The shim is written to own its process: it logs every refused transaction as an error, and catches what nobody
 * caught. In a gateway a refusal is an answer, and a defect has to end the process.
 */
function quietShim(logger: { setLevel(level: string): void }): void {
  logger.setLevel('CRITICAL');
  // setLevel leaves Winston's word for it here, which the shim itself would not understand.
  process.env['CORE_CHAINCODE_LOGGING_LEVEL'] = 'CRITICAL';
  const catchers = { unhandledRejection: 'loggerUnhandledRejectionFn', uncaughtException: 'bound _uncaughtException' };
  for (const [event, name] of Object.entries(catchers)) {
    for (const listener of process.listeners(event as 'unhandledRejection')) {
      if (listener.name === name) process.removeListener(event, listener);
    }
  }
}
