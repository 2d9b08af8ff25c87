import { peer } from '@hyperledger/fabric-protos';
import type { Contract } from 'fabric-contract-api';
import { loadSerializer, loadShim, type Dispatcher, type StubClass } from './shim.js';
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

export class ChaincodeRuntime {
  private readonly dispatcher: Dispatcher;
  private readonly Stub: StubClass;

  constructor(contracts: readonly ContractClass[]) {
    const { Stub, Dispatcher } = loadShim();
    const serializers = { transaction: 'jsonSerializer', serializers: { jsonSerializer: loadSerializer() } };
    this.Stub = Stub;
    this.dispatcher = new Dispatcher([...contracts], serializers, {}, 'careledger', 'embedded');
  }

  async invoke(simulation: Simulation, invocation: Invocation): Promise<ChaincodeOutcome> {
    const input = new peer.ChaincodeInput();
    input.setArgsList(invocation.args.map((argument) => Buffer.from(argument)));
    const stub = new this.Stub(
      simulation,
      invocation.channel,
      invocation.txId,
      input,
      invocation.signedProposal,
    );
    const response = await this.dispatcher.Invoke(stub);
    const event = stub.chaincodeEvent;
    return {
      status: response.status,
      message: response.message ?? '',
      payload: response.payload ?? new Uint8Array(),
      ...(event === undefined
        ? {}
        : { event: { name: event.getEventName(), payload: event.getPayload_asU8() } }),
    };
  }
}
