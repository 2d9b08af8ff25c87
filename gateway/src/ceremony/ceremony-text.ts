/** A ceremony in words, for terminals. */
import type { Ceremony } from '@careledger/protocol';
import type { CeremonyProgressReport } from './ceremony-progress.js';

const PHASES: Readonly<Record<string, string>> = {
  candidates: 'looking for a modulus',
  biprimality: 'testing a modulus',
  sharing: 'sharing the secret',
  proving: 'proving the shares',
  agreeing: 'comparing what came of it',
};

const AWAITED = { join: 'to join', round: 'for this round', acceptance: 'to accept the key' } as const;

/** One line: how far it is, and for whom it waits. */
export function ceremonyLine({ ceremony, own, awaited }: CeremonyProgressReport): string {
  const { status, attempt, registration } = ceremony;
  const again = attempt > 1 ? `attempt ${attempt}, ` : '';
  if (status === 'finished') return 'finished';
  if (status === 'failed') return `failed in attempt ${attempt}`;
  if (registration !== undefined || own === undefined) return `${again}${status}${waitingFor(awaited)}`;
  const phase = PHASES[own.phase] ?? own.phase;
  const percent = Math.floor(100 * own.fraction);
  const isSearching = own.phase === 'candidates' || own.phase === 'biprimality';
  const tried = `${own.candidates} candidates tried, ${Math.round(own.expectedCandidates)} expected`;
  const detail = isSearching ? ` (${tried})` : '';
  return `${again}${phase}, ${percent} % of the expected work${detail}${waitingFor(awaited)}`;
}

/** Everything that stands on the ledger about it, in lines. */
export function ceremonyText(report: CeremonyProgressReport): string {
  const { ceremony } = report;
  const { ceremonyId, holders, faults, interruptions } = ceremony;
  const lines = [
    `ceremony ${ceremonyId}: ${ceremonyLine(report)}`,
    `  ${purposeText(ceremony)} for ${holders.join(', ')}; ${thresholdText(ceremony)}`,
    ...faults.map(
      ({ attempt, accused, accuser, reason, round, at }) =>
        `  attempt ${attempt}${round === undefined ? '' : `, round ${round}`}: ${accuser} named ${accused}: ${reason} (${at})`,
    ),
    ...interruptions.map(
      ({ attempt, kind, mspId, at }) => `  attempt ${attempt}: ${kind} by ${mspId} (${at})`,
    ),
  ];
  return lines.join('\n');
}

function purposeText({ purpose, scheme, keyBits = 0 }: Ceremony): string {
  const what = purpose === 'generate' ? 'makes' : 'shares anew';
  return scheme === 'paillier' ? `${what} a key of ${keyBits} bits` : `${what} the identity master key`;
}

function thresholdText({ scheme, threshold }: Ceremony): string {
  return `any ${threshold} of them ${scheme === 'paillier' ? 'decrypt' : 'extract keys'}`;
}

function waitingFor(awaited: CeremonyProgressReport['awaited']): string {
  if (awaited.length === 0) return '';
  return `; waiting for ${awaited.map(({ mspId, what }) => `${mspId} ${AWAITED[what]}`).join(', ')}`;
}
