import { X509Certificate } from 'node:crypto';
import { common, msp, orderer } from '@hyperledger/fabric-protos';
import { mapField } from './protobuf.js';

/** Whom the channel's configuration says to believe. */
export interface ChannelConfig {
  /** Members by MSP id: certificates of their authorities, PEM, roots first. */
  readonly members: ReadonlyMap<string, readonly string[]>;
  /** The same for the organisations that run orderers. */
  readonly ordererMembers: ReadonlyMap<string, readonly string[]>;
  readonly consenters: readonly Consenter[];
}

export interface Consenter {
  readonly id: number;
  readonly mspId: string;
  /** PEM. */
  readonly certificate: string;
}

/** Reads a configuration; what is not in it is empty. */
export function channelConfigOf(config: common.Config): ChannelConfig {
  const groups = groupsOf(config.getChannelGroup());
  const ordererGroup = groups.get('Orderer');
  const consenters = valueOf(ordererGroup, 'Orderers');
  const members = membersOf(groups.get('Application'));
  const ordererMembers = membersOf(ordererGroup);
  return {
    members,
    // The embedded ledger's configuration lists no organisation below `Orderer`: its members run the orderer.
    ordererMembers: ordererMembers.size === 0 ? members : ordererMembers,
    consenters: common.Orderers.deserializeBinary(consenters)
      .getConsenterMappingList()
      .map((consenter) => ({
        id: consenter.getId(),
        mspId: consenter.getMspId(),
        certificate: Buffer.from(consenter.getIdentity_asU8()).toString('utf8'),
      })),
  };
}

/** The consensus type of the configuration, such as BFT. */
export function consensusTypeOf(config: common.Config): string {
  const bytes = valueOf(groupsOf(config.getChannelGroup()).get('Orderer'), 'ConsensusType');
  return orderer.ConsensusType.deserializeBinary(bytes).getType();
}

/**
 * Signatures that a BFT block needs: ceil((n + f + 1) / 2) with f = floor((n - 1) / 3) faulty ones among n orderers
 * (fabric/common/policies, ComputeBFTQuorum). 3 of 4, 1 of 1.
 */
export function quorumOf(consenters: number): number {
  const faulty = Math.floor((consenters - 1) / 3);
  return Math.ceil((consenters + faulty + 1) / 2);
}

/** SHA-256 of a certificate's DER bytes, lower-case hex without colons; undefined when it cannot be read. */
export function fingerprintOf(pem: string): string | undefined {
  try {
    return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
  } catch {
    return undefined;
  }
}

function membersOf(group: common.ConfigGroup | undefined): Map<string, string[]> {
  const members = new Map<string, string[]>();
  groupsOf(group).forEach((member) => {
    const { mspId, authorities } = authoritiesOf(valueOf(member, 'MSP'));
    if (mspId !== '') members.set(mspId, authorities);
  });
  return members;
}

function authoritiesOf(bytes: Uint8Array): { mspId: string; authorities: string[] } {
  const config = msp.FabricMSPConfig.deserializeBinary(
    msp.MSPConfig.deserializeBinary(bytes).getConfig_asU8(),
  );
  const certificates = [...config.getRootCertsList_asU8(), ...config.getIntermediateCertsList_asU8()];
  return {
    mspId: config.getName(),
    authorities: certificates.map((certificate) => Buffer.from(certificate).toString('utf8')),
  };
}

function groupsOf(group: common.ConfigGroup | undefined) {
  return mapField<common.ConfigGroup>((group ?? new common.ConfigGroup()).getGroupsMap());
}

function valueOf(group: common.ConfigGroup | undefined, name: string): Uint8Array {
  const values = mapField<common.ConfigValue>((group ?? new common.ConfigGroup()).getValuesMap());
  return values.get(name)?.getValue_asU8() ?? new Uint8Array();
}
