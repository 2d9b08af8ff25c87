import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { authorityName, authorityRootFile, caUrl, enrolmentSecret } from './ca.js';
import type { HospitalContext } from './context.js';
import { makePrivateDirectory, PUBLIC_FILE_MODE, writeFileAtomic } from './files.js';
import { identitiesOf, type IdentityName, type IdentityPlan } from './identity-plan.js';
import { run } from './run.js';
import { toolPath } from './tools.js';

/** Files of one enrolled identity. `mspDirectory` exists for identities of the ledger, not for TLS ones. */
export interface IdentityFiles {
  certificate: string;
  key: string;
  mspDirectory: string;
}

export function identityFiles(context: HospitalContext, name: IdentityName): IdentityFiles {
  const folder = join(context.paths.identities, name);
  return {
    certificate: join(folder, 'msp', 'signcerts', 'cert.pem'),
    key: join(folder, 'msp', 'keystore', 'key.pem'),
    mspDirectory: join(folder, 'msp'),
  };
}

/** Enrols every identity that is not there yet. Each appears whole or not at all. */
export async function enrolIdentities(context: HospitalContext): Promise<void> {
  for (const identity of identitiesOf(context.hospital)) {
    if (existsSync(join(context.paths.identities, identity.name))) continue;
    await enrol(context, identity);
  }
}

async function enrol(context: HospitalContext, identity: IdentityPlan): Promise<void> {
  const folder = join(context.paths.identities, identity.name);
  const scratch = `${folder}.new`;
  rmSync(scratch, { recursive: true, force: true });
  makePrivateDirectory(scratch);
  const raw = join(scratch, 'raw');
  await requestCertificate(context, identity, raw);
  const finished = makePrivateDirectory(join(scratch, 'finished'));
  layOutMsp(context, raw, join(finished, 'msp'));
  renameSync(finished, folder);
  rmSync(scratch, { recursive: true, force: true });
}

async function requestCertificate(
  context: HospitalContext,
  identity: IdentityPlan,
  mspDirectory: string,
): Promise<void> {
  const { host, ports, id } = context.hospital;
  const args = [
    'enroll',
    '--caname',
    authorityName(id, identity.authority),
    '--tls.certfiles',
    authorityRootFile(context, 'tls'),
    '--mspdir',
    mspDirectory,
    '--csr.names',
    `O=${context.hospital.mspId}`,
  ];
  if (identity.authority === 'tls')
    args.push('--enrollment.profile', 'tls', '--csr.hosts', identity.hosts.join(','));
  const secret = enrolmentSecret(context, identity.name);
  await run(toolPath('fabric-ca-client'), args, {
    env: {
      FABRIC_CA_CLIENT_HOME: join(mspDirectory, '..'),
      // The secret goes through the environment: the command line is readable for every user of the host.
      FABRIC_CA_CLIENT_URL: caUrl(context).replace('//', `//${identity.enrolmentId}:${secret}@`),
      FABRIC_CA_CLIENT_TLS_CLIENT_CERTFILE: '',
    },
  });
  if (!existsSync(join(mspDirectory, 'keystore')))
    throw new Error(`${host}:${String(ports.ca)} gave no key for ${identity.name}`);
}

/** From what the CA's client leaves behind to what Fabric reads, under names that do not change. */
function layOutMsp(context: HospitalContext, raw: string, msp: string): void {
  const keys = readdirSync(join(raw, 'keystore')).filter((file) => file.endsWith('_sk'));
  const key = keys[0];
  if (key === undefined) throw new Error(`no private key under ${raw}`);
  writeFileAtomic(join(msp, 'signcerts', 'cert.pem'), readFileSync(join(raw, 'signcerts', 'cert.pem')));
  writeFileAtomic(join(msp, 'keystore', 'key.pem'), readFileSync(join(raw, 'keystore', key)));
  const roots = {
    identityRoot: readFileSync(authorityRootFile(context, 'identity'), 'utf8'),
    tlsRoot: readFileSync(authorityRootFile(context, 'tls'), 'utf8'),
  };
  writeMspRoots(msp, roots);
}

export interface MspRoots {
  identityRoot: string;
  tlsRoot: string;
}

/** The public part of an MSP folder: whom to believe, and how roles are told from certificates. */
export function writeMspRoots(msp: string, roots: MspRoots): void {
  writeFileAtomic(join(msp, 'cacerts', 'ca.pem'), roots.identityRoot, PUBLIC_FILE_MODE);
  writeFileAtomic(join(msp, 'tlscacerts', 'tls.pem'), roots.tlsRoot, PUBLIC_FILE_MODE);
  const role = (unit: string): object => ({
    Certificate: 'cacerts/ca.pem',
    OrganizationalUnitIdentifier: unit,
  });
  const nodeOus = {
    NodeOUs: {
      Enable: true,
      ClientOUIdentifier: role('client'),
      PeerOUIdentifier: role('peer'),
      AdminOUIdentifier: role('admin'),
      OrdererOUIdentifier: role('orderer'),
    },
  };
  writeFileAtomic(join(msp, 'config.yaml'), stringify(nodeOus), PUBLIC_FILE_MODE);
}
