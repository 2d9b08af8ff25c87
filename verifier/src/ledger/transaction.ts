/**
 * A transaction as its envelope says, with every byte that somebody signed.
 *
 *   transaction id       = hex SHA-256(nonce || creator)
 *   proposal hash        = SHA-256(channel header || signature header || proposal payload)
 *   the creator signs      payload of the envelope
 *   each endorser signs    proposal response payload || its serialized identity
 */
import { common, msp, peer } from '@hyperledger/fabric-protos';
import { isSameBytes, sha256, timeMsOf } from './protobuf.js';
import { decodeReadWriteSets, type ReadWriteSet } from './read-write-set.js';

export interface Identity {
  readonly mspId: string;
  /** PEM. */
  readonly certificate: string;
}

export interface Signed {
  readonly identity: Identity;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Transaction {
  readonly txId: string;
  /** As the giver of the block states it: Fabric's name, such as VALID. */
  readonly statedCode: string;
  readonly channel: string;
  readonly timestampMs: number;
  /** The creator's signature over the whole transaction, arguments included. */
  readonly signed: Signed;
  /** The id is the digest of nonce and creator. */
  readonly hasOwnId: boolean;
  /** Set for a configuration transaction. */
  readonly config?: common.Config;
  /** Set for an invocation. */
  readonly call?: ChaincodeCall;
}

export interface ChaincodeCall {
  readonly chaincode: string;
  /** `contract:Method` first. */
  readonly args: readonly string[];
  /** What was endorsed is the outcome of this very proposal. */
  readonly isBound: boolean;
  readonly endorsements: readonly Signed[];
  /** One per namespace. */
  readonly sets: readonly ReadWriteSet[];
}

const NO_BYTES = new Uint8Array();
const CODE_NAMES = new Map<number, string>(
  Object.entries(peer.TxValidationCode).map(([name, code]) => [Number(code), name]),
);

/** Bytes that are no transaction give one that nobody signed: anyone may have such bytes ordered into a block. */
export function decodeTransaction(envelopeBytes: Uint8Array, code: number): Transaction {
  const statedCode = CODE_NAMES.get(code) ?? `UNKNOWN_${String(code)}`;
  try {
    return { statedCode, ...decodeEnvelope(envelopeBytes) };
  } catch {
    const nobody = { identity: { mspId: '', certificate: '' }, message: envelopeBytes, signature: NO_BYTES };
    return { statedCode, txId: '', channel: '', timestampMs: 0, signed: nobody, hasOwnId: false };
  }
}

function decodeEnvelope(envelopeBytes: Uint8Array): Omit<Transaction, 'statedCode'> {
  const envelope = common.Envelope.deserializeBinary(envelopeBytes);
  const message = envelope.getPayload_asU8();
  const payload = common.Payload.deserializeBinary(message);
  const header = payload.getHeader() ?? new common.Header();
  const channelHeader = common.ChannelHeader.deserializeBinary(header.getChannelHeader_asU8());
  const signatureHeader = common.SignatureHeader.deserializeBinary(header.getSignatureHeader_asU8());
  const creator = signatureHeader.getCreator_asU8();
  const txId = channelHeader.getTxId();
  return {
    txId,
    channel: channelHeader.getChannelId(),
    timestampMs: timeMsOf(channelHeader.getTimestamp()),
    signed: { identity: decodeIdentity(creator), message, signature: envelope.getSignature_asU8() },
    hasOwnId: sha256(signatureHeader.getNonce_asU8(), creator).toString('hex') === txId,
    ...contentOf(channelHeader.getType(), payload, header),
  };
}

function contentOf(
  type: number,
  payload: common.Payload,
  header: common.Header,
): Pick<Transaction, 'config' | 'call'> {
  if (type === common.HeaderType.ENDORSER_TRANSACTION) {
    const call = decodeCall(payload.getData_asU8(), header.getChannelHeader_asU8());
    return call === undefined ? {} : { call };
  }
  if (type !== common.HeaderType.CONFIG) return {};
  const config = common.ConfigEnvelope.deserializeBinary(payload.getData_asU8()).getConfig();
  return config === undefined ? {} : { config };
}

export function decodeIdentity(bytes: Uint8Array): Identity {
  const identity = msp.SerializedIdentity.deserializeBinary(bytes);
  return {
    mspId: identity.getMspid(),
    certificate: Buffer.from(identity.getIdBytes_asU8()).toString('utf8'),
  };
}

/** Fabric allows one action per transaction. */
function decodeCall(bytes: Uint8Array, channelHeader: Uint8Array): ChaincodeCall | undefined {
  const actions = peer.Transaction.deserializeBinary(bytes).getActionsList();
  const [action] = actions;
  if (action === undefined || actions.length > 1) return undefined;
  const payload = peer.ChaincodeActionPayload.deserializeBinary(action.getPayload_asU8());
  const proposal = payload.getChaincodeProposalPayload_asU8();
  const endorsed = payload.getAction() ?? new peer.ChaincodeEndorsedAction();
  const responseBytes = endorsed.getProposalResponsePayload_asU8();
  const response = peer.ProposalResponsePayload.deserializeBinary(responseBytes);
  const outcome = peer.ChaincodeAction.deserializeBinary(response.getExtension_asU8());
  const proposalHash = sha256(channelHeader, action.getHeader_asU8(), proposal);
  return {
    ...decodeInvocation(proposal),
    isBound: isSameBytes(proposalHash, response.getProposalHash_asU8()),
    endorsements: endorsed.getEndorsementsList().map((endorsement) => {
      const endorser = endorsement.getEndorser_asU8();
      return {
        identity: decodeIdentity(endorser),
        message: Buffer.concat([responseBytes, endorser]),
        signature: endorsement.getSignature_asU8(),
      };
    }),
    sets: decodeReadWriteSets(outcome.getResults_asU8()),
  };
}

function decodeInvocation(proposal: Uint8Array): Pick<ChaincodeCall, 'chaincode' | 'args'> {
  const input = peer.ChaincodeProposalPayload.deserializeBinary(proposal).getInput_asU8();
  const specification = peer.ChaincodeInvocationSpec.deserializeBinary(input).getChaincodeSpec();
  const args = specification?.getInput()?.getArgsList_asU8() ?? [];
  return {
    chaincode: specification?.getChaincodeId()?.getName() ?? '',
    args: args.map((argument) => Buffer.from(argument).toString('utf8')),
  };
}
