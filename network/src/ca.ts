import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { HospitalContext } from './context.js';
import { logHint } from './context.js';
import { readTextIfExists, writeFileAtomic, writeFileIfChanged } from './files.js';
import { identitiesOf, serverHosts } from './identity-plan.js';
import { probeHttps } from './probe.js';
import { configDigest } from './process-spec.js';
import { startProcess } from './start-process.js';
import { toolPath } from './tools.js';
import { waitFor } from './wait.js';

const CONFIG_FILE = 'fabric-ca-server-config.yaml';
const CA_START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 10_000;

/**
 * Two authorities in one server: `tls` signs what speaks on the wire, `identity` signs what acts on the
 * ledger. They have roots of their own, so that a TLS certificate can never pass for a member's identity.
 */
export const AUTHORITIES = ['tls', 'identity'] as const;
export type Authority = (typeof AUTHORITIES)[number];

export function authorityName(hospitalId: string, authority: Authority): string {
  return authority === 'identity' ? `ca-${hospitalId}` : `tlsca-${hospitalId}`;
}

/** Folder of an authority; the TLS one is the server's first, so that it signs the server's own certificate. */
export function authorityFolder(context: HospitalContext, authority: Authority): string {
  return authority === 'tls' ? context.paths.ca : join(context.paths.ca, 'identity');
}

export function authorityRootFile(context: HospitalContext, authority: Authority): string {
  return join(authorityFolder(context, authority), 'ca-cert.pem');
}

export function caUrl(context: HospitalContext): string {
  return `https://${context.hospital.host}:${String(context.hospital.ports.ca)}`;
}

/** Starts the hospital's certificate authority and waits until it answers. */
export async function startCa(context: HospitalContext): Promise<void> {
  const { host, ports, id } = context.hospital;
  const configurations = AUTHORITIES.map((authority) => {
    const text = stringify(caConfiguration(context, authority));
    writeFileIfChanged(join(authorityFolder(context, authority), CONFIG_FILE), text);
    return text;
  });
  await startProcess(context, {
    name: 'ca',
    command: toolPath('fabric-ca-server'),
    args: ['start', '--home', context.paths.ca],
    cwd: context.paths.ca,
    env: {},
    listens: [{ host, port: ports.ca }],
    stopGraceMs: STOP_GRACE_MS,
    configDigest: configDigest(...configurations),
  });
  await waitFor(
    () =>
      probeHttps({
        host,
        port: ports.ca,
        path: `/cainfo?ca=${authorityName(id, 'identity')}`,
        rootFile: authorityRootFile(context, 'tls'),
      }),
    {
      what: `${id}'s certificate authority to answer`,
      timeoutMs: CA_START_TIMEOUT_MS,
      hint: logHint(context, 'ca'),
    },
  );
}

function caConfiguration(context: HospitalContext, authority: Authority): object {
  const { host, ports, id } = context.hospital;
  const name = authorityName(id, authority);
  return {
    version: '1.5.21',
    port: ports.ca,
    address: host,
    debug: false,
    crlsizelimit: 512_000,
    tls: { enabled: true, clientauth: { type: 'noclientcert' } },
    ca: { name },
    crl: { expiry: '24h' },
    registry: { maxenrollments: -1, identities: registeredIdentities(context, authority) },
    db: { type: 'sqlite3', datasource: 'fabric-ca-server.db', tls: { enabled: false } },
    affiliations: {},
    signing: {
      default: { usage: ['digital signature'], expiry: '8760h' },
      profiles: {
        tls: {
          usage: ['digital signature', 'key encipherment', 'key agreement', 'server auth', 'client auth'],
          expiry: '8760h',
        },
      },
    },
    csr: {
      cn: name,
      keyrequest: { algo: 'ecdsa', size: 256 },
      names: [{ O: context.hospital.mspId }],
      hosts: serverHosts(context.hospital, 'ca'),
      ca: { expiry: '131400h', pathlength: 0 },
    },
    bccsp: { default: 'SW', sw: { hash: 'SHA2', security: 256, filekeystore: { keystore: 'msp/keystore' } } },
    cfg: { identities: { passwordattempts: 10 } },
    // The operations endpoint tells nothing that /cainfo does not; any free port of the loopback will do.
    operations: { listenAddress: '127.0.0.1:0', tls: { enabled: false } },
    metrics: { provider: 'disabled' },
    ...(authority === 'tls' ? { cafiles: [join(authorityFolder(context, 'identity'), CONFIG_FILE)] } : {}),
  };
}

function registeredIdentities(context: HospitalContext, authority: Authority): object[] {
  return identitiesOf(context.hospital)
    .filter((identity) => identity.authority === authority)
    .map((identity) => ({
      name: identity.enrolmentId,
      pass: enrolmentSecret(context, identity.name),
      type: identity.type,
      affiliation: '',
      maxenrollments: -1,
      attrs: identity.attributes,
    }));
}

/** A random secret per identity, made once; it never leaves the hospital's CA folder. */
export function enrolmentSecret(context: HospitalContext, identityName: string): string {
  const file = join(context.paths.ca, 'secrets', identityName);
  const known = readTextIfExists(file);
  if (known !== undefined) return known;
  const secret = randomBytes(24).toString('hex');
  writeFileAtomic(file, secret);
  return secret;
}
