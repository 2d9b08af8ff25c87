import { randomBytes } from 'node:crypto';
import {
  CareLedgerError,
  CHAINCODE_NAME,
  canonicalJson,
  TIMESTAMP_WINDOW_MS,
  type ContractName,
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
import { serializeIdentity, sha256 } from '../fabric-protocol/bytes.js';
import { decodeBlock } from '../fabric-protocol/decode-block.js';
import { eventsOf } from '../fabric-protocol/events.js';
import { assertValid, contractError, parseResult, validationCodeName } from '../ledger-outcome.js';
import { CONFLICT_RETRY, withConflictRetry, type ConflictRetryPolicy } from '../retry.js';
import { ChaincodeRuntime, type ChaincodeOutcome, type ContractClass } from './chaincode-runtime.js';
import { assertGenesisMatches, makeGenesisBlock } from './genesis.js';
import { HeightSignal } from './height-signal.js';
import { Membership, type MemberRoot } from './membership.js';
import { Ordering } from './ordering.js';
import type { ReadWriteSet } from './read-write-set.js';
import { loadContracts } from './shim.js';
import { Simulation } from './simulation.js';
import { LedgerStore } from './store.js';
import {
  makeEnvelope,
  makeProposal,
  makeResponsePayload,
  makeSignedProposal,
  makeTransactionPayload,
  type NodeIdentity,
  type Proposal,
} from './transaction.js';

export interface EmbeddedMember extends MemberRoot {
  /** The member's peer: it endorses every transaction unless `endorsingMembers` leaves the member out. */
  readonly peer: NodeIdentity;
}

export interface EmbeddedLedgerOptions {
  /** Folder of the LevelDB, made when absent. One process at a time. */
  readonly directory: string;
  readonly channel: string;
  readonly members: readonly EmbeddedMember[];
  readonly orderer: NodeIdentity;
  /** Default: the contract classes of `@careledger/chaincode`. */
  readonly contracts?: readonly ContractClass[];
  /** The peers' clock, in milliseconds. */
  readonly clock?: () => number;
  /** The client's clock, which dates proposals. For tests of the timestamp window. */
  readonly proposalClock?: () => number;
  /** For tests of duplicate transactions. */
  readonly makeNonce?: () => Uint8Array;
  /** Default 100. */
  readonly maxMessages?: number;
  /** Default 5 ms. */
  readonly batchTimeoutMs?: number;
  readonly conflictRetry?: ConflictRetryPolicy;
}

interface Call {
  readonly identity: SigningIdentity;
  readonly args: readonly string[];
}

interface EndorsementPlan {
  readonly endorsers: readonly NodeIdentity[];
  /** False when the caller named the endorsers. */
  readonly isPlanned: boolean;
}

/** The contracts over a LevelDB of this machine, with Fabric's rules for what is valid. One process at a time. */
export class EmbeddedLedger implements Ledger {
  readonly channel: string;
  private readonly heightSignal = new HeightSignal();
  private readonly ordering: Ordering;
  private readonly membership: Membership;
  private readonly runtime: ChaincodeRuntime;
  private isClosed = false;

  private constructor(
    private readonly options: EmbeddedLedgerOptions,
    private readonly store: LedgerStore,
  ) {
    const {
      channel,
      members,
      orderer,
      contracts = loadContracts(),
      maxMessages = 100,
      batchTimeoutMs = 5,
    } = options;
    this.channel = channel;
    this.membership = new Membership(members);
    this.runtime = new ChaincodeRuntime(contracts);
    const onBlock = () => {
      this.heightSignal.raise();
    };
    this.ordering = new Ordering(
      { store, orderer, memberCount: members.length, onBlock },
      { maxMessages, batchTimeoutMs },
    );
  }

  /** @throws CareLedgerError LEDGER_UNAVAILABLE when the folder is held, damaged, or of another consortium. */
  static async open(options: EmbeddedLedgerOptions): Promise<EmbeddedLedger> {
    const store = await LedgerStore.open(options.directory);
    try {
      const genesis = store.block(0);
      if (genesis === undefined) await writeGenesis(store, options);
      else assertGenesisMatches(genesis, options);
      return new EmbeddedLedger(options, store);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  async submit<Contract extends ContractName>(
    identity: SigningIdentity,
    contract: Contract,
    method: MethodName<Contract>,
    argument: object,
    options: SubmitOptions = {},
  ): Promise<Committed> {
    const args = [`${contract}:${method}`, canonicalJson(argument), options.idempotencyKey ?? ''];
    const endorsers = this.endorsers(options.endorsingMembers);
    const isPlanned = options.endorsingMembers === undefined;
    const submitOnce = () => this.submitOnce({ identity, args }, { endorsers, isPlanned });
    return withConflictRetry(this.options.conflictRetry ?? CONFLICT_RETRY, submitOnce, options.signal);
  }

  async evaluate<Contract extends ContractName>(
    identity: SigningIdentity,
    contract: Contract,
    method: MethodName<Contract>,
    argument: object,
  ): Promise<unknown> {
    const args = [`${contract}:${method}`, canonicalJson(argument)];
    const { outcome } = await this.endorse({ identity, args });
    return parseResult(outcome.payload);
  }

  transaction(_identity: SigningIdentity, txId: string): Promise<TransactionStatus | undefined> {
    return this.whileOpen(() => {
      const stored = this.store.transaction(txId);
      if (stored === undefined) return undefined;
      return { txId, blockNumber: BigInt(stored.blockNumber), code: validationCodeName(stored.code) };
    });
  }

  events(
    _identity: SigningIdentity,
    from: EventPosition | 'next',
    signal: AbortSignal,
  ): AsyncIterable<LedgerEvent> {
    const start = from === 'next' ? { blockNumber: BigInt(this.store.height) } : from;
    return this.readEvents(start, signal);
  }

  blocks(_identity: SigningIdentity, fromBlock: bigint, signal: AbortSignal): AsyncIterable<Uint8Array> {
    return this.readBlocks(fromBlock, signal);
  }

  height(): Promise<bigint> {
    return this.whileOpen(() => BigInt(this.store.height));
  }

  /** Writes what was accepted, ends every open `events` and `blocks`, and lets go of the folder. Idempotent. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await this.ordering.close();
    this.heightSignal.raise();
    await this.store.close();
  }

  private async submitOnce(call: Call, { endorsers, isPlanned }: EndorsementPlan): Promise<Committed> {
    const { proposal, outcome, set } = await this.endorse(call);
    const responsePayload = makeResponsePayload(proposal, CHAINCODE_NAME, outcome, set);
    const payload = makeTransactionPayload(proposal, responsePayload, endorsers);
    const signature = await call.identity.sign(sha256(payload));
    this.membership.verify({ creator: proposal.creator, message: payload, signature }, this.now());
    const { txId } = proposal;
    const ordered = await this.ordering.submit({
      txId,
      endorsers,
      set,
      envelope: makeEnvelope(payload, signature),
    });
    assertValid(ordered.code, txId, { isPlanned });
    return { txId, blockNumber: BigInt(ordered.blockNumber), result: parseResult(outcome.payload) };
  }

  /** Checks the proposal as a peer does and simulates it once: all peers here would come to the same. */
  private async endorse({
    identity,
    args,
  }: Call): Promise<{ proposal: Proposal; outcome: ChaincodeOutcome; set: ReadWriteSet }> {
    const proposal = makeProposal({
      channel: this.channel,
      chaincode: CHAINCODE_NAME,
      args,
      creator: serializeIdentity(identity),
      nonce: this.options.makeNonce?.() ?? randomBytes(24),
      timestampMs: this.options.proposalClock?.() ?? this.now(),
    });
    const signature = await identity.sign(sha256(proposal.bytes));
    this.assertAcceptable(proposal, signature);
    const simulation = new Simulation(this.store.view());
    try {
      const signedProposal = makeSignedProposal(proposal, signature);
      const outcome = await this.runtime.invoke(simulation, {
        channel: this.channel,
        txId: proposal.txId,
        args,
        signedProposal,
      });
      if (outcome.status >= 400) throw contractError(outcome.message, proposal.txId);
      return { proposal, outcome, set: simulation.result() };
    } finally {
      await simulation.close();
    }
  }

  private assertAcceptable(proposal: Proposal, signature: Uint8Array): void {
    if (this.isClosed) throw new CareLedgerError('LEDGER_UNAVAILABLE');
    if (Math.abs(proposal.timestampMs - this.now()) > TIMESTAMP_WINDOW_MS)
      throw new CareLedgerError('TIMESTAMP_OUTSIDE_WINDOW');
    this.membership.verify({ creator: proposal.creator, message: proposal.bytes, signature }, this.now());
    if (this.store.transaction(proposal.txId) !== undefined) {
      throw new CareLedgerError('ALREADY_EXISTS', {
        message: 'This transaction id is on the ledger.',
        extensions: { txId: proposal.txId },
      });
    }
  }

  private endorsers(mspIds: readonly string[] | undefined): NodeIdentity[] {
    const { members } = this.options;
    const unknown = mspIds?.find((mspId) => !members.some((member) => member.mspId === mspId));
    if (unknown !== undefined)
      throw new CareLedgerError('ENDORSEMENT_REFUSED', { message: `No peer of ${unknown} can endorse.` });
    return members.filter((member) => mspIds?.includes(member.mspId) ?? true).map((member) => member.peer);
  }

  private async *readBlocks(fromBlock: bigint, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let next = Number(fromBlock); !signal.aborted && !this.isClosed;) {
      const block = this.store.block(next);
      if (block === undefined) {
        await this.heightSignal.wait(signal);
        continue;
      }
      yield block;
      next += 1;
    }
  }

  private async *readEvents(from: EventPosition, signal: AbortSignal): AsyncGenerator<LedgerEvent> {
    for await (const block of this.readBlocks(from.blockNumber, signal))
      yield* eventsOf(decodeBlock(block), from);
  }

  private whileOpen<Result>(read: () => Result): Promise<Result> {
    if (this.isClosed) return Promise.reject(new CareLedgerError('LEDGER_UNAVAILABLE'));
    return Promise.resolve(read());
  }

  private now(): number {
    return this.options.clock?.() ?? Date.now();
  }
}

async function writeGenesis(store: LedgerStore, options: EmbeddedLedgerOptions): Promise<void> {
  const { channel, members, orderer, clock } = options;
  const block = makeGenesisBlock({ channel, members, orderer, timestampMs: clock?.() ?? Date.now() });
  await store.commit({
    blockNumber: 0,
    block: block.serializeBinary(),
    transactions: [],
    updates: new Map(),
  });
}
