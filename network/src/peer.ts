import { join } from 'node:path';
import { stringify } from 'yaml';
import { authorityRootFile } from './ca.js';
import { type HospitalContext, logHint } from './context.js';
import { makePrivateDirectory, writeFileIfChanged } from './files.js';
import { identityFiles } from './identities.js';
import { CONNECTION_VARIABLE, coreConfiguration } from './peer-config.js';
import { isListening, probeHttp } from './probe.js';
import { configDigest } from './process-spec.js';
import { startProcess } from './start-process.js';
import { run, runToEnd, type RunResult } from './run.js';
import { toolPath } from './tools.js';
import { waitFor } from './wait.js';

const START_TIMEOUT_MS = 60_000;
const COMMAND_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 15_000;

/** Where the peer finds its chaincode process, with its own client key: see network/builder. */
export function connectionFile(context: HospitalContext): string {
  return join(context.paths.peer, 'chaincode-connection.json');
}

export async function startPeer(context: HospitalContext): Promise<void> {
  const { id, host, ports } = context.hospital;
  makePrivateDirectory(context.paths.peer);
  const configuration = stringify(coreConfiguration(context), { aliasDuplicateObjects: false });
  writeFileIfChanged(join(context.paths.peer, 'core.yaml'), configuration);
  await startProcess(context, {
    name: 'peer',
    command: toolPath('peer'),
    args: ['node', 'start'],
    cwd: context.paths.peer,
    env: {
      FABRIC_CFG_PATH: context.paths.peer,
      FABRIC_LOGGING_SPEC: 'info:gossip=warning',
      [CONNECTION_VARIABLE]: connectionFile(context),
    },
    listens: [ports.peer, ports.peerChaincode, ports.peerOperations].map((port) => ({ host, port })),
    stopGraceMs: STOP_GRACE_MS,
    configDigest: configDigest(configuration),
  });
  // The operations endpoint answers before the peer itself listens, so both are asked.
  const ready = async (): Promise<true | undefined> => {
    const healthy = await probeHttp({ host, port: ports.peerOperations, path: '/healthz' });
    return healthy !== undefined && (await isListening(host, ports.peer)) ? true : undefined;
  };
  await waitFor(ready, {
    what: `${id}'s peer to be healthy`,
    timeoutMs: START_TIMEOUT_MS,
    hint: logHint(context, 'peer'),
  });
}

/** Takes the channel's ledger. Joining twice changes nothing. */
export async function joinPeer(context: HospitalContext, genesisFile: string): Promise<void> {
  const joined = await peerCommand(context, ['channel', 'list']);
  if (joined.split('\n').some((line) => line.trim() === context.topology.channel)) return;
  await peerCommand(context, ['channel', 'join', '--blockpath', genesisFile]);
}

/** Runs the peer's command line as the hospital's administrator against its own peer. */
export function peerCommand(context: HospitalContext, args: readonly string[]): Promise<string> {
  return run(toolPath('peer'), args, {
    env: administratorEnvironment(context),
    timeoutMs: COMMAND_TIMEOUT_MS,
  });
}

export function tryPeerCommand(context: HospitalContext, args: readonly string[]): Promise<RunResult> {
  return runToEnd(toolPath('peer'), args, {
    env: administratorEnvironment(context),
    timeoutMs: COMMAND_TIMEOUT_MS,
  });
}

function administratorEnvironment(context: HospitalContext): Record<string, string> {
  const { host, ports, mspId } = context.hospital;
  return {
    FABRIC_CFG_PATH: context.paths.peer,
    FABRIC_LOGGING_SPEC: 'error',
    CORE_PEER_ADDRESS: `${host}:${String(ports.peer)}`,
    CORE_PEER_LOCALMSPID: mspId,
    CORE_PEER_MSPCONFIGPATH: identityFiles(context, 'admin').mspDirectory,
    CORE_PEER_TLS_ENABLED: 'true',
    CORE_PEER_TLS_ROOTCERT_FILE: authorityRootFile(context, 'tls'),
  };
}
