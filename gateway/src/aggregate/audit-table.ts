/**
 * What a contributor keeps about each query it answered: the opening of its commitment, for an auditor to whom it is
 * shown, and the patients of the cohort, for the differencing check. Sealed; never leaves the hospital unasked.
 */
import type { ContributionOpeningJson } from '@careledger/crypto';
import { canonicalJson } from '@careledger/protocol';
import type { AbstractSublevel } from 'abstract-level';
import type { ClassicLevel } from 'classic-level';
import type { KeyCustody } from '../ports/key-custody.js';

export interface AnsweredQuery {
  readonly queryId: string;
  /** `mspId/enrolmentId`. */
  readonly researcher: string;
  readonly patients: readonly string[];
  readonly opening: ContributionOpeningJson;
}

type Bytes = AbstractSublevel<ClassicLevel<string, Uint8Array>, string | Buffer | Uint8Array, string, Uint8Array>;

export class AuditTable {
  readonly #table: Bytes;
  readonly #custody: KeyCustody;

  constructor(database: ClassicLevel<string, Uint8Array>, custody: KeyCustody) {
    this.#table = database.sublevel<string, Uint8Array>('answered-queries', { valueEncoding: 'view' });
    this.#custody = custody;
  }

  async put(answered: AnsweredQuery): Promise<void> {
    const sealed = await this.#custody.sealLocal(label(answered.queryId), new TextEncoder().encode(canonicalJson(answered)));
    await this.#table.batch([{ type: 'put', key: answered.queryId, value: sealed }], { sync: true } as object);
  }

  async get(queryId: string): Promise<AnsweredQuery | undefined> {
    const sealed = await this.#table.get(queryId);
    return sealed === undefined ? undefined : this.#open(queryId, sealed);
  }

  /** Cohorts of the same researcher in other queries that this hospital answered with a contribution. */
  async earlierCohorts(researcher: string, exceptQueryId: string): Promise<ReadonlySet<string>[]> {
    const cohorts: ReadonlySet<string>[] = [];
    for await (const [queryId, sealed] of this.#table.iterator()) {
      if (queryId === exceptQueryId) continue;
      const answered = await this.#open(queryId, sealed);
      if (answered.researcher === researcher) cohorts.push(new Set(answered.patients));
    }
    return cohorts;
  }

  async #open(queryId: string, sealed: Uint8Array): Promise<AnsweredQuery> {
    const bytes = await this.#custody.openLocal(label(queryId), sealed);
    return JSON.parse(new TextDecoder().decode(bytes)) as AnsweredQuery;
  }
}

const label = (queryId: string) => `answered-query/${queryId}`;
