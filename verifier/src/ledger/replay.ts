/**
 * Goes through the blocks from the first and believes nothing but it: hashes, orderers, creators, endorsements and
 * validity are checked, and the write sets that are in force become facts.
 */
import { CHAINCODE_NAME } from '@careledger/protocol';
import type { Finding } from '../findings.js';
import { decodeBlock, type Block } from './block.js';
import { channelConfigOf, consensusTypeOf, fingerprintOf, quorumOf, type ChannelConfig } from './channel.js';
import { Facts, type Origin } from './facts.js';
import { Identities } from './identities.js';
import { isSameBytes } from './protobuf.js';
import { VersionedState } from './state.js';
import type { Transaction } from './transaction.js';
import { isInForce, judgeBlock, type Judgement } from './validation.js';

/** What the replay rests on: the auditor compares it with what its own hospital knows. */
export interface LedgerSummary {
  readonly channel: string;
  /** Header hash of block 0, lower-case hex: it names everybody who is believed. */
  readonly genesisHash: string;
  readonly height: number;
  /** Header hash of the last block, lower-case hex. */
  readonly headHash: string;
  readonly transactions: number;
  /** SHA-256 of the certificates of each member's authorities. */
  readonly members: Readonly<Record<string, readonly string[]>>;
  /** Orderers, and how many of them sign a block. */
  readonly orderers: number;
  readonly quorum: number;
}

export interface Replay {
  readonly summary: LedgerSummary;
  readonly facts: Facts;
  readonly findings: readonly Finding[];
}

export interface ReplayOptions {
  /** Header hash of block 0 that the auditor expects, lower-case hex. */
  readonly genesisHash?: string;
  readonly onProgress?: (blocks: number) => void;
}

/** @param blocks `common.Block` bytes from block 0 on, in order; whoever gives them is not believed */
export async function replayLedger(
  blocks: AsyncIterable<Uint8Array>,
  options: ReplayOptions = {},
): Promise<Replay> {
  const replay = new LedgerReplay(options);
  for await (const bytes of blocks) {
    if (!replay.take(bytes)) break;
  }
  return replay.result();
}

class LedgerReplay {
  private readonly facts = new Facts();
  private readonly findings: Finding[] = [];
  private readonly state = new VersionedState();
  private readonly txIds = new Set<string>();
  private config: ChannelConfig = { members: new Map(), ordererMembers: new Map(), consenters: [] };
  private identities = new Identities(new Map());
  private orderers = new Identities(new Map());
  private channel = '';
  private genesisHash = '';
  private headHash: Uint8Array = new Uint8Array();
  private height = 0;
  private transactions = 0;

  constructor(private readonly options: ReplayOptions) {}

  /** @returns false when nothing that follows could be judged */
  take(bytes: Uint8Array): boolean {
    const block = this.decode(bytes);
    if (block === undefined) return false;
    if (block.number !== BigInt(this.height)) {
      this.find('LEDGER_BLOCK_MISSING', `block ${String(this.height)}`, {
        expected: `block ${String(this.height)}`,
        came: `block ${String(block.number)}`,
      });
      return false;
    }
    this.checkChain(block);
    if (this.height === 0) this.begin(block);
    else this.checkOrderers(block);
    this.apply(block);
    this.headHash = block.headerHash;
    this.height += 1;
    this.options.onProgress?.(this.height);
    return true;
  }

  result(): Replay {
    if (this.height === 0 && this.findings.length === 0)
      this.find('LEDGER_BLOCK_MISSING', 'block 0', { expected: 'block 0', came: 'no blocks' });
    const members = [...this.config.members].map(([mspId, pems]) => [
      mspId,
      pems.flatMap((pem) => fingerprintOf(pem) ?? []),
    ]);
    const orderers = this.config.consenters.length;
    const summary: LedgerSummary = {
      channel: this.channel,
      genesisHash: this.genesisHash,
      height: this.height,
      headHash: hexOf(this.headHash),
      transactions: this.transactions,
      members: Object.fromEntries(members) as Record<string, string[]>,
      orderers,
      quorum: quorumOf(orderers),
    };
    return { summary, facts: this.facts, findings: this.findings };
  }

  private decode(bytes: Uint8Array): Block | undefined {
    try {
      return decodeBlock(bytes);
    } catch {
      this.find('LEDGER_BLOCK_UNREADABLE', `block ${String(this.height)}`, {
        expected: 'the bytes of a block',
        came: `${String(bytes.length)} other bytes`,
      });
      return undefined;
    }
  }

  private checkChain(block: Block): void {
    const subject = `block ${String(block.number)}`;
    if (!isSameBytes(block.previousHash, this.headHash)) {
      const [expected, came] = [hexOf(this.headHash), hexOf(block.previousHash)];
      this.find('LEDGER_CHAIN_BROKEN', subject, { expected, came });
    }
    if (!isSameBytes(block.dataHash, block.actualDataHash)) {
      const [expected, came] = [hexOf(block.dataHash), hexOf(block.actualDataHash)];
      this.find('LEDGER_DATA_CHANGED', subject, { expected, came });
    }
  }

  private begin(block: Block): void {
    this.genesisHash = hexOf(block.headerHash);
    this.channel = block.transactions[0]?.channel ?? '';
    const { genesisHash: expected } = this.options;
    if (expected !== undefined && expected !== this.genesisHash)
      this.find('LEDGER_GENESIS_DIFFERS', 'block 0', { expected, came: this.genesisHash });
  }

  private checkOrderers(block: Block): void {
    const { consenters } = this.config;
    const signed = consenters.filter(({ id, mspId, certificate }) =>
      block.signatures.some(({ consenterId, headerBytes, signature }) => {
        const message = Buffer.concat([block.signedValue, headerBytes, block.headerBytes]);
        const identity = { mspId, certificate };
        return consenterId === id && this.orderers.signerOf({ identity, message, signature }) !== undefined;
      }),
    );
    const needed = quorumOf(consenters.length);
    if (consenters.length > 0 && signed.length >= needed) return;
    this.find('LEDGER_ORDERERS_MISSING', `block ${String(block.number)}`, {
      expected: `signatures of ${String(needed)} of ${String(consenters.length)} orderers`,
      came: String(signed.length),
    });
  }

  private apply(block: Block): void {
    const { identities, state, txIds } = this;
    judgeBlock(block, { identities, state, txIds }).forEach((judgement, txNumber) => {
      const transaction = block.transactions[txNumber];
      if (transaction === undefined) return;
      this.transactions += 1;
      this.txIds.add(transaction.txId);
      this.checkCode(transaction, judgement, block);
      if (isInForce(transaction, judgement)) this.keep(transaction, judgement, { block, txNumber });
    });
  }

  private checkCode(transaction: Transaction, judgement: Judgement, block: Block): void {
    const { verdict, isJudged, creator } = judgement;
    // Which of several reasons makes a transaction invalid is not worth a finding: it changes nothing.
    if (!isJudged || (verdict === 'VALID') === (transaction.statedCode === 'VALID')) return;
    const { txId } = transaction;
    const signedBy = { txId, blockNumber: Number(block.number) };
    this.findings.push({
      code: 'LEDGER_CODE_DIFFERS',
      subject: `transaction ${txId}`,
      expected: verdict,
      came: transaction.statedCode,
      ...(creator === undefined ? {} : { signedBy: { ...creator.signer, ...signedBy } }),
    });
  }

  private keep(
    transaction: Transaction,
    { creator }: Judgement,
    { block, txNumber }: { readonly block: Block; readonly txNumber: number },
  ): void {
    const { call, config, txId, timestampMs } = transaction;
    if (config !== undefined) this.configure(transaction);
    if (call === undefined || creator === undefined) return;
    const [method = '', argument = ''] = call.args;
    const origin: Origin = {
      signedBy: { ...creator.signer, txId, blockNumber: Number(block.number) },
      txNumber,
      timestampMs,
      method,
      argument: parseJson(argument),
    };
    this.facts.addCall(origin);
    for (const set of call.sets) if (set.namespace === CHAINCODE_NAME) this.facts.add(set, origin);
  }

  /** A later configuration was signed by a quorum of those whom the one before names. */
  private configure({ config }: Transaction): void {
    if (config === undefined) return;
    this.config = channelConfigOf(config);
    if (consensusTypeOf(config) !== 'BFT') this.config = { ...this.config, consenters: [] };
    this.identities = new Identities(this.config.members);
    this.orderers = new Identities(this.config.ordererMembers);
  }

  private find(
    code: Finding['code'],
    subject: string,
    { expected, came }: Pick<Finding, 'expected' | 'came'>,
  ): void {
    this.findings.push({ code, subject, expected, came });
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
