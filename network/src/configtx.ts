import type { PublicHospital } from './exchange.js';
import type { Topology } from './topology.js';

export const MSP_FOLDER = 'msp';

/** The input of configtxgen: who belongs to the channel, who orders, and who has to agree to what. */
export function configtxFor(
  topology: Topology,
  hospitals: readonly PublicHospital[],
  profile: string,
): object {
  return {
    Profiles: {
      [profile]: {
        Policies: groupPolicies(),
        Capabilities: { V3_0: true },
        Orderer: ordererGroup(topology, hospitals),
        Application: applicationGroup(hospitals),
      },
    },
  };
}

function ordererGroup(topology: Topology, hospitals: readonly PublicHospital[]): object {
  return {
    OrdererType: 'BFT',
    // With SmartBFT a batch is cut by RequestBatchMaxInterval; this one is read and not used.
    BatchTimeout: `${String(topology.ordering.batchIntervalMs)}ms`,
    BatchSize: {
      MaxMessageCount: topology.ordering.maxMessages,
      AbsoluteMaxBytes: '10 MB',
      PreferredMaxBytes: '2 MB',
    },
    SmartBFT: smartBft(topology),
    ConsenterMapping: hospitals.map((hospital, index) => ({
      ID: index + 1,
      Host: hospital.orderer.clusterHost,
      Port: hospital.orderer.clusterPort,
      MSPID: hospital.mspId,
      Identity: `${MSP_FOLDER}/${hospital.id}/orderer-identity.pem`,
      ClientTLSCert: `${MSP_FOLDER}/${hospital.id}/orderer-tls.pem`,
      ServerTLSCert: `${MSP_FOLDER}/${hospital.id}/orderer-tls.pem`,
    })),
    Organizations: hospitals.map((hospital) => ({
      ...organisation(hospital),
      OrdererEndpoints: [hospital.orderer.address],
      Policies: {
        Readers: signature(`OR('${hospital.mspId}.member')`),
        Writers: signature(`OR('${hospital.mspId}.member')`),
        Admins: signature(`OR('${hospital.mspId}.admin')`),
      },
    })),
    Policies: { ...groupPolicies(), BlockValidation: implicit('ANY Writers') },
    Capabilities: { V2_0: true },
  };
}

/** Shorter than Fabric's defaults, so that a dead leader costs seconds and not a minute. */
function smartBft(topology: Topology): object {
  return {
    RequestBatchMaxInterval: `${String(topology.ordering.batchIntervalMs)}ms`,
    RequestForwardTimeout: '2s',
    RequestComplainTimeout: '5s',
    RequestAutoRemoveTimeout: '3m',
    ViewChangeResendInterval: '2s',
    ViewChangeTimeout: '10s',
    LeaderHeartbeatTimeout: '10s',
    LeaderHeartbeatCount: 10,
    CollectTimeout: '1s',
    IncomingMessageBufferSize: 200,
    RequestPoolSize: 10_000,
    // A sync that finds nobody yet lasts long enough for the others to complain about a leader that was never
    // there; a node that is behind learns it from the leader's heartbeats anyway.
    SyncOnStart: false,
    SpeedUpViewChange: false,
  };
}

function applicationGroup(hospitals: readonly PublicHospital[]): object {
  return {
    Organizations: hospitals.map((hospital) => {
      const { host, port } = splitAddress(hospital.peerAddress);
      const anyOf = (...roles: string[]): object =>
        signature(`OR(${roles.map((role) => `'${hospital.mspId}.${role}'`).join(', ')})`);
      return {
        ...organisation(hospital),
        AnchorPeers: [{ Host: host, Port: port }],
        Policies: {
          Readers: anyOf('admin', 'peer', 'client'),
          Writers: anyOf('admin', 'client'),
          Admins: anyOf('admin'),
          Endorsement: anyOf('peer'),
        },
      };
    }),
    Policies: {
      ...groupPolicies(),
      LifecycleEndorsement: implicit('MAJORITY Endorsement'),
      Endorsement: implicit('MAJORITY Endorsement'),
    },
    Capabilities: { V2_5: true },
  };
}

function organisation(hospital: PublicHospital): object {
  return { Name: hospital.mspId, ID: hospital.mspId, MSPDir: `${MSP_FOLDER}/${hospital.id}` };
}

function groupPolicies(): object {
  return {
    Readers: implicit('ANY Readers'),
    Writers: implicit('ANY Writers'),
    Admins: implicit('MAJORITY Admins'),
  };
}

function implicit(rule: string): object {
  return { Type: 'ImplicitMeta', Rule: rule };
}

function signature(rule: string): object {
  return { Type: 'Signature', Rule: rule };
}

function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
