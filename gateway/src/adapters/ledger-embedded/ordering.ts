import { common } from '@hyperledger/fabric-protos';
import { CareLedgerError } from '@careledger/protocol';
import { blockHeaderHash } from '../fabric-protocol/block-hash.js';
import { makeBlock } from './block.js';
import type { LedgerStore } from './store.js';
import type { NodeIdentity } from './transaction.js';
import { validateBlock, type OrderedTransaction } from './validation.js';

export interface OrderingOptions {
  /** Transactions in a block at most. */
  readonly maxMessages: number;
  /** A block is cut this long after its first transaction came. */
  readonly batchTimeoutMs: number;
}

export interface Submission extends OrderedTransaction {
  readonly envelope: Uint8Array;
}

export interface Outcome {
  readonly blockNumber: number;
  readonly code: number;
}

interface Waiting {
  readonly submission: Submission;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Takes transactions in the order of arrival, cuts blocks, validates them and writes each as one atomic batch. */
export class Ordering {
  private queue: Waiting[] = [];
  private timer: NodeJS.Timeout | undefined;
  private committing: Promise<void> | undefined;
  private isClosed = false;
  private hasFailed = false;
  private previousHash: Uint8Array;

  constructor(
    private readonly modules: {
      readonly store: LedgerStore;
      readonly orderer: NodeIdentity;
      readonly memberCount: number;
      readonly onBlock: () => void;
    },
    private readonly options: OrderingOptions,
  ) {
    const last = modules.store.block(modules.store.height - 1) ?? new Uint8Array();
    this.previousHash = blockHeaderHash(
      common.Block.deserializeBinary(last).getHeader() ?? new common.BlockHeader(),
    );
  }

  /**
   * Resolves when the transaction's block is on disk, whatever the validation code.
   * @throws CareLedgerError LEDGER_UNAVAILABLE when the ledger is closed or has failed; COMMIT_UNKNOWN when the disk
   * failed while the block was written.
   */
  submit(submission: Submission): Promise<Outcome> {
    if (this.isClosed || this.hasFailed) return Promise.reject(new CareLedgerError('LEDGER_UNAVAILABLE'));
    return new Promise((resolve, reject) => {
      this.queue.push({ submission, resolve, reject });
      this.schedule();
    });
  }

  /** Writes what was accepted, then accepts nothing more. */
  async close(): Promise<void> {
    this.isClosed = true;
    while (this.queue.length > 0 || this.committing !== undefined) {
      this.cut();
      await this.committing;
    }
  }

  private schedule(): void {
    if (this.committing !== undefined) return;
    if (this.queue.length >= this.options.maxMessages) this.cut();
    else
      this.timer ??= setTimeout(() => {
        this.cut();
      }, this.options.batchTimeoutMs);
  }

  private cut(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.committing !== undefined || this.queue.length === 0) return;
    const batch = this.queue.splice(0, this.options.maxMessages);
    this.committing = this.commit(batch).finally(() => {
      this.committing = undefined;
      // What came while the block was written has waited long enough.
      if (this.queue.length > 0) this.cut();
    });
  }

  private async commit(batch: readonly Waiting[]): Promise<void> {
    try {
      if (this.hasFailed) throw new Error('an earlier block could not be written');
      const { blockNumber, codes } = await this.write(batch.map((waiting) => waiting.submission));
      batch.forEach((waiting, index) => {
        waiting.resolve({ blockNumber, code: codes[index] ?? 0 });
      });
      this.modules.onBlock();
    } catch (cause) {
      // Whether the batch reached the disk is known only after the next opening.
      this.hasFailed = true;
      for (const { submission, reject } of batch) {
        reject(new CareLedgerError('COMMIT_UNKNOWN', { extensions: { txId: submission.txId }, cause }));
      }
    }
  }

  private async write(
    submissions: readonly Submission[],
  ): Promise<{ blockNumber: number; codes: readonly number[] }> {
    const { store, orderer, memberCount } = this.modules;
    const blockNumber = store.height;
    const { codes, updates } = await validateBlock(store, blockNumber, submissions, memberCount);
    const envelopes = submissions.map((submission) => submission.envelope);
    const block = makeBlock(
      { number: blockNumber, previousHash: this.previousHash, envelopes, codes },
      orderer,
    );
    await store.commit({
      blockNumber,
      block: block.serializeBinary(),
      transactions: indexed(submissions, codes, store),
      updates,
    });
    this.previousHash = blockHeaderHash(block.getHeader() ?? new common.BlockHeader());
    return { blockNumber, codes };
  }
}

/** An id keeps its first fate: a duplicate stands in its block, not in the index. */
function indexed(submissions: readonly Submission[], codes: readonly number[], store: LedgerStore) {
  const first = new Map<string, number>();
  submissions.forEach(({ txId }, index) => {
    if (!first.has(txId) && store.transaction(txId) === undefined) first.set(txId, codes[index] ?? 0);
  });
  return [...first].map(([txId, code]) => ({ txId, code }));
}
