import {
  CareLedgerError,
  KEYS,
  type BookChange,
  type Consortium,
  type GrantBook,
  type PatientGrant,
} from '@careledger/protocol';
import type { Call } from './call.js';

/** @throws CareLedgerError PATIENT_NOT_FOUND */
export async function readGrantBook(call: Call, pseudonym: string): Promise<GrantBook> {
  const book = await call.state.read(KEYS.grantBook, [pseudonym]);
  if (book === undefined) throw new CareLedgerError('PATIENT_NOT_FOUND');
  return book;
}

/** A grant that left the book. */
export async function readEndedGrant(
  call: Call,
  pseudonym: string,
  grantId: string,
): Promise<PatientGrant | undefined> {
  const found = await call.state.read(KEYS.endedGrantId, [pseudonym, grantId]);
  return found === undefined
    ? undefined
    : call.state.read(KEYS.endedGrant, [pseudonym, found.endedAt, grantId]);
}

/**
 * Writes a changed book, and the grants that ended as evidence of their own.
 *
 * The book is always rewritten as a whole, and every opening reads it: an opening that was simulated before a
 * revocation and ordered after it read an older version, so Fabric invalidates it. That is what makes a revocation
 * hold from its place in the order on.
 */
export async function writeGrantBook(
  call: Call,
  consortium: Consortium,
  { book, ended }: BookChange,
): Promise<void> {
  const { pseudonym, mspId, membersEpoch: previousEpoch } = book;
  await call.state.writeOwned(KEYS.grantBook, [pseudonym], book, { mspId, consortium, previousEpoch });
  for (const grant of ended) {
    const endedAt = grant.endedAt ?? call.at;
    const evidence = [pseudonym, endedAt, grant.grantId];
    await call.state.write(KEYS.endedGrant, evidence, grant);
    await call.state.setOwner(KEYS.endedGrant, evidence, mspId, consortium);
    await call.state.write(KEYS.endedGrantId, [pseudonym, grant.grantId], { endedAt });
  }
}
