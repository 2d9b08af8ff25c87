import {
  type ChaincodeEvent,
  type ChaincodeEventsOptions,
  type Commit,
  type Contract,
  type Gateway,
  type Network,
  type Proposal,
  type Status,
  type Transaction,
} from '@hyperledger/fabric-gateway';
import { common } from '@hyperledger/fabric-protos';
import {
  canonicalJson,
  CHAINCODE_NAME,
  type ContractName,
  type LedgerEventPayload,
  type MethodName,
} from '@careledger/protocol';
import type {
  Committed,
  EventPosition,
  Ledger,
  LedgerEvent,
  SigningIdentity,
  SubmitOptions,
  TransactionStatus,
} from '../../ports/ledger.js';
import { serializeIdentity } from '../fabric-protocol/bytes.js';
import { assertValid, parseEventPayload, parseResult, validationCodeName } from '../ledger-outcome.js';
import { CONFLICT_RETRY, withConflictRetry, type ConflictRetryPolicy } from '../retry.js';
import { DEADLINES, PeerConnection, within, type Deadlines, type FabricPeer } from './connection.js';
import {
  commitUnknown,
  endorsementError,
  isNoSuchTransaction,
  isOrderingFailure,
  unavailable,
  wasNotSent,
  type Attempt,
} from './errors.js';
import { commitOf, redate } from './proposals.js';
import { resumed } from './streams.js';

export interface FabricLedgerOptions {
  readonly channel: string;
  /** Default `careledger`. */
  readonly chaincode?: string;
  /** The hospital's MSP id: reads are answered by its own peer and by no other. */
  readonly mspId: string;
  readonly peer: FabricPeer;
  readonly deadlines?: Partial<Deadlines>;
  readonly conflictRetry?: ConflictRetryPolicy;
  /** Dates proposals, in milliseconds. For tests of the timestamp window; otherwise the host's clock does. */
  readonly proposalClock?: () => number;
}

/** How often one signed transaction is handed to the orderers, and how long its fate is waited for in between. */
const ORDERING_ATTEMPTS = 2;
const LOOK_UP_MS = 5_000;
const QUERY_CHAINCODE = 'qscc';

/** The channel through the hospital's own peer. The connection is made at the first call and made again by gRPC. */
export class FabricLedger implements Ledger {
  readonly channel: string;
  private readonly chaincode: string;
  private readonly connection: PeerConnection;

  constructor(private readonly options: FabricLedgerOptions) {
    this.channel = options.channel;
    this.chaincode = options.chaincode ?? CHAINCODE_NAME;
    this.connection = new PeerConnection(options.peer, { ...DEADLINES, ...options.deadlines });
  }

  submit<Contract extends ContractName>(
    identity: SigningIdentity,
    contract: Contract,
    method: MethodName<Contract>,
    argument: object,
    options: SubmitOptions = {},
  ): Promise<Committed> {
    const args = [canonicalJson(argument), options.idempotencyKey ?? ''];
    const submitOnce = () => this.submitOnce(identity, `${contract}:${method}`, args, options);
    return withConflictRetry(this.options.conflictRetry ?? CONFLICT_RETRY, submitOnce, options.signal);
  }

  async evaluate<Contract extends ContractName>(
    identity: SigningIdentity,
    contract: Contract,
    method: MethodName<Contract>,
    argument: object,
  ): Promise<unknown> {
    const gateway = this.connection.gateway(identity);
    const call = { arguments: [canonicalJson(argument)], endorsingOrganizations: [this.options.mspId] };
    const proposal = this.propose(gateway, this.contract(gateway).newProposal(`${contract}:${method}`, call));
    return parseResult(await answered(proposal.evaluate()));
  }

  async transaction(identity: SigningIdentity, txId: string): Promise<TransactionStatus | undefined> {
    const gateway = this.connection.gateway(identity);
    try {
      await this.query(gateway, 'GetTransactionByID', [this.channel, txId]);
    } catch (error) {
      if (isNoSuchTransaction(error)) return undefined;
      throw endorsementError(error);
    }
    const status = await answered(this.commit(gateway, txId).getStatus());
    return { txId, blockNumber: status.blockNumber, code: validationCodeName(status.code) };
  }

  events(
    identity: SigningIdentity,
    from: EventPosition | 'next',
    signal: AbortSignal,
  ): AsyncIterable<LedgerEvent> {
    // Asked now, so that a block between this call and the first read is not passed over.
    const start =
      from === 'next'
        ? this.height(identity).then((blockNumber) => ({ blockNumber }))
        : Promise.resolve(from);
    start.catch(() => undefined);
    return this.readEvents(identity, start, signal);
  }

  async *blocks(
    identity: SigningIdentity,
    fromBlock: bigint,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    let next = fromBlock;
    const open = () => this.network(identity).getBlockEvents({ startBlock: next });
    for await (const block of resumed(open, signal)) {
      next = BigInt(block.getHeader()?.getNumber() ?? 0) + 1n;
      yield block.serializeBinary();
    }
  }

  async height(identity: SigningIdentity): Promise<bigint> {
    const answer = await answered(
      this.query(this.connection.gateway(identity), 'GetChainInfo', [this.channel]),
    );
    return BigInt(common.BlockchainInfo.deserializeBinary(answer).getHeight());
  }

  close(): Promise<void> {
    this.connection.close();
    return Promise.resolve();
  }

  private async submitOnce(
    identity: SigningIdentity,
    name: string,
    args: string[],
    options: SubmitOptions,
  ): Promise<Committed> {
    const gateway = this.connection.gateway(identity);
    const { endorsingMembers, signal } = options;
    const restriction =
      endorsingMembers === undefined ? {} : { endorsingOrganizations: [...endorsingMembers] };
    const proposal = this.propose(
      gateway,
      this.contract(gateway).newProposal(name, { arguments: args, ...restriction }),
    );
    const isPlanned = endorsingMembers === undefined;
    const transaction = await answered(proposal.endorse(), { txId: proposal.getTransactionId(), isPlanned });
    signal?.throwIfAborted();
    const status = await this.order(gateway, transaction);
    assertValid(status.code, status.transactionId, { isPlanned });
    return {
      txId: status.transactionId,
      blockNumber: status.blockNumber,
      result: parseResult(transaction.getResult()),
    };
  }

  /**
   * Hands the transaction to the orderers and waits for its fate on the own peer. When too few orderers confirmed,
   * some may still have it: its id is looked up before the same transaction, never a new one, is handed over again.
   * @throws CareLedgerError LEDGER_UNAVAILABLE when no orderer can have it; COMMIT_UNKNOWN otherwise.
   */
  private async order(gateway: Gateway, transaction: Transaction): Promise<Status> {
    const txId = transaction.getTransactionId();
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await (await transaction.submit()).getStatus();
      } catch (error) {
        if (attempt === 1 && wasNotSent(error)) throw unavailable(error);
        const status = await this.lookUp(gateway, txId);
        if (status !== undefined) return status;
        if (attempt >= ORDERING_ATTEMPTS || !isOrderingFailure(error)) throw commitUnknown(txId, error);
      }
    }
  }

  /** The fate of a transaction, if the own peer learns it soon. */
  private async lookUp(gateway: Gateway, txId: string): Promise<Status | undefined> {
    try {
      return await this.commit(gateway, txId).getStatus(within(LOOK_UP_MS)());
    } catch {
      return undefined;
    }
  }

  private commit(gateway: Gateway, txId: string): Commit {
    const { mspId, credentials } = gateway.getIdentity();
    const creator = serializeIdentity({ mspId, certificate: Buffer.from(credentials).toString('utf8') });
    return commitOf(gateway, { channel: this.channel, txId, creator });
  }

  private async *readEvents(
    identity: SigningIdentity,
    start: Promise<EventPosition>,
    signal: AbortSignal,
  ): AsyncGenerator<LedgerEvent> {
    let position = await start;
    const open = () => this.network(identity).getChaincodeEvents(this.chaincode, startOf(position));
    for await (const event of resumed(open, signal)) {
      position = { blockNumber: event.blockNumber, afterTxId: event.transactionId };
      const payload = parseEventPayload(event.payload);
      if (payload !== undefined) yield ledgerEvent(event, payload);
    }
  }

  private propose(gateway: Gateway, proposal: Proposal): Proposal {
    const { proposalClock } = this.options;
    return proposalClock === undefined ? proposal : redate(gateway, proposal, proposalClock());
  }

  private query(gateway: Gateway, name: string, args: string[]): Promise<Uint8Array> {
    const contract = gateway.getNetwork(this.channel).getContract(QUERY_CHAINCODE);
    return contract.evaluate(name, { arguments: args, endorsingOrganizations: [this.options.mspId] });
  }

  private contract(gateway: Gateway): Contract {
    return gateway.getNetwork(this.channel).getContract(this.chaincode);
  }

  private network(identity: SigningIdentity): Network {
    return this.connection.gateway(identity).getNetwork(this.channel);
  }
}

async function answered<Answer>(pending: Promise<Answer>, attempt?: Attempt): Promise<Answer> {
  try {
    return await pending;
  } catch (error) {
    throw endorsementError(error, attempt);
  }
}

function startOf(position: EventPosition): ChaincodeEventsOptions {
  const { blockNumber, afterTxId } = position;
  if (afterTxId === undefined) return { startBlock: blockNumber };
  return { checkpoint: { getBlockNumber: () => blockNumber, getTransactionId: () => afterTxId } };
}

function ledgerEvent(event: ChaincodeEvent, payload: LedgerEventPayload): LedgerEvent {
  return { blockNumber: event.blockNumber, txId: event.transactionId, payload };
}
