/** How far a ceremony is, as people ask for it: what stands on the ledger, the own part, and who is awaited. */
import type { Ceremony } from '@careledger/protocol';
import type { CeremonyCustody, CeremonyPart } from '../ports/ceremony-custody.js';
import { isUnfinished, type CeremonyLedger } from './ceremony-ledger.js';

export const AWAITED_STEPS = ['join', 'round', 'acceptance'] as const;

export interface Awaited {
  readonly mspId: string;
  readonly what: (typeof AWAITED_STEPS)[number];
}

export interface CeremonyProgressReport {
  readonly ceremony: Ceremony;
  /** Absent at a hospital that does not take part, before it begins, and after the end. */
  readonly own?: {
    readonly attempt: number;
    readonly round: number;
    readonly phase: string;
    readonly candidates: number;
    /** How many candidates are tried on average: a matter of luck. */
    readonly expectedCandidates: number;
    /** Of the expected work, 0..1. */
    readonly fraction: number;
  };
  readonly awaited: Awaited[];
}

export async function progressOf(
  ceremony: Ceremony,
  modules: { readonly ledger: CeremonyLedger; readonly custody: Pick<CeremonyCustody, 'part'> },
): Promise<CeremonyProgressReport> {
  if (!isUnfinished(ceremony)) return { ceremony, awaited: [] };
  const part = await modules.custody.part(ceremony.ceremonyId);
  const present = part?.attempt === ceremony.attempt ? part : undefined;
  const awaited = await awaitedOf(ceremony, present, modules.ledger);
  return { ceremony, awaited, ...(present === undefined ? {} : { own: ownPart(present) }) };
}

function ownPart({ attempt, round, progress }: CeremonyPart): NonNullable<CeremonyProgressReport['own']> {
  const { phase, candidates, expectedCandidates, fraction } = progress;
  return { attempt, round, phase, candidates, expectedCandidates, fraction };
}

async function awaitedOf(
  ceremony: Ceremony,
  part: CeremonyPart | undefined,
  ledger: CeremonyLedger,
): Promise<Awaited[]> {
  const { status, participants, joined, holders, registration } = ceremony;
  const without = (all: readonly string[], done: readonly string[], what: Awaited['what']): Awaited[] =>
    all.filter((mspId) => !done.includes(mspId)).map((mspId) => ({ mspId, what }));
  if (status === 'joining')
    return without(
      participants,
      joined.map(({ mspId }) => mspId),
      'join',
    );
  if (registration !== undefined) return without(holders, registration.acceptedBy, 'acceptance');
  if (part === undefined) return [];
  const posts = await ledger.posts(ceremony, part.round);
  return without(participants, [...posts.keys()], 'round');
}
