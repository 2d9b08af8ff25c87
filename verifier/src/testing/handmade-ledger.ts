import { randomBytes } from 'node:crypto';
import { common, ledger, msp, orderer, peer } from '@hyperledger/fabric-protos';
import { CHAINCODE_NAME, canonicalJson, type KEYS } from '@careledger/protocol';
import { blockHeaderBytes } from '../ledger/block.js';
import { mapField, sha256 } from '../ledger/protobuf.js';
import type { TestIdentity, TestMember } from './identities.js';

export const CHANNEL = 'test';
/** Stands in a document for the id of the transaction that writes it. */
export const OWN_TX = '$own-tx';
type KeyPrefix = (typeof KEYS)[keyof typeof KEYS];

export interface DocumentWrite {
  readonly prefix: KeyPrefix;
  readonly attributes: readonly string[];
  /** Undefined deletes. */
  readonly value: unknown;
}

/** One transaction as a test wants it, honest or not: nothing is checked here. */
export interface HandmadeCall {
  readonly sender: TestIdentity;
  /** Such as `queries:Open`. */
  readonly method: string;
  readonly argument: unknown;
  readonly writes: readonly DocumentWrite[];
  readonly reads?: readonly Pick<DocumentWrite, 'prefix' | 'attributes'>[];
  readonly ranges?: readonly Pick<DocumentWrite, 'prefix' | 'attributes'>[];
  readonly policies?: readonly (Pick<DocumentWrite, 'prefix' | 'attributes'> & {
    readonly policy: Uint8Array;
  })[];
  /** Default: peers of a majority. */
  readonly endorsers?: readonly TestIdentity[];
  /** Stated by whoever gives the block; default VALID. */
  readonly code?: number;
  /** Version that the transaction claims to have read instead of the present one. */
  readonly staleRead?: { readonly blockNumber: number; readonly txNumber: number };
  readonly nonce?: Uint8Array;
  readonly changeEnvelope?: (envelope: common.Envelope) => void;
}

const { kvrwset } = ledger.rwset;

/** Blocks in Fabric's form, made by hand: four members, four orderers. */
export class HandmadeLedger {
  readonly blocks: Uint8Array[] = [];
  private pending: { readonly envelope: Uint8Array; readonly code: number }[] = [];
  private previousHash: Uint8Array = new Uint8Array();
  private readonly versions = new Map<string, { blockNumber: number; txNumber: number }>();

  constructor(
    private readonly members: readonly TestMember[],
    /** Places of the orderers that sign each block; default a quorum. */
    private readonly signers: readonly number[] = [0, 1, 2],
  ) {
    this.pending.push({ envelope: genesisEnvelope(members), code: 0 });
    this.cut();
  }

  /** Adds a transaction to the block that is cut next. @returns its id */
  transact(call: HandmadeCall): string {
    const { sender, nonce = randomBytes(24) } = call;
    const txId = sha256(nonce, sender.serialized).toString('hex');
    const channelHeader = channelHeaderOf(txId);
    const signatureHeader = new common.SignatureHeader();
    signatureHeader.setCreator(sender.serialized);
    signatureHeader.setNonce(nonce);
    const headers = { channel: channelHeader, signature: signatureHeader.serializeBinary() };
    const payload = this.payloadOf(call, headers, txId);
    const envelope = new common.Envelope();
    envelope.setPayload(payload);
    envelope.setSignature(sender.sign(payload));
    call.changeEnvelope?.(envelope);
    this.pending.push({ envelope: envelope.serializeBinary(), code: call.code ?? 0 });
    // As a peer would; a transaction that a test makes invalid leaves no version behind.
    if ((call.code ?? 0) === 0) {
      const version = { blockNumber: this.blocks.length, txNumber: this.pending.length - 1 };
      for (const write of [...call.writes, ...(call.policies ?? [])])
        this.versions.set(keyOf(write), version);
    }
    return txId;
  }

  /** Cuts a block of what is pending. */
  cut(): void {
    const header = new common.BlockHeader();
    header.setNumber(this.blocks.length);
    header.setPreviousHash(this.previousHash);
    header.setDataHash(sha256(...this.pending.map(({ envelope }) => envelope)));
    const data = new common.BlockData();
    data.setDataList(this.pending.map(({ envelope }) => envelope));
    const metadata = new common.BlockMetadata();
    const codes = Uint8Array.from(this.pending.map(({ code }) => code));
    metadata.setMetadataList([this.signaturesOf(header), new Uint8Array(), codes, new Uint8Array()]);
    const block = new common.Block();
    block.setHeader(header);
    block.setData(data);
    block.setMetadata(metadata);
    this.blocks.push(block.serializeBinary());
    this.previousHash = sha256(blockHeaderBytes(header));
    this.pending = [];
  }

  private signaturesOf(header: common.BlockHeader): Uint8Array {
    const lastConfig = new common.LastConfig();
    const ordererMetadata = new common.OrdererBlockMetadata();
    ordererMetadata.setLastConfig(lastConfig);
    const value = ordererMetadata.serializeBinary();
    const metadata = new common.Metadata();
    metadata.setValue(value);
    // The first block is unsigned, as Fabric's is: it is what a reader trusts to begin with.
    for (const place of this.blocks.length === 0 ? [] : this.signers) {
      const member = this.members[place];
      if (member === undefined) throw new RangeError('no such orderer');
      const identifier = new common.IdentifierHeader();
      identifier.setIdentifier(place + 1);
      identifier.setNonce(randomBytes(24));
      const identifierHeader = identifier.serializeBinary();
      const signature = new common.MetadataSignature();
      signature.setIdentifierHeader(identifierHeader);
      signature.setSignature(
        member.orderer.sign(Buffer.concat([value, identifierHeader, blockHeaderBytes(header)])),
      );
      metadata.addSignatures(signature);
    }
    return metadata.serializeBinary();
  }

  private payloadOf(
    call: HandmadeCall,
    headers: { readonly channel: Uint8Array; readonly signature: Uint8Array },
    txId: string,
  ): Uint8Array {
    const proposal = proposalOf(call);
    const action = new peer.ChaincodeAction();
    action.setResults(this.resultsOf(call, txId));
    const response = new peer.ProposalResponsePayload();
    response.setProposalHash(sha256(headers.channel, headers.signature, proposal));
    response.setExtension$(action.serializeBinary());
    const responseBytes = response.serializeBinary();
    const endorsed = new peer.ChaincodeEndorsedAction();
    endorsed.setProposalResponsePayload(responseBytes);
    for (const endorser of call.endorsers ?? this.members.slice(0, 3).map((member) => member.peer)) {
      const endorsement = new peer.Endorsement();
      endorsement.setEndorser(endorser.serialized);
      endorsement.setSignature(endorser.sign(Buffer.concat([responseBytes, endorser.serialized])));
      endorsed.addEndorsements(endorsement);
    }
    const actionPayload = new peer.ChaincodeActionPayload();
    actionPayload.setChaincodeProposalPayload(proposal);
    actionPayload.setAction(endorsed);
    const transactionAction = new peer.TransactionAction();
    transactionAction.setHeader(headers.signature);
    transactionAction.setPayload(actionPayload.serializeBinary());
    const transaction = new peer.Transaction();
    transaction.addActions(transactionAction);
    const header = new common.Header();
    header.setChannelHeader(headers.channel);
    header.setSignatureHeader(headers.signature);
    const payload = new common.Payload();
    payload.setHeader(header);
    payload.setData(transaction.serializeBinary());
    return payload.serializeBinary();
  }

  private resultsOf(
    { writes, reads = [], ranges = [], policies = [], staleRead }: HandmadeCall,
    txId: string,
  ): Uint8Array {
    const set = new kvrwset.KVRWSet();
    const read = (key: string) => {
      const entry = new kvrwset.KVRead();
      entry.setKey(key);
      const at = staleRead ?? this.versions.get(key);
      if (at === undefined) return entry;
      const version = new kvrwset.Version();
      version.setBlockNum(at.blockNumber);
      version.setTxNum(at.txNumber);
      entry.setVersion(version);
      return entry;
    };
    for (const one of reads) set.addReads(read(keyOf(one)));
    for (const range of ranges) {
      const start = keyOf(range);
      const info = new kvrwset.RangeQueryInfo();
      info.setStartKey(start);
      info.setEndKey(`${start}\u{10ffff}`);
      info.setItrExhausted(true);
      const raw = new kvrwset.QueryReads();
      const keys = [...this.versions.keys()].filter((key) => key.startsWith(start)).sort();
      for (const key of keys) raw.addKvReads(read(key));
      info.setRawReads(raw);
      set.addRangeQueriesInfo(info);
    }
    for (const one of writes) {
      const write = new kvrwset.KVWrite();
      write.setKey(keyOf(one));
      if (one.value === undefined) write.setIsDelete(true);
      else write.setValue(Buffer.from(canonicalJson(one.value).replaceAll(OWN_TX, txId)));
      set.addWrites(write);
    }
    for (const one of policies) {
      const entry = new kvrwset.KVMetadataEntry();
      entry.setName('VALIDATION_PARAMETER');
      entry.setValue(one.policy);
      const write = new kvrwset.KVMetadataWrite();
      write.setKey(keyOf(one));
      write.addEntries(entry);
      set.addMetadataWrites(write);
    }
    const namespace = new ledger.rwset.NsReadWriteSet();
    namespace.setNamespace(CHAINCODE_NAME);
    namespace.setRwset(set.serializeBinary());
    const transaction = new ledger.rwset.TxReadWriteSet();
    transaction.addNsRwset(namespace);
    return transaction.serializeBinary();
  }
}

export async function* streamOf(blocks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const block of blocks) yield await Promise.resolve(block);
}

function keyOf({ prefix, attributes }: Pick<DocumentWrite, 'prefix' | 'attributes'>): string {
  return `\u0000${[prefix, ...attributes].map((part) => `${part}\u0000`).join('')}`;
}

function channelHeaderOf(txId: string): Uint8Array {
  const header = new common.ChannelHeader();
  header.setType(common.HeaderType.ENDORSER_TRANSACTION);
  header.setTxId(txId);
  header.setChannelId(CHANNEL);
  return header.serializeBinary();
}

function proposalOf({ method, argument }: HandmadeCall): Uint8Array {
  const id = new peer.ChaincodeID();
  id.setName(CHAINCODE_NAME);
  const input = new peer.ChaincodeInput();
  input.setArgsList([method, canonicalJson(argument), ''].map((part) => Buffer.from(part)));
  const specification = new peer.ChaincodeSpec();
  specification.setChaincodeId(id);
  specification.setInput(input);
  const invocation = new peer.ChaincodeInvocationSpec();
  invocation.setChaincodeSpec(specification);
  const payload = new peer.ChaincodeProposalPayload();
  payload.setInput(invocation.serializeBinary());
  return payload.serializeBinary();
}

function genesisEnvelope(members: readonly TestMember[]): Uint8Array {
  const groups = (group: common.ConfigGroup) => mapField<common.ConfigGroup>(group.getGroupsMap());
  const values = (group: common.ConfigGroup) => mapField<common.ConfigValue>(group.getValuesMap());
  const valueOf = (bytes: Uint8Array): common.ConfigValue => {
    const value = new common.ConfigValue();
    value.setValue(bytes);
    return value;
  };
  const memberGroup = ({ mspId, rootCertificate }: TestMember): common.ConfigGroup => {
    const config = new msp.FabricMSPConfig();
    config.setName(mspId);
    config.setRootCertsList([Buffer.from(rootCertificate)]);
    const mspConfig = new msp.MSPConfig();
    mspConfig.setConfig(config.serializeBinary());
    const group = new common.ConfigGroup();
    values(group).set('MSP', valueOf(mspConfig.serializeBinary()));
    return group;
  };
  const orderers = new common.Orderers();
  orderers.setConsenterMappingList(
    members.map((member, index) => {
      const consenter = new common.Consenter();
      consenter.setId(index + 1);
      consenter.setMspId(member.mspId);
      consenter.setIdentity(Buffer.from(member.orderer.certificate));
      return consenter;
    }),
  );
  const consensus = new orderer.ConsensusType();
  consensus.setType('BFT');
  const application = new common.ConfigGroup();
  const ordering = new common.ConfigGroup();
  for (const member of members) {
    groups(application).set(member.mspId, memberGroup(member));
    groups(ordering).set(member.mspId, memberGroup(member));
  }
  values(ordering).set('Orderers', valueOf(orderers.serializeBinary()));
  values(ordering).set('ConsensusType', valueOf(consensus.serializeBinary()));
  const channelGroup = new common.ConfigGroup();
  groups(channelGroup).set('Application', application);
  groups(channelGroup).set('Orderer', ordering);
  const config = new common.Config();
  config.setChannelGroup(channelGroup);
  const envelope = new common.ConfigEnvelope();
  envelope.setConfig(config);
  const channelHeader = new common.ChannelHeader();
  channelHeader.setType(common.HeaderType.CONFIG);
  channelHeader.setChannelId(CHANNEL);
  const header = new common.Header();
  header.setChannelHeader(channelHeader.serializeBinary());
  const payload = new common.Payload();
  payload.setHeader(header);
  payload.setData(envelope.serializeBinary());
  const outer = new common.Envelope();
  outer.setPayload(payload.serializeBinary());
  return outer.serializeBinary();
}
