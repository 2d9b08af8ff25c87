/**
 * Who holds the erasure key of a record: its owner and two key servers, of whom any two make it (crypto `erasure-parts`).
 */
import type { EmrRecord } from './schemas/records.js';

type Keyed = Pick<EmrRecord, 'ownerMspId' | 'keyServers'>;

/**
 * The two active members that follow the owner in the order of their MSP ids, as on a ring, so that the work is spread.
 * Undefined when there are not two others: the owner holds the key alone.
 */
export function keyServersFor(ownerMspId: string, activeMembers: readonly string[]): string[] | undefined {
  const others = activeMembers.filter((mspId) => mspId !== ownerMspId).sort();
  const [first, second] = [
    ...others.filter((mspId) => mspId > ownerMspId),
    ...others.filter((mspId) => mspId < ownerMspId),
  ];
  return first === undefined || second === undefined ? undefined : [first, second];
}

/** The owner first, then the key servers: a custodian's number is its place in the list, from 1 on. */
export function custodiansOf({ ownerMspId, keyServers = [] }: Keyed): string[] {
  return [ownerMspId, ...keyServers];
}

/** How many custodians have to puncture a leaf so that nobody makes its key any more. */
export function enoughToErase({ keyServers }: Keyed): number {
  return keyServers === undefined ? 1 : 2;
}
