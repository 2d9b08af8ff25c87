import { join } from 'node:path';
import { stringify } from 'yaml';
import { authorityRootFile } from './ca.js';
import { type HospitalContext, logHint } from './context.js';
import { makePrivateDirectory, writeFileIfChanged } from './files.js';
import { identityFiles } from './identities.js';
import { isListening, probeHttp } from './probe.js';
import { configDigest } from './process-spec.js';
import { startProcess } from './start-process.js';
import { run, runToEnd } from './run.js';
import { toolPath } from './tools.js';
import { waitFor } from './wait.js';

const START_TIMEOUT_MS = 60_000;
const JOIN_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 15_000;

/** Declares the orderer and waits until its operations endpoint calls it healthy. */
export async function startOrderer(context: HospitalContext): Promise<void> {
  const { id, host, ports } = context.hospital;
  makePrivateDirectory(context.paths.orderer);
  const configuration = stringify(ordererConfiguration(context), { aliasDuplicateObjects: false });
  writeFileIfChanged(join(context.paths.orderer, 'orderer.yaml'), configuration);
  await startProcess(context, {
    name: 'orderer',
    command: toolPath('orderer'),
    args: [],
    cwd: context.paths.orderer,
    env: { FABRIC_CFG_PATH: context.paths.orderer, FABRIC_LOGGING_SPEC: 'info' },
    listens: [ports.orderer, ports.ordererAdmin, ports.ordererCluster, ports.ordererOperations].map(
      (port) => ({ host, port }),
    ),
    stopGraceMs: STOP_GRACE_MS,
    configDigest: configDigest(configuration),
  });
  // The operations endpoint answers before the orderer itself listens, so all are asked.
  const ready = async (): Promise<true | undefined> => {
    const healthy = await probeHttp({ host, port: ports.ordererOperations, path: '/healthz' });
    const listening = await Promise.all(
      [ports.orderer, ports.ordererAdmin].map((port) => isListening(host, port)),
    );
    return healthy !== undefined && listening.every(Boolean) ? true : undefined;
  };
  await waitFor(ready, {
    what: `${id}'s orderer to be healthy`,
    timeoutMs: START_TIMEOUT_MS,
    hint: logHint(context, 'orderer'),
  });
}

/** Takes part in ordering the channel. Joining twice changes nothing. */
export async function joinOrderer(context: HospitalContext, genesisFile: string): Promise<void> {
  const { id, host, ports } = context.hospital;
  const admin = identityFiles(context, 'admin-tls');
  const common = [
    '--channelID',
    context.topology.channel,
    '--orderer-address',
    `${host}:${String(ports.ordererAdmin)}`,
    '--ca-file',
    authorityRootFile(context, 'tls'),
    '--client-cert',
    admin.certificate,
    '--client-key',
    admin.key,
  ];
  const list = async (): Promise<boolean> => {
    const result = await runToEnd(toolPath('osnadmin'), ['channel', 'list', ...common]);
    return result.output.includes('Status: 200');
  };
  if (await list()) return;
  await run(toolPath('osnadmin'), ['channel', 'join', ...common, '--config-block', genesisFile]);
  await waitFor(async () => ((await list()) ? true : undefined), {
    what: `${id}'s orderer to join the channel`,
    timeoutMs: JOIN_TIMEOUT_MS,
    hint: logHint(context, 'orderer'),
  });
}

function ordererConfiguration(context: HospitalContext): object {
  const { host, ports, mspId } = context.hospital;
  const tls = identityFiles(context, 'orderer-tls');
  const tlsRoot = authorityRootFile(context, 'tls');
  const data = join(context.paths.orderer, 'data');
  return {
    General: {
      ListenAddress: host,
      ListenPort: ports.orderer,
      TLS: {
        Enabled: true,
        PrivateKey: tls.key,
        Certificate: tls.certificate,
        RootCAs: [tlsRoot],
        ClientAuthRequired: false,
      },
      // The peers' gateways ping idle connections every 10 s (gRPC's shortest interval, not configurable);
      // Fabric's default of a minute would answer that with a disconnection.
      Keepalive: { ServerMinInterval: '5s', ServerInterval: '7200s', ServerTimeout: '20s' },
      Backoff: { BaseDelay: '250ms', Multiplier: 1.6, MaxDelay: '5s' },
      MaxRecvMsgSize: 104_857_600,
      MaxSendMsgSize: 104_857_600,
      Throttling: { Rate: 0, InactivityTimeout: '5s' },
      Cluster: {
        ListenAddress: host,
        ListenPort: ports.ordererCluster,
        ServerCertificate: tls.certificate,
        ServerPrivateKey: tls.key,
        ClientCertificate: tls.certificate,
        ClientPrivateKey: tls.key,
        SendBufferSize: 100,
        DialTimeout: '5s',
        RPCTimeout: '7s',
        ReplicationPullTimeout: '5s',
        ReplicationRetryTimeout: '2s',
      },
      BootstrapMethod: 'none',
      LocalMSPDir: identityFiles(context, 'orderer').mspDirectory,
      LocalMSPID: mspId,
      Profile: { Enabled: false },
      BCCSP: { Default: 'SW', SW: { Hash: 'SHA2', Security: 256, FileKeyStore: { KeyStore: '' } } },
      Authentication: { TimeWindow: '2m' },
    },
    FileLedger: { Location: data },
    Operations: { ListenAddress: `${host}:${String(ports.ordererOperations)}`, TLS: { Enabled: false } },
    Metrics: { Provider: 'prometheus' },
    Admin: {
      ListenAddress: `${host}:${String(ports.ordererAdmin)}`,
      TLS: {
        Enabled: true,
        Certificate: tls.certificate,
        PrivateKey: tls.key,
        RootCAs: [tlsRoot],
        ClientAuthRequired: true,
        ClientRootCAs: [tlsRoot],
      },
    },
    ChannelParticipation: { Enabled: true, MaxRequestBodySize: '1 MB' },
    Consensus: { WALDir: join(data, 'consensus', 'wal'), SnapDir: join(data, 'consensus', 'snapshot') },
  };
}
