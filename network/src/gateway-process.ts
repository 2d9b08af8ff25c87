import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildDigest } from './build-digest.js';
import { authorityName, authorityRootFile, caUrl } from './ca.js';
import { type HospitalContext, logHint } from './context.js';
import { errorText } from './errors.js';
import { gatewayUrl, type PublicHospital } from './exchange.js';
import {
  isFile,
  makePrivateDirectory,
  PUBLIC_FILE_MODE,
  writeFileAtomic,
  writeFileIfChanged,
} from './files.js';
import { type GatewayConfig, gatewayConfigFile } from './gateway-config.js';
import { REPOSITORY_DIRECTORY } from './home.js';
import { serverAlias } from './identity-plan.js';
import { identityFiles } from './identities.js';
import { probeHttp } from './probe.js';
import { configDigest } from './process-spec.js';
import { runningPid, startProcess } from './start-process.js';
import { founderOf } from './topology.js';
import { waitFor } from './wait.js';

const START_TIMEOUT_MS = 120_000;
const STOP_GRACE_MS = 15_000;
const PASSPHRASE_BYTES = 32;

/** The gateway's entry point; CARELEDGER_GATEWAY names another build of it. */
export const GATEWAY_ENTRY =
  process.env['CARELEDGER_GATEWAY'] ?? join(REPOSITORY_DIRECTORY, 'gateway', 'dist', 'main.js');

/** Writes what the gateway needs to know. @returns the path of the file. */
export function writeGatewayConfig(context: HospitalContext, hospitals: readonly PublicHospital[]): string {
  const file = gatewayConfigFile(context.home, context.hospital.id);
  const config = gatewayConfig(context, hospitals);
  makePrivateDirectory(config.custody.dir);
  makePrivateDirectory(config.dataDir);
  if (!isFile(config.custody.passphraseFile)) {
    writeFileAtomic(
      config.custody.passphraseFile,
      `${randomBytes(PASSPHRASE_BYTES).toString('base64url')}\n`,
    );
  }
  for (const [index, hospital] of hospitals.entries()) {
    writeFileIfChanged(config.peerToPeer.clientCaFiles[index] ?? '', hospital.tlsRoot, PUBLIC_FILE_MODE);
  }
  writeFileIfChanged(file, `${JSON.stringify(config, null, 2)}\n`);
  return file;
}

/** Starts the gateway and waits until it is ready. @returns false when it is not built yet. */
export async function startGateway(context: HospitalContext, configFile: string): Promise<boolean> {
  if (!isFile(GATEWAY_ENTRY)) return false;
  const { id, host, ports } = context.hospital;
  await startProcess(context, {
    name: 'gateway',
    command: process.execPath,
    args: [GATEWAY_ENTRY, '--config', configFile, ...(context.approveBuild ? ['--approve-build'] : [])],
    cwd: context.paths.gateway,
    env: { NODE_ENV: 'production' },
    listens: [ports.gatewayRest, ports.gatewayPeer].map((port) => ({ host, port })),
    stopGraceMs: STOP_GRACE_MS,
    configDigest: configDigest(readFileSync(configFile, 'utf8'), gatewayBuild()),
  });
  await waitFor(() => readyAnswer(context), {
    what: `${id}'s gateway to be ready`,
    timeoutMs: START_TIMEOUT_MS,
    hint: logHint(context, 'gateway'),
  });
  return true;
}

/** Somebody else on the port may be ready too: our process must be running when it answers. */
async function readyAnswer(context: HospitalContext): Promise<string | undefined> {
  const { host, ports } = context.hospital;
  if (runningPid(context.paths, 'gateway') === undefined) return undefined;
  try {
    return await probeHttp({ host, port: ports.gatewayRest, path: '/readyz' });
  } catch (thrown) {
    if (!errorText(thrown).includes('BUILD_MISMATCH')) throw thrown;
    throw new Error(
      "the members approved another chaincode build than this one: 'up --approve-build' at most of them approves this one",
      { cause: thrown },
    );
  }
}

/** Another build of the gateway restarts it, as another configuration does; its libraries are the chaincode's too. */
function gatewayBuild(): string {
  const folder = dirname(dirname(GATEWAY_ENTRY));
  return isFile(join(folder, 'package.json')) ? buildDigest(folder) : '';
}

function gatewayConfig(context: HospitalContext, hospitals: readonly PublicHospital[]): GatewayConfig {
  const { id, name, mspId, host, ports } = context.hospital;
  const folder = context.paths.gateway;
  const tlsRootFile = authorityRootFile(context, 'tls');
  const filesOf = (identity: 'gateway' | 'registrar'): { certFile: string; keyFile: string } => {
    const files = identityFiles(context, identity);
    return { certFile: files.certificate, keyFile: files.key };
  };
  const tls = identityFiles(context, 'gateway-tls');
  return {
    mode: 'fabric',
    hospital: { id, name, mspId },
    channel: context.topology.channel,
    chaincode: context.topology.chaincode.name,
    rest: { host, port: ports.gatewayRest },
    peerToPeer: {
      host,
      port: ports.gatewayPeer,
      tlsKeyFile: tls.key,
      tlsCertFile: tls.certificate,
      clientCaFiles: hospitals.map((hospital) => join(folder, 'member-roots', `${hospital.id}.pem`)),
    },
    peer: {
      endpoint: `${host}:${String(ports.peer)}`,
      hostAlias: serverAlias(context.hospital, 'peer'),
      tlsRootFile,
    },
    ca: {
      url: caUrl(context),
      name: authorityName(id, 'identity'),
      tlsRootFile,
      registrar: filesOf('registrar'),
    },
    serviceIdentity: filesOf('gateway'),
    ipfs: { rpcUrl: `http://127.0.0.1:${String(ports.ipfsRpc)}` },
    members: context.topology.hospitals.map((member) => ({
      id: member.id,
      name: member.name,
      mspId: member.mspId,
      gatewayUrl: gatewayUrl(member),
    })),
    replicationFactor: context.topology.replicationFactor,
    aggregation: {
      keyBits: context.topology.aggregation.keyBits,
      startsCeremony: founderOf(context.topology).id === id,
    },
    custody: { dir: join(folder, 'custody'), passphraseFile: join(folder, 'custody.passphrase') },
    dataDir: join(folder, 'data'),
    buildDigest: buildDigest(context.chaincodeDirectory),
  };
}
