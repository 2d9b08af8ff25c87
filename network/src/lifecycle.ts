import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Contract, ProposalOptions } from '@hyperledger/fabric-gateway';
import { peer } from '@hyperledger/fabric-protos';
import { publicConnection } from './chaincode-process.js';
import { type HospitalContext, logHint } from './context.js';
import { makePrivateDirectory, writeFileAtomic } from './files.js';
import { ledgerErrorText, withLedger } from './ledger-client.js';
import { peerCommand, tryPeerCommand } from './peer.js';
import { protoMap } from './proto-map.js';
import { lastLine } from './run.js';
import { tarGzip } from './tar.js';
import { majorityOf } from './topology.js';
import { waitFor } from './wait.js';

const { lifecycle } = peer;
const LIFECYCLE = '_lifecycle';
const COMMIT_TIMEOUT_MS = 180_000;
const POLL_MS = 500;
/** The founder tries at once; the others leave it this much time each before they try themselves. */
const COMMIT_STAGGER_MS = 4_000;

/** Packages and installs this hospital's chaincode. @returns the package id, the same at every call. */
export async function installChaincode(context: HospitalContext): Promise<string> {
  const { name, version } = context.topology.chaincode;
  const label = `${name}_${version}`;
  const archive = packageArchive(context, label);
  const packageId = `${label}:${createHash('sha256').update(archive).digest('hex')}`;
  const installed = JSON.parse(
    await peerCommand(context, ['lifecycle', 'chaincode', 'queryinstalled', '--output', 'json']),
  ) as {
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
  await withLedger(context, 'admin', async (client) => {
    const contract = client.contract(LIFECYCLE);
    await waitFor(
      async () => {
        if ((await approvedPackage(context, contract)) === packageId) return true;
        await approve(context, contract, packageId).catch((thrown: unknown) => {
          throw new Error(ledgerErrorText(thrown), { cause: thrown });
        });
        return true;
      },
      {
        what: `${context.hospital.id} to approve the chaincode definition`,
        timeoutMs: COMMIT_TIMEOUT_MS,
        intervalMs: POLL_MS,
        hint: logHint(context, 'orderer'),
      },
    );
  });
}

/** Commits the definition as soon as a majority approved, or sees that another hospital did. */
export async function commitChaincode(context: HospitalContext): Promise<void> {
  const { hospitals } = context.topology;
  const ownIndex = hospitals.findIndex((hospital) => hospital.id === context.hospital.id);
  const notBeforeMs = Date.now() + ownIndex * COMMIT_STAGGER_MS;
  let lastRefusal = '';
  await withLedger(context, 'admin', async (client) => {
    const contract = client.contract(LIFECYCLE);
    await waitFor(
      async () => {
        if (await isCommitted(context, contract)) return true;
        if (Date.now() < notBeforeMs) return undefined;
        const approving = await approvingMembers(context, contract);
        if (approving.length < majorityOf(hospitals.length)) return undefined;
        lastRefusal = await tryCommit(context, contract, approving);
        return lastRefusal === '' ? true : undefined;
      },
      {
        what: 'a majority to approve and commit the chaincode definition',
        timeoutMs: COMMIT_TIMEOUT_MS,
        intervalMs: POLL_MS,
        hint: () => lastRefusal,
      },
    );
  });
}

/** @returns the package this hospital approved for the sequence, or undefined. */
async function approvedPackage(context: HospitalContext, contract: Contract): Promise<string | undefined> {
  const args = new lifecycle.QueryApprovedChaincodeDefinitionArgs();
  args.setName(context.topology.chaincode.name);
  args.setSequence(context.topology.chaincode.sequence);
  try {
    const bytes = await contract.evaluate(
      'QueryApprovedChaincodeDefinition',
      own(context, args.serializeBinary()),
    );
    const result = lifecycle.QueryApprovedChaincodeDefinitionResult.deserializeBinary(bytes);
    return result.getSource()?.getLocalPackage()?.getPackageId();
  } catch {
    // The peer answers with an error when there is no approval yet.
    return undefined;
  }
}

async function approve(context: HospitalContext, contract: Contract, packageId: string): Promise<void> {
  const localPackage = new lifecycle.ChaincodeSource.Local();
  localPackage.setPackageId(packageId);
  const source = new lifecycle.ChaincodeSource();
  source.setLocalPackage(localPackage);
  const args = define(context, new lifecycle.ApproveChaincodeDefinitionForMyOrgArgs());
  args.setSource(source);
  await contract.submit('ApproveChaincodeDefinitionForMyOrg', own(context, args.serializeBinary()));
}

async function isCommitted(context: HospitalContext, contract: Contract): Promise<boolean> {
  const args = new lifecycle.QueryChaincodeDefinitionArgs();
  args.setName(context.topology.chaincode.name);
  try {
    const bytes = await contract.evaluate('QueryChaincodeDefinition', own(context, args.serializeBinary()));
    const committed = lifecycle.QueryChaincodeDefinitionResult.deserializeBinary(bytes);
    return committed.getSequence() >= context.topology.chaincode.sequence;
  } catch {
    // The peer answers with an error when nothing is committed yet.
    return false;
  }
}

async function approvingMembers(context: HospitalContext, contract: Contract): Promise<string[]> {
  const args = define(context, new lifecycle.CheckCommitReadinessArgs());
  const bytes = await contract.evaluate('CheckCommitReadiness', own(context, args.serializeBinary()));
  const result = lifecycle.CheckCommitReadinessResult.deserializeBinary(bytes);
  const approvals = protoMap<boolean>(result.getApprovalsMap());
  return context.topology.hospitals
    .map((hospital) => hospital.mspId)
    .filter((mspId) => approvals.get(mspId) === true);
}

/** @returns why it was refused, or an empty text. Two hospitals may try at once; one of them is refused. */
async function tryCommit(context: HospitalContext, contract: Contract, approving: string[]): Promise<string> {
  const args = define(context, new lifecycle.CommitChaincodeDefinitionArgs());
  try {
    await contract.submit('CommitChaincodeDefinition', {
      arguments: [args.serializeBinary()],
      endorsingOrganizations: approving,
    });
    return '';
  } catch (thrown) {
    return ledgerErrorText(thrown);
  }
}

interface Definition {
  setName(value: string): void;
  setVersion(value: string): void;
  setSequence(value: number): void;
}

/** The same definition in every request: no policy is named, so the channel's majority endorses. */
function define<T extends Definition>(context: HospitalContext, args: T): T {
  const { name, version, sequence } = context.topology.chaincode;
  args.setName(name);
  args.setVersion(version);
  args.setSequence(sequence);
  return args;
}

/** Asks the hospital's own peer only: an approval needs no other's endorsement. */
function own(context: HospitalContext, argument: Uint8Array): ProposalOptions {
  return { arguments: [argument], endorsingOrganizations: [context.hospital.mspId] };
}
