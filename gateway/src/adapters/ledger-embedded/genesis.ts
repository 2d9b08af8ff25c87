import { common, msp, orderer } from '@hyperledger/fabric-protos';
import { CareLedgerError } from '@careledger/protocol';
import { mapField, timestampOf, type MapField } from '../fabric-protocol/bytes.js';
import { CONSENTER_ID, makeBlock } from './block.js';
import type { MemberRoot } from './membership.js';
import { makeEnvelope, type NodeIdentity } from './transaction.js';

const FABRIC_MSP_TYPE = 0;
const VALID = 0;

export interface GenesisInput {
  readonly channel: string;
  readonly members: readonly MemberRoot[];
  readonly orderer: NodeIdentity;
  readonly timestampMs: number;
}

/**
 * Block 0: a configuration in Fabric's form that names the members' root certificates and the orderer, so that a
 * reader of blocks finds whom to believe where Fabric has it. Policies and capabilities are left out: the embedded
 * ledger's rules are its code.
 */
export function makeGenesisBlock(input: GenesisInput): common.Block {
  const channelGroup = new common.ConfigGroup();
  const application = new common.ConfigGroup();
  for (const member of input.members) groupsOf(application).set(member.mspId, memberGroup(member));
  groupsOf(channelGroup).set('Application', application);
  groupsOf(channelGroup).set('Orderer', ordererGroup(input.orderer));
  const config = new common.Config();
  config.setChannelGroup(channelGroup);
  const envelope = new common.ConfigEnvelope();
  envelope.setConfig(config);
  const payload = new common.Payload();
  payload.setHeader(configHeader(input));
  payload.setData(envelope.serializeBinary());
  const envelopes = [makeEnvelope(payload.serializeBinary(), new Uint8Array())];
  return makeBlock({ number: 0, previousHash: new Uint8Array(), envelopes, codes: [VALID] }, undefined);
}

/** @throws CareLedgerError LEDGER_UNAVAILABLE when the ledger on disk was made for another channel or other members. */
export function assertGenesisMatches(
  blockBytes: Uint8Array,
  input: Pick<GenesisInput, 'channel' | 'members'>,
): void {
  const found = readGenesis(blockBytes);
  const isSame =
    found.channel === input.channel &&
    found.members.getLength() === input.members.length &&
    input.members.every((member) => rootOf(found.members.get(member.mspId)) === member.rootCertificate);
  if (isSame) return;
  throw new CareLedgerError('LEDGER_UNAVAILABLE', {
    message:
      'The embedded ledger on disk was made for another channel or for other members’ root certificates.',
  });
}

function readGenesis(blockBytes: Uint8Array): { channel: string; members: MapField<common.ConfigGroup> } {
  const envelopeBytes = common.Block.deserializeBinary(blockBytes).getData()?.getDataList_asU8()[0];
  const envelope = common.Envelope.deserializeBinary(envelopeBytes ?? new Uint8Array());
  const payload = common.Payload.deserializeBinary(envelope.getPayload_asU8());
  const header = payload.getHeader()?.getChannelHeader_asU8() ?? new Uint8Array();
  const config = common.ConfigEnvelope.deserializeBinary(payload.getData_asU8()).getConfig();
  const application = groupsOf(config?.getChannelGroup() ?? new common.ConfigGroup()).get('Application');
  return {
    channel: common.ChannelHeader.deserializeBinary(header).getChannelId(),
    members: groupsOf(application ?? new common.ConfigGroup()),
  };
}

function groupsOf(group: common.ConfigGroup): MapField<common.ConfigGroup> {
  return mapField(group.getGroupsMap());
}

function valuesOf(group: common.ConfigGroup): MapField<common.ConfigValue> {
  return mapField(group.getValuesMap());
}

function rootOf(group: common.ConfigGroup | undefined): string | undefined {
  const value = valuesOf(group ?? new common.ConfigGroup())
    .get('MSP')
    ?.getValue_asU8();
  if (value === undefined) return undefined;
  const config = msp.FabricMSPConfig.deserializeBinary(
    msp.MSPConfig.deserializeBinary(value).getConfig_asU8(),
  );
  return Buffer.from(config.getRootCertsList_asU8()[0] ?? []).toString('utf8');
}

function configHeader(input: GenesisInput): common.Header {
  const channelHeader = new common.ChannelHeader();
  channelHeader.setType(common.HeaderType.CONFIG);
  channelHeader.setTimestamp(timestampOf(input.timestampMs));
  channelHeader.setChannelId(input.channel);
  const header = new common.Header();
  header.setChannelHeader(channelHeader.serializeBinary());
  header.setSignatureHeader(new common.SignatureHeader().serializeBinary());
  return header;
}

function memberGroup(member: MemberRoot): common.ConfigGroup {
  const units = new msp.FabricNodeOUs();
  units.setEnable(true);
  units.setClientOuIdentifier(unit('client'));
  units.setPeerOuIdentifier(unit('peer'));
  units.setAdminOuIdentifier(unit('admin'));
  units.setOrdererOuIdentifier(unit('orderer'));
  const crypto = new msp.FabricCryptoConfig();
  crypto.setSignatureHashFamily('SHA2');
  crypto.setIdentityIdentifierHashFunction('SHA256');
  const config = new msp.FabricMSPConfig();
  config.setName(member.mspId);
  config.setRootCertsList([Buffer.from(member.rootCertificate)]);
  config.setFabricNodeOus(units);
  config.setCryptoConfig(crypto);
  const mspConfig = new msp.MSPConfig();
  mspConfig.setType(FABRIC_MSP_TYPE);
  mspConfig.setConfig(config.serializeBinary());
  const group = new common.ConfigGroup();
  valuesOf(group).set('MSP', configValue(mspConfig.serializeBinary()));
  return group;
}

function ordererGroup(identity: NodeIdentity): common.ConfigGroup {
  const consensus = new orderer.ConsensusType();
  consensus.setType('BFT');
  const consenter = new common.Consenter();
  consenter.setId(CONSENTER_ID);
  consenter.setHost('embedded');
  consenter.setMspId(identity.mspId);
  consenter.setIdentity(Buffer.from(identity.certificate));
  const orderers = new common.Orderers();
  orderers.setConsenterMappingList([consenter]);
  const group = new common.ConfigGroup();
  valuesOf(group).set('ConsensusType', configValue(consensus.serializeBinary()));
  valuesOf(group).set('Orderers', configValue(orderers.serializeBinary()));
  return group;
}

function unit(name: string): msp.FabricOUIdentifier {
  const identifier = new msp.FabricOUIdentifier();
  identifier.setOrganizationalUnitIdentifier(name);
  return identifier;
}

function configValue(bytes: Uint8Array): common.ConfigValue {
  const value = new common.ConfigValue();
  value.setValue(bytes);
  return value;
}
