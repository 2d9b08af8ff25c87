import { common, peer } from '@hyperledger/fabric-protos';
import { serializeIdentity, sha256, timestampOf, transactionId } from '../fabric-protocol/bytes.js';
import type { ChaincodeOutcome } from './chaincode-runtime.js';
import type { ReadWriteSet } from './read-write-set.js';
import { encodeReadWriteSet } from './read-write-set.js';

/** A peer or orderer of the embedded ledger. Its key never leaves it; it signs messages, DER with low S. */
export interface NodeIdentity {
  readonly mspId: string;
  /** PEM. */
  readonly certificate: string;
  signMessage(message: Uint8Array): Uint8Array;
}

/** `peer.Proposal` and the parts that go on into the transaction. */
export interface Proposal {
  readonly txId: string;
  readonly creator: Uint8Array;
  readonly timestampMs: number;
  readonly bytes: Uint8Array;
  readonly channelHeader: Uint8Array;
  readonly signatureHeader: Uint8Array;
  readonly payload: Uint8Array;
}

export interface ProposalInput {
  readonly channel: string;
  readonly chaincode: string;
  /** `contract:Method` first. */
  readonly args: readonly string[];
  readonly creator: Uint8Array;
  readonly nonce: Uint8Array;
  readonly timestampMs: number;
}

export function makeProposal(input: ProposalInput): Proposal {
  const txId = transactionId(input.nonce, input.creator);
  const channelHeader = makeChannelHeader(input, txId);
  const signatureHeader = makeSignatureHeader(input);
  const payload = makePayload(input);
  const header = new common.Header();
  header.setChannelHeader(channelHeader);
  header.setSignatureHeader(signatureHeader);
  const proposal = new peer.Proposal();
  proposal.setHeader(header.serializeBinary());
  proposal.setPayload(payload);
  const { creator, timestampMs } = input;
  return {
    txId,
    creator,
    timestampMs,
    bytes: proposal.serializeBinary(),
    channelHeader,
    signatureHeader,
    payload,
  };
}

/** What every endorser signs: the outcome bound to the proposal. */
export function makeResponsePayload(
  proposal: Proposal,
  chaincode: string,
  outcome: ChaincodeOutcome,
  set: ReadWriteSet,
): Uint8Array {
  const response = new peer.Response();
  response.setStatus(outcome.status);
  response.setPayload(outcome.payload);
  const action = new peer.ChaincodeAction();
  action.setResults(encodeReadWriteSet(set, chaincode));
  action.setResponse(response);
  action.setChaincodeId(chaincodeId(chaincode));
  if (outcome.event !== undefined) action.setEvents(makeEvent(outcome.event, chaincode, proposal.txId));
  const payload = new peer.ProposalResponsePayload();
  payload.setProposalHash(sha256(proposal.channelHeader, proposal.signatureHeader, proposal.payload));
  payload.setExtension$(action.serializeBinary());
  return payload.serializeBinary();
}

/** `common.Payload` bytes of the transaction, over which its creator signs. */
export function makeTransactionPayload(
  proposal: Proposal,
  responsePayload: Uint8Array,
  endorsers: readonly NodeIdentity[],
): Uint8Array {
  const endorsed = new peer.ChaincodeEndorsedAction();
  endorsed.setProposalResponsePayload(responsePayload);
  for (const endorser of endorsers) endorsed.addEndorsements(endorse(responsePayload, endorser));
  const actionPayload = new peer.ChaincodeActionPayload();
  actionPayload.setChaincodeProposalPayload(proposal.payload);
  actionPayload.setAction(endorsed);
  const action = new peer.TransactionAction();
  action.setHeader(proposal.signatureHeader);
  action.setPayload(actionPayload.serializeBinary());
  const transaction = new peer.Transaction();
  transaction.addActions(action);
  const header = new common.Header();
  header.setChannelHeader(proposal.channelHeader);
  header.setSignatureHeader(proposal.signatureHeader);
  const payload = new common.Payload();
  payload.setHeader(header);
  payload.setData(transaction.serializeBinary());
  return payload.serializeBinary();
}

export function makeEnvelope(payload: Uint8Array, signature: Uint8Array): Uint8Array {
  const envelope = new common.Envelope();
  envelope.setPayload(payload);
  envelope.setSignature(signature);
  return envelope.serializeBinary();
}

export function makeSignedProposal(proposal: Proposal, signature: Uint8Array): peer.SignedProposal {
  const signed = new peer.SignedProposal();
  signed.setProposalBytes(proposal.bytes);
  signed.setSignature(signature);
  return signed;
}

function endorse(responsePayload: Uint8Array, endorser: NodeIdentity): peer.Endorsement {
  const identity = serializeIdentity(endorser);
  const endorsement = new peer.Endorsement();
  endorsement.setEndorser(identity);
  endorsement.setSignature(endorser.signMessage(Buffer.concat([responsePayload, identity])));
  return endorsement;
}

function makeEvent(
  event: { readonly name: string; readonly payload: Uint8Array },
  chaincode: string,
  txId: string,
): Uint8Array {
  const encoded = new peer.ChaincodeEvent();
  encoded.setChaincodeId(chaincode);
  encoded.setTxId(txId);
  encoded.setEventName(event.name);
  encoded.setPayload(event.payload);
  return encoded.serializeBinary();
}

function makeChannelHeader(input: ProposalInput, txId: string): Uint8Array {
  const extension = new peer.ChaincodeHeaderExtension();
  extension.setChaincodeId(chaincodeId(input.chaincode));
  const header = new common.ChannelHeader();
  header.setType(common.HeaderType.ENDORSER_TRANSACTION);
  header.setTxId(txId);
  header.setTimestamp(timestampOf(input.timestampMs));
  header.setChannelId(input.channel);
  header.setExtension$(extension.serializeBinary());
  return header.serializeBinary();
}

function makeSignatureHeader(input: ProposalInput): Uint8Array {
  const header = new common.SignatureHeader();
  header.setCreator(input.creator);
  header.setNonce(input.nonce);
  return header.serializeBinary();
}

function makePayload(input: ProposalInput): Uint8Array {
  const chaincodeInput = new peer.ChaincodeInput();
  chaincodeInput.setArgsList(input.args.map((argument) => Buffer.from(argument)));
  const specification = new peer.ChaincodeSpec();
  specification.setType(peer.ChaincodeSpec.Type.NODE);
  specification.setChaincodeId(chaincodeId(input.chaincode));
  specification.setInput(chaincodeInput);
  const invocation = new peer.ChaincodeInvocationSpec();
  invocation.setChaincodeSpec(specification);
  const payload = new peer.ChaincodeProposalPayload();
  payload.setInput(invocation.serializeBinary());
  return payload.serializeBinary();
}

function chaincodeId(name: string): peer.ChaincodeID {
  const id = new peer.ChaincodeID();
  id.setName(name);
  return id;
}
