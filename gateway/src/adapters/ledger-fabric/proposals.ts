import type { Commit, Gateway, Proposal } from '@hyperledger/fabric-gateway';
import { common, gateway as protos, peer } from '@hyperledger/fabric-protos';
import { timestampOf } from '../fabric-protocol/bytes.js';

/** The same proposal under another timestamp. The transaction id does not depend on it. */
export function redate(gateway: Gateway, proposal: Proposal, timestampMs: number): Proposal {
  const proposed = protos.ProposedTransaction.deserializeBinary(proposal.getBytes());
  const signed = proposed.getProposal() ?? new peer.SignedProposal();
  const inner = peer.Proposal.deserializeBinary(signed.getProposalBytes_asU8());
  const header = common.Header.deserializeBinary(inner.getHeader_asU8());
  const channelHeader = common.ChannelHeader.deserializeBinary(header.getChannelHeader_asU8());
  channelHeader.setTimestamp(timestampOf(timestampMs));
  header.setChannelHeader(channelHeader.serializeBinary());
  inner.setHeader(header.serializeBinary());
  signed.setProposalBytes(inner.serializeBinary());
  proposed.setProposal(signed);
  return gateway.newProposal(proposed.serializeBinary());
}

/** A question for the fate of any transaction of a channel. */
export function commitOf(
  gateway: Gateway,
  options: { channel: string; txId: string; creator: Uint8Array },
): Commit {
  const request = new protos.CommitStatusRequest();
  request.setChannelId(options.channel);
  request.setTransactionId(options.txId);
  request.setIdentity(options.creator);
  const signed = new protos.SignedCommitStatusRequest();
  signed.setRequest(request.serializeBinary());
  return gateway.newCommit(signed.serializeBinary());
}
