import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { buildDigest } from './build-digest.js';
import { authorityRootFile } from './ca.js';
import { type HospitalContext, logHint } from './context.js';
import { writeFileIfChanged } from './files.js';
import { serverAlias } from './identity-plan.js';
import { identityFiles } from './identities.js';
import { connectionFile } from './peer.js';
import { startProcess } from './start-process.js';
import { isListening } from './probe.js';
import { waitFor } from './wait.js';

const START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 5_000;

/** The variable in which the chaincode process finds the digest of its own build. */
export const BUILD_DIGEST_VARIABLE = 'CARELEDGER_BUILD_DIGEST';

/** How the peer reaches the chaincode process. Only the public part goes into the package. */
export function publicConnection(context: HospitalContext): Record<string, unknown> {
  const { host, ports } = context.hospital;
  return {
    address: `${host}:${String(ports.chaincode)}`,
    domain: serverAlias(context.hospital, 'chaincode'),
    dial_timeout: '10s',
    tls_required: true,
    client_auth_required: true,
    root_cert: readFileSync(authorityRootFile(context, 'tls'), 'utf8'),
  };
}

/** Writes the peer's complete connection, its client key included, where the external builder takes it. */
export function writePeerConnection(context: HospitalContext): void {
  const client = identityFiles(context, 'chaincode-client-tls');
  const connection = {
    ...publicConnection(context),
    client_key: readFileSync(client.key, 'utf8'),
    client_cert: readFileSync(client.certificate, 'utf8'),
  };
  writeFileIfChanged(connectionFile(context), `${JSON.stringify(connection, null, 2)}\n`);
}

/** Starts the chaincode as a service under mutual TLS. Another build restarts it, the package stays. */
export async function startChaincode(context: HospitalContext, packageId: string): Promise<void> {
  const { id, host, ports } = context.hospital;
  const tls = identityFiles(context, 'chaincode-tls');
  await startProcess(context, {
    name: 'chaincode',
    command: process.execPath,
    args: [
      shimCommand(context.chaincodeDirectory),
      'server',
      '--chaincode-address',
      `${host}:${String(ports.chaincode)}`,
      '--chaincode-id',
      packageId,
      '--chaincode-tls-key-file',
      tls.key,
      '--chaincode-tls-cert-file',
      tls.certificate,
      '--chaincode-tls-client-cacert-file',
      authorityRootFile(context, 'tls'),
    ],
    cwd: context.chaincodeDirectory,
    env: { NODE_ENV: 'production', [BUILD_DIGEST_VARIABLE]: buildDigest(context.chaincodeDirectory) },
    listens: [{ host, port: ports.chaincode }],
    stopGraceMs: STOP_GRACE_MS,
    configDigest: '',
  });
  await waitFor(async () => ((await isListening(host, ports.chaincode)) ? true : undefined), {
    what: `${id}'s chaincode process to listen`,
    timeoutMs: START_TIMEOUT_MS,
    hint: logHint(context, 'chaincode'),
  });
}

/** fabric-chaincode-node, as the chaincode package itself would find it. */
function shimCommand(chaincodeDirectory: string): string {
  const resolve = createRequire(join(chaincodeDirectory, 'package.json'));
  return join(dirname(resolve.resolve('fabric-shim/package.json')), 'cli.js');
}
