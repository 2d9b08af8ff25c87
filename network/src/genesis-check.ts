import { common, msp } from '@hyperledger/fabric-protos';
import { NetworkError } from './errors.js';
import type { PublicHospital } from './exchange.js';
import { protoMap } from './proto-map.js';

/**
 * Refuses a first block whose members or root certificates are not those of the exchange: whoever
 * assembles the block could otherwise slip in a root of its own.
 */
export function verifyGenesis(block: Uint8Array, hospitals: readonly PublicHospital[]): void {
  const channel = channelGroupOf(block);
  for (const groupName of ['Application', 'Orderer']) {
    const group = protoMap<common.ConfigGroup>(channel.getGroupsMap()).get(groupName);
    const members = protoMap<common.ConfigGroup>(group?.getGroupsMap());
    checkMembers(groupName, [...members.keys()], hospitals);
    for (const hospital of hospitals) checkRoots(groupName, members.get(hospital.mspId), hospital);
  }
}

export function channelGroupOf(block: Uint8Array): common.ConfigGroup {
  const envelopeBytes = common.Block.deserializeBinary(block).getData()?.getDataList_asU8()[0];
  if (!envelopeBytes) throw mismatch('a block with one transaction', 'an empty block');
  const payload = common.Payload.deserializeBinary(
    common.Envelope.deserializeBinary(envelopeBytes).getPayload_asU8(),
  );
  const config = common.ConfigEnvelope.deserializeBinary(payload.getData_asU8()).getConfig();
  const group = config?.getChannelGroup();
  if (!group) throw mismatch('a configuration block', 'a block without configuration');
  return group;
}

function checkMembers(
  groupName: string,
  members: readonly string[],
  hospitals: readonly PublicHospital[],
): void {
  const expected = hospitals
    .map((hospital) => hospital.mspId)
    .sort()
    .join(', ');
  const came = [...members].sort().join(', ');
  if (came !== expected) throw mismatch(`${groupName} members ${expected}`, came);
}

function checkRoots(
  groupName: string,
  group: common.ConfigGroup | undefined,
  hospital: PublicHospital,
): void {
  const value =
    protoMap<common.ConfigValue>(group?.getValuesMap()).get('MSP')?.getValue_asU8() ?? new Uint8Array();
  const fabric = msp.FabricMSPConfig.deserializeBinary(
    msp.MSPConfig.deserializeBinary(value).getConfig_asU8(),
  );
  const roots: [string, Uint8Array[], string][] = [
    ['identity', fabric.getRootCertsList_asU8(), hospital.identityRoot],
    ['TLS', fabric.getTlsRootCertsList_asU8(), hospital.tlsRoot],
  ];
  for (const [kind, found, expected] of roots) {
    const same =
      found.length === 1 &&
      Buffer.from(found[0] ?? [])
        .toString('utf8')
        .trim() === expected.trim();
    if (!same)
      throw mismatch(
        `${groupName}'s ${kind} root of ${hospital.mspId} as published in the exchange`,
        'another one',
      );
  }
}

function mismatch(expected: string, came: string): NetworkError {
  return new NetworkError('NET_GENESIS_MISMATCH', {
    expected,
    came,
    remedy: 'do not join; compare the exchange folders and topology files of all hospitals',
  });
}
