import type { EmrRecord } from '@careledger/protocol';
import type { SigningIdentity } from '../ports/ledger.js';
import type { ContractCaller } from './contract-caller.js';

/** All records of a pseudonym, page by page. */
export async function recordsOfPatient(
  contracts: Pick<ContractCaller, 'evaluate'>,
  identity: SigningIdentity,
  pseudonym: string,
): Promise<EmrRecord[]> {
  const records: EmrRecord[] = [];
  let bookmark: string | undefined;
  do {
    const page = await contracts.evaluate(identity, 'records', 'List', {
      by: 'patient',
      value: pseudonym,
      ...(bookmark === undefined ? {} : { bookmark }),
    });
    records.push(...page.items);
    bookmark = page.bookmark;
  } while (bookmark !== undefined);
  return records;
}
