import { CareLedgerError, type Member, type ProposeMember } from '@careledger/protocol';
import type { SigningIdentity } from '../ports/ledger.js';
import type { ContractCaller } from '../services/contract-caller.js';
import { listOf } from '../services/members.js';
import type { Readiness } from '../services/readiness.js';
import { pause } from './pause.js';

export interface JoiningOptions {
  readonly mspId: string;
  /** What the hospital says of itself on the ledger. */
  readonly self: ProposeMember;
  /** MSP ids that this hospital admits. */
  readonly admits: readonly string[];
  readonly buildDigest: string;
  readonly approveBuild: 'first' | 'always';
}

export interface JoiningModules {
  readonly contracts: ContractCaller;
  readonly identity: SigningIdentity;
  readonly readiness: Readiness;
}

/**
 * One look at where the hospital stands, and whatever is due: propose itself, correct its entry, admit those it
 * means to admit, approve the build. Sets the readiness. Repeating it is harmless.
 * @returns whether everything that this hospital waits for has come: it is ready, and all it admits are active.
 * @throws CareLedgerError what the ledger answers.
 */
export async function joinStep(options: JoiningOptions, modules: JoiningModules): Promise<boolean> {
  const { contracts, identity, readiness } = modules;
  const members = await listOf(contracts, identity);
  const own = await ownEntry(members, options, modules);
  if (own.status !== 'active') {
    readiness.notReady('NOT_READY', `${options.mspId} is ${own.status}: the other members have to decide.`);
    return false;
  }
  await updateSelf(own, options, modules);
  await admitOthers(members, options, modules);
  const { running, approved } = await approvedBuild(own, options, modules);
  if (approved === undefined)
    readiness.notReady('BUILD_MISMATCH', 'No majority of members approves a build yet.');
  else if (approved === running) readiness.ready();
  else readiness.notReady('BUILD_MISMATCH', `Build ${running} answers, build ${approved} is approved.`);
  const isActive = (mspId: string): boolean =>
    members.some((member) => member.mspId === mspId && member.status === 'active');
  return readiness.reason === undefined && options.admits.every(isActive);
}

async function ownEntry(
  members: readonly Member[],
  options: JoiningOptions,
  modules: JoiningModules,
): Promise<Member> {
  const own = members.find(({ mspId }) => mspId === options.mspId);
  // A hospital that left does not come back by restarting its gateway.
  if (own !== undefined) return own;
  return (await modules.contracts.submit(modules.identity, 'members', 'Propose', options.self)).result;
}

async function updateSelf(
  own: Member,
  { self }: JoiningOptions,
  { contracts, identity }: JoiningModules,
): Promise<void> {
  const { name, gatewayUrl, encryptionKey } = own;
  const isCurrent =
    name === self.name && gatewayUrl === self.gatewayUrl && encryptionKey === self.encryptionKey;
  if (!isCurrent) await contracts.submit(identity, 'members', 'Update', self);
}

async function admitOthers(
  members: readonly Member[],
  { mspId: ownMspId, admits }: JoiningOptions,
  { contracts, identity }: JoiningModules,
): Promise<void> {
  for (const { mspId, status, votes, leftAt } of members) {
    // One that was here before left with its reasons, perhaps to get rid of a suspension: people vote on it, not we.
    const isNew = status === 'proposed' && leftAt === undefined;
    const isDue = isNew && admits.includes(mspId) && !votes.admit.includes(ownMspId);
    if (isDue) await ifStillDue(contracts.submit(identity, 'members', 'Vote', { mspId, vote: 'admit' }));
  }
}

/** Another member's vote may have been the last that was needed. */
async function ifStillDue(vote: Promise<unknown>): Promise<void> {
  try {
    await vote;
  } catch (error) {
    if (!(error instanceof CareLedgerError) || error.code !== 'TRANSITION_NOT_ALLOWED') throw error;
  }
}

async function approvedBuild(
  own: Member,
  { buildDigest, approveBuild }: JoiningOptions,
  { contracts, identity }: JoiningModules,
): Promise<{ readonly running: string; readonly approved?: string }> {
  const report = await contracts.evaluate(identity, 'members', 'Build', {});
  const isWanted =
    approveBuild === 'always' ? report.approved !== buildDigest : report.approved === undefined;
  if (!isWanted || own.approvedBuild === buildDigest) return report;
  await contracts.submit(identity, 'members', 'ApproveBuild', { digest: buildDigest });
  return contracts.evaluate(identity, 'members', 'Build', {});
}

/** Looks again and again until the signal aborts: often until everything has come or `eagerMs` are over, then seldom. */
export async function keepJoined(
  options: JoiningOptions & {
    readonly retryMs: number;
    readonly recheckMs: number;
    readonly eagerMs: number;
  },
  modules: JoiningModules & { readonly onError: (error: unknown) => void },
  signal: AbortSignal,
): Promise<void> {
  const { readiness } = modules;
  const eagerUntilMs = performance.now() + options.eagerMs;
  while (!signal.aborted) {
    let isSettled = false;
    try {
      isSettled = await joinStep(options, modules);
    } catch (error) {
      modules.onError(error);
      // A ready gateway stays ready: its writes are answered by the ledger's own error while it cannot be reached.
      if (readiness.reason !== undefined) readiness.notReady('NOT_READY', describe(error));
    }
    const isEager = !isSettled && performance.now() < eagerUntilMs;
    await pause(isEager ? options.retryMs : options.recheckMs, signal);
  }
}

function describe(error: unknown): string {
  return error instanceof CareLedgerError
    ? `${error.code}: ${error.message}`
    : 'The consortium cannot be read.';
}
