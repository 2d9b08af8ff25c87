import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { authorityRootFile } from './ca.js';
import { publicConnection } from './chaincode-process.js';
import type { HospitalContext } from './context.js';
import type { PublicHospital } from './exchange.js';
import { makePrivateDirectory, writeFileAtomic } from './files.js';
import { peerCommand, tryPeerCommand } from './peer.js';
import { lastLine } from './run.js';
import { tarGzip } from './tar.js';
import { majorityOf } from './topology.js';
import { waitFor } from './wait.js';

const COMMIT_TIMEOUT_MS = 180_000;
const POLL_MS = 1_000;
/** The founder tries at once; the others leave it this much time each before they try themselves. */
const COMMIT_STAGGER_MS = 4_000;

/** Packages and installs this hospital's chaincode. @returns the package id, the same at every call. */
export async function installChaincode(context: HospitalContext): Promise<string> {
  const { name, version } = context.topology.chaincode;
  const label = `${name}_${version}`;
  const archive = packageArchive(context, label);
  const packageId = `${label}:${createHash('sha256').update(archive).digest('hex')}`;
  const installed = JSON.parse(await peerCommand(context, ['lifecycle', 'chaincode', 'queryinstalled', '--output', 'json'])) as {
    installed_chaincodes?: { package_id: string }[];
  };
  if (installed.installed_chaincodes?.some((entry) => entry.package_id === packageId)) return packageId;
  const file = join(makePrivateDirectory(context.paths.chaincode), 'package.tar.gz');
  writeFileAtomic(file, archive);
  const result = await tryPeerCommand(context, ['lifecycle', 'chaincode', 'install', file]);
  if (result.code !== 0 && !result.output.includes('already successfully installed')) {
    throw new Error(`installing the chaincode package: ${lastLine(result.output)}`);
  }
  return packageId;
}

function packageArchive(context: HospitalContext, label: string): Buffer {
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const code = tarGzip([{ name: 'connection.json', content: json(publicConnection(context)) }]);
  return tarGzip([
    { name: 'metadata.json', content: json({ type: 'ccaas', label }) },
    { name: 'code.tar.gz', content: code },
  ]);
}

/** Approves the definition for this hospital, unless it already did with this very package. */
export async function approveChaincode(context: HospitalContext, packageId: string): Promise<void> {
  const { sequence } = context.topology.chaincode;
  const approved = await tryPeerCommand(context, [
    'lifecycle', 'chaincode', 'queryapproved', ...channelAndName(context), '--sequence', String(sequence), '--output', 'json',
  ]);
  if (approved.code === 0 && approved.output.includes(packageId)) return;
  // An orderer that has just joined may still be looking for the others: ask again until it takes part.
  await waitFor(
    async () => {
      await peerCommand(context, ['lifecycle', 'chaincode', 'approveformyorg', ...definition(context), '--package-id', packageId]);
      return true;
    },
    { what: `${context.hospital.id} to approve the chaincode definition`, timeoutMs: COMMIT_TIMEOUT_MS, intervalMs: POLL_MS },
  );
}

/** Commits the definition as soon as a majority approved, or sees that another hospital did. */
export async function commitChaincode(context: HospitalContext, hospitals: readonly PublicHospital[]): Promise<void> {
  const ownIndex = context.topology.hospitals.findIndex((hospital) => hospital.id === context.hospital.id);
  const notBeforeMs = Date.now() + ownIndex * COMMIT_STAGGER_MS;
  let lastRefusal = '';
  await waitFor(
    async () => {
      if (await isCommitted(context)) return true;
      if (Date.now() < notBeforeMs) return undefined;
      const approving = await approvingHospitals(context, hospitals);
      if (approving.length < majorityOf(hospitals.length)) return undefined;
      lastRefusal = await tryCommit(context, approving);
      return (await isCommitted(context)) ? true : undefined;
    },
    {
      what: 'a majority to approve and commit the chaincode definition',
      timeoutMs: COMMIT_TIMEOUT_MS,
      intervalMs: POLL_MS,
      hint: () => lastRefusal,
    },
  );
}

async function isCommitted(context: HospitalContext): Promise<boolean> {
  const { name, sequence } = context.topology.chaincode;
  const result = await tryPeerCommand(context, [
    'lifecycle', 'chaincode', 'querycommitted', '--channelID', context.topology.channel, '--name', name, '--output', 'json',
  ]);
  if (result.code !== 0) return false;
  const committed = JSON.parse(result.output) as { sequence?: number };
  return (committed.sequence ?? 0) >= sequence;
}

async function approvingHospitals(context: HospitalContext, hospitals: readonly PublicHospital[]): Promise<PublicHospital[]> {
  const { version, sequence } = context.topology.chaincode;
  const output = await peerCommand(context, [
    'lifecycle', 'chaincode', 'checkcommitreadiness', ...channelAndName(context),
    '--version', version, '--sequence', String(sequence), '--output', 'json',
  ]);
  const { approvals } = JSON.parse(output) as { approvals: Record<string, boolean> };
  return hospitals.filter((hospital) => approvals[hospital.mspId] === true);
}

/** @returns why it was refused, or an empty text. Two hospitals may try at once; one of them is refused. */
async function tryCommit(context: HospitalContext, approving: readonly PublicHospital[]): Promise<string> {
  const peers = approving.flatMap((hospital) => {
    const rootFile = join(makePrivateDirectory(context.paths.chaincode), `${hospital.id}-tls-root.pem`);
    writeFileAtomic(rootFile, hospital.tlsRoot);
    return ['--peerAddresses', hospital.peerAddress, '--tlsRootCertFiles', rootFile];
  });
  const result = await tryPeerCommand(context, ['lifecycle', 'chaincode', 'commit', ...definition(context), ...peers]);
  return result.code === 0 ? '' : lastLine(result.output);
}

function channelAndName(context: HospitalContext): string[] {
  return ['--channelID', context.topology.channel, '--name', context.topology.chaincode.name];
}

function definition(context: HospitalContext): string[] {
  const { host, ports } = context.hospital;
  const { version, sequence } = context.topology.chaincode;
  return [
    ...channelAndName(context),
    '--version', version,
    '--sequence', String(sequence),
    '--orderer', `${host}:${String(ports.orderer)}`,
    '--tls',
    '--cafile', authorityRootFile(context, 'tls'),
  ];
}
