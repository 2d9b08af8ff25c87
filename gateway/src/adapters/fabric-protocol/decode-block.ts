import { common, ledger, msp, peer } from '@hyperledger/fabric-protos';
import { validationCodeName } from '../ledger-outcome.js';
import { blockHeaderHash } from './block-hash.js';
import { bytesOf, timeMsOf } from './bytes.js';

/** What a reader of blocks needs, whichever ledger they came from. */
export interface DecodedBlock {
  readonly number: bigint;
  readonly previousHash: Uint8Array;
  readonly dataHash: Uint8Array;
  /** What the next block must carry as its previous hash. */
  readonly headerHash: Uint8Array;
  readonly transactions: readonly DecodedTransaction[];
}

export interface DecodedTransaction {
  readonly txId: string;
  /** Fabric's validation code, such as VALID. */
  readonly code: string;
  readonly timestampMs: number;
  readonly creator: Identity;
  /** Absent for a configuration transaction. */
  readonly call?: DecodedCall;
}

export interface Identity {
  readonly mspId: string;
  /** PEM. */
  readonly certificate: string;
}

export interface DecodedCall {
  readonly chaincode: string;
  /** The first argument is `contract:Method`. */
  readonly args: readonly Uint8Array[];
  readonly endorsers: readonly Identity[];
  readonly response: Uint8Array;
  readonly event?: { readonly name: string; readonly payload: Uint8Array };
  /** Keys of the chaincode's own namespace; a value that is absent was deleted. */
  readonly writes: readonly { readonly key: string; readonly value?: Uint8Array }[];
}

/** Decodes `common.Block` bytes. Errors: protobuf's own when the bytes are not a block. */
export function decodeBlock(bytes: Uint8Array): DecodedBlock {
  const block = common.Block.deserializeBinary(bytes);
  const header = block.getHeader() ?? new common.BlockHeader();
  const codes = block.getMetadata()?.getMetadataList_asU8()[common.BlockMetadataIndex.TRANSACTIONS_FILTER];
  const envelopes = block.getData()?.getDataList_asU8() ?? [];
  return {
    number: BigInt(header.getNumber()),
    previousHash: header.getPreviousHash_asU8(),
    dataHash: header.getDataHash_asU8(),
    headerHash: blockHeaderHash(header),
    transactions: envelopes.map((envelope, index) =>
      decodeTransaction(envelope, codes?.[index] ?? peer.TxValidationCode.NOT_VALIDATED),
    ),
  };
}

function decodeTransaction(envelopeBytes: Uint8Array, code: number): DecodedTransaction {
  const envelope = common.Envelope.deserializeBinary(envelopeBytes);
  const payload = common.Payload.deserializeBinary(envelope.getPayload_asU8());
  const header = payload.getHeader() ?? new common.Header();
  const channelHeader = common.ChannelHeader.deserializeBinary(header.getChannelHeader_asU8());
  const signatureHeader = common.SignatureHeader.deserializeBinary(header.getSignatureHeader_asU8());
  const isCall = channelHeader.getType() === common.HeaderType.ENDORSER_TRANSACTION;
  return {
    txId: channelHeader.getTxId(),
    code: validationCodeName(code),
    timestampMs: timeMsOf(channelHeader.getTimestamp()),
    creator: decodeIdentity(signatureHeader.getCreator_asU8()),
    ...(isCall ? { call: decodeCall(payload.getData_asU8()) } : {}),
  };
}

export function decodeIdentity(bytes: Uint8Array): Identity {
  const identity = msp.SerializedIdentity.deserializeBinary(bytes);
  return {
    mspId: identity.getMspid(),
    certificate: Buffer.from(identity.getIdBytes_asU8()).toString('utf8'),
  };
}

function decodeCall(transactionBytes: Uint8Array): DecodedCall {
  const action =
    peer.Transaction.deserializeBinary(transactionBytes).getActionsList()[0] ?? new peer.TransactionAction();
  const actionPayload = peer.ChaincodeActionPayload.deserializeBinary(action.getPayload_asU8());
  const endorsed = actionPayload.getAction() ?? new peer.ChaincodeEndorsedAction();
  const responsePayload = peer.ProposalResponsePayload.deserializeBinary(
    endorsed.getProposalResponsePayload_asU8(),
  );
  const chaincodeAction = peer.ChaincodeAction.deserializeBinary(responsePayload.getExtension_asU8());
  const { chaincode, args } = decodeInvocation(actionPayload.getChaincodeProposalPayload_asU8());
  const event = peer.ChaincodeEvent.deserializeBinary(chaincodeAction.getEvents_asU8());
  return {
    chaincode,
    args,
    endorsers: endorsed
      .getEndorsementsList()
      .map((endorsement) => decodeIdentity(endorsement.getEndorser_asU8())),
    response: chaincodeAction.getResponse()?.getPayload_asU8() ?? new Uint8Array(),
    ...(event.getEventName() === ''
      ? {}
      : { event: { name: event.getEventName(), payload: event.getPayload_asU8() } }),
    writes: decodeWrites(chaincodeAction.getResults_asU8(), chaincode),
  };
}

function decodeInvocation(proposalPayload: Uint8Array): { chaincode: string; args: Uint8Array[] } {
  const input = peer.ChaincodeProposalPayload.deserializeBinary(proposalPayload).getInput_asU8();
  const specification = peer.ChaincodeInvocationSpec.deserializeBinary(input).getChaincodeSpec();
  return {
    chaincode: specification?.getChaincodeId()?.getName() ?? '',
    args: specification?.getInput()?.getArgsList_asU8() ?? [],
  };
}

function decodeWrites(results: Uint8Array, chaincode: string): { key: string; value?: Uint8Array }[] {
  return ledger.rwset.TxReadWriteSet.deserializeBinary(results)
    .getNsRwsetList()
    .filter((namespace) => namespace.getNamespace() === chaincode)
    .flatMap((namespace) =>
      ledger.rwset.kvrwset.KVRWSet.deserializeBinary(bytesOf(namespace.getRwset())).getWritesList(),
    )
    .map((write) =>
      write.getIsDelete() ? { key: write.getKey() } : { key: write.getKey(), value: write.getValue_asU8() },
    );
}
