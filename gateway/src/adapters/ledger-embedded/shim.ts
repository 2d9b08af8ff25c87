import { createRequire } from 'node:module';
import type { peer } from '@hyperledger/fabric-protos';
import type { ContractClass } from './chaincode-runtime.js';
import type { Simulation } from './simulation.js';

/** The parts of fabric-shim 2.5.8 that run a contract, which it does not export by name. */
interface ShimEvent {
  getEventName(): string;
  getPayload_asU8(): Uint8Array;
}
interface ShimStub {
  readonly chaincodeEvent?: ShimEvent;
}
export type StubClass = new (
  handler: Simulation,
  channel: string,
  txId: string,
  input: peer.ChaincodeInput,
  signedProposal: peer.SignedProposal,
) => ShimStub;
export interface Dispatcher {
  Invoke(stub: ShimStub): Promise<{ status: number; message?: string; payload?: Uint8Array }>;
}
type DispatcherClass = new (
  contracts: ContractClass[],
  serializers: object,
  metadata: object,
  title: string,
  version: string,
) => Dispatcher;

const require = createRequire(import.meta.url);

export function loadShim(): { readonly Stub: StubClass; readonly Dispatcher: DispatcherClass } {
  return withOwnProtobufNamespace(() => {
    process.env['CORE_CHAINCODE_LOGGING_LEVEL'] = 'CRITICAL';
    const Stub = require('fabric-shim/lib/stub.js') as StubClass;
    const Dispatcher = require('fabric-shim/lib/contract-spi/chaincodefromcontract.js') as DispatcherClass;
    const logger = require('fabric-shim/lib/logger.js') as { setLevel(level: string): void };
    quiet(logger);
    return { Stub, Dispatcher };
  });
}

export function loadSerializer(): unknown {
  return (require('fabric-contract-api') as { JSONSerializer: unknown }).JSONSerializer;
}

/** The contracts of `@careledger/chaincode`, loaded without the log of every decorated method. */
export function loadContracts(): readonly ContractClass[] {
  process.env['CORE_CHAINCODE_LOGGING_LEVEL'] = 'CRITICAL';
  return (require('@careledger/chaincode') as { contracts: readonly ContractClass[] }).contracts;
}

/**
 * The shim brings fabric-protos 0.2.2. Generated protobuf code finds its classes through one global, `proto`, so that
 * loading an older copy takes the classes away from the newer: a block's signatures would lose the field that Fabric 3
 * added. The older copy is loaded into a namespace of its own, which is then dropped; what it looks up afterwards are
 * the newer classes, which have everything that the older had.
 */
function withOwnProtobufNamespace<Result>(load: () => Result): Result {
  const globals = globalThis as { proto?: unknown };
  const newer = globals.proto;
  delete globals.proto;
  try {
    return load();
  } finally {
    globals.proto = newer;
  }
}

/**
 * The shim is written to own its process: it logs every refused transaction as an error, and catches what nobody
 * caught. In a gateway a refusal is an answer, and a defect has to end the process.
 */
function quiet(logger: { setLevel(level: string): void }): void {
  logger.setLevel('CRITICAL');
  // setLevel leaves Winston's word for it here, which the shim itself would not understand.
  process.env['CORE_CHAINCODE_LOGGING_LEVEL'] = 'CRITICAL';
  const catchers = {
    unhandledRejection: 'loggerUnhandledRejectionFn',
    uncaughtException: 'bound _uncaughtException',
  };
  for (const [event, name] of Object.entries(catchers)) {
    for (const listener of process.listeners(event as 'unhandledRejection')) {
      if (listener.name === name) process.removeListener(event, listener);
    }
  }
}
