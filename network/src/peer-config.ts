import { join } from 'node:path';
import { authorityRootFile } from './ca.js';
import type { HospitalContext } from './context.js';
import { BUILDER_DIRECTORY } from './home.js';
import { identityFiles } from './identities.js';

/** The variable through which the external builder finds the peer's connection to its chaincode. */
export const CONNECTION_VARIABLE = 'CARELEDGER_CHAINCODE_CONNECTION';

/** How far a client's timestamp may be from the peer's clock; it bounds the accuracy of every deadline. */
export const TIME_WINDOW = '2m';

/** core.yaml: the peer's whole configuration. What Fabric leaves to a default is said where it matters. */
export function coreConfiguration(context: HospitalContext): object {
  const { host, ports } = context.hospital;
  return {
    peer: peerSection(context),
    // No docker anywhere: chaincode runs as a service that the external builder points to.
    vm: { endpoint: '' },
    chaincode: {
      externalBuilders: [
        { name: 'careledger', path: BUILDER_DIRECTORY, propagateEnvironment: [CONNECTION_VARIABLE] },
      ],
      installTimeout: '60s',
      startuptimeout: '30s',
      executetimeout: '30s',
      mode: 'net',
      keepalive: 0,
      system: { _lifecycle: 'enable', cscc: 'enable', lscc: 'enable', qscc: 'enable' },
      logging: { level: 'info', shim: 'warning' },
      runtimeParams: {
        useWriteBatch: true,
        maxSizeWriteBatch: 1000,
        useGetMultipleKeys: true,
        maxSizeGetMultipleKeys: 1000,
      },
    },
    ledger: {
      state: { stateDatabase: 'goleveldb', totalQueryLimit: 100_000 },
      history: { enableHistoryDatabase: true },
      pvtdataStore: {
        collElgProcMaxDbBatchSize: 5000,
        collElgProcDbBatchesInterval: 1000,
        deprioritizedDataReconcilerInterval: '60m',
        purgeInterval: 100,
      },
      snapshots: { rootDir: join(context.paths.peer, 'data', 'snapshots') },
    },
    operations: { listenAddress: `${host}:${String(ports.peerOperations)}`, tls: { enabled: false } },
    metrics: { provider: 'prometheus' },
  };
}

function peerSection(context: HospitalContext): object {
  const { id, host, ports, mspId } = context.hospital;
  const address = `${host}:${String(ports.peer)}`;
  const tls = identityFiles(context, 'peer-tls');
  return {
    id: `peer.${id}`,
    networkId: 'careledger',
    listenAddress: address,
    address,
    addressAutoDetect: false,
    chaincodeListenAddress: `${host}:${String(ports.peerChaincode)}`,
    chaincodeAddress: `${host}:${String(ports.peerChaincode)}`,
    gateway: { enabled: true, endorsementTimeout: '30s', broadcastTimeout: '30s', dialTimeout: '10s' },
    keepalive: {
      interval: '7200s',
      timeout: '20s',
      // As in orderer.ts: other peers' gateways ping every 10 s.
      minInterval: '5s',
      client: { interval: '60s', timeout: '20s' },
      deliveryClient: { interval: '60s', timeout: '20s' },
    },
    gossip: gossipSection(address),
    tls: {
      enabled: true,
      clientAuthRequired: false,
      cert: { file: tls.certificate },
      key: { file: tls.key },
      rootcert: { file: authorityRootFile(context, 'tls') },
    },
    authentication: { timewindow: TIME_WINDOW },
    fileSystemPath: join(context.paths.peer, 'data'),
    BCCSP: { Default: 'SW', SW: { Hash: 'SHA2', Security: 256, FileKeyStore: { KeyStore: '' } } },
    mspConfigPath: identityFiles(context, 'peer').mspDirectory,
    localMspId: mspId,
    localMspType: 'bccsp',
    client: { connTimeout: '5s' },
    deliveryclient: {
      blockGossipEnabled: false,
      reconnectTotalTimeThreshold: '3600s',
      connTimeout: '3s',
      // The default of an hour would let a peer sit still long after its orderers are back.
      reConnectBackoffThreshold: '2s',
      minimalReconnectInterval: '100ms',
      blockCensorshipTimeoutKey: '10s',
      policy: 'cluster',
    },
    profile: { enabled: false },
    handlers: {
      authFilters: [{ name: 'DefaultAuth' }, { name: 'ExpirationCheck' }, { name: 'TimeWindowCheck' }],
      decorators: [{ name: 'DefaultDecorator' }],
      endorsers: { escc: { name: 'DefaultEndorsement' } },
      validators: { vscc: { name: 'DefaultValidation' } },
    },
    discovery: {
      enabled: true,
      authCacheEnabled: true,
      authCacheMaxSize: 1000,
      authCachePurgeRetentionRatio: 0.75,
      orgMembersAllowedAccess: false,
    },
    limits: { concurrency: { endorserService: 2500, deliverService: 2500, gatewayService: 500 } },
    maxRecvMsgSize: 104_857_600,
    maxSendMsgSize: 104_857_600,
  };
}

/** Shorter intervals than Fabric's, so that peers know one another within seconds of a start. */
function gossipSection(address: string): object {
  return {
    bootstrap: address,
    endpoint: address,
    externalEndpoint: address,
    useLeaderElection: false,
    orgLeader: true,
    membershipTrackerInterval: '2s',
    maxBlockCountToStore: 10,
    maxPropagationBurstLatency: '10ms',
    maxPropagationBurstSize: 10,
    propagateIterations: 1,
    propagatePeerNum: 3,
    pullInterval: '1s',
    pullPeerNum: 3,
    requestStateInfoInterval: '1s',
    publishStateInfoInterval: '1s',
    publishCertPeriod: '2s',
    dialTimeout: '3s',
    connTimeout: '2s',
    recvBuffSize: 20,
    sendBuffSize: 200,
    digestWaitTime: '500ms',
    requestWaitTime: '1s',
    responseWaitTime: '2s',
    aliveTimeInterval: '2s',
    aliveExpirationTimeout: '10s',
    reconnectInterval: '2s',
    maxConnectionAttempts: 120,
    msgExpirationFactor: 20,
    election: {
      startupGracePeriod: '5s',
      membershipSampleInterval: '1s',
      leaderAliveThreshold: '10s',
      leaderElectionDuration: '2s',
    },
    pvtData: {
      pullRetryThreshold: '10s',
      transientstoreMaxBlockRetention: 20_000,
      pushAckTimeout: '3s',
      btlPullMargin: 10,
      reconcileBatchSize: 10,
      reconcileSleepInterval: '1m',
      reconciliationEnabled: true,
      implicitCollectionDisseminationPolicy: { requiredPeerCount: 0, maxPeerCount: 1 },
    },
    state: { enabled: false },
  };
}
