/**
 * What a hospital alone knows about aggregates: whose rows a panel holds, and how it answered each query. Rows of the
 * gateway's own sealed tables; nothing of it leaves the hospital unasked.
 */
import type { ContributionOpeningJson } from '@careledger/crypto';
import type { CohortSubject } from '@careledger/protocol';
import type { LocalTable } from '../services/local-tables.js';
import type { CohortOfQuery, CohortRows } from './policy.js';

export interface LocalRow {
  /** The hospital's own patient number; one patient counts once in a cohort, however many panels it is in. */
  readonly patient: string;
  readonly subject: CohortSubject;
}

export interface KeptRow extends LocalRow {
  /** Names of the fields to which the row adds anything: of a pair or a grouped field, all its columns are there. */
  readonly fields: readonly string[];
  /** Of the fields that count patients by bin, group or interval, which one the row is in. */
  readonly cells?: Readonly<Record<string, string>>;
}

/** Kept under the panel id. */
export interface LocalPanel {
  readonly panelId: string;
  readonly layoutId: string;
  readonly layoutVersion: number;
  readonly keyId: string;
  readonly cid: string;
  /** Base64url of 32 bytes, from which the randomness of the rows follows: as secret as their values. */
  readonly seed: string;
  readonly rows: readonly KeptRow[];
  /** SHA-256 of what was put, values included; readable here only, like the row. */
  readonly inputDigest: string;
}

/** Kept under the query id: the cohort for the differencing check, the opening for an auditor to whom it is shown. */
export interface AnsweredQuery {
  /** `mspId/enrolmentId`. */
  readonly researcher: string;
  /** Canonical JSON of the cohort that was asked for. */
  readonly predicate: string;
  /** The patient of each row of the opening, in its order. */
  readonly patients: readonly string[];
  /** Places of the rows that hold a value, by field that was asked for. */
  readonly holding: Readonly<Record<string, readonly number[]>>;
  /** Columns that those fields read. */
  readonly columns: Readonly<Record<string, readonly string[]>>;
  readonly opening: ContributionOpeningJson;
}

export interface LocalKnowledge {
  readonly panels: LocalTable<LocalPanel>;
  readonly answers: LocalTable<AnsweredQuery>;
}

/** Cohorts of the same researcher in other queries to which this hospital contributed. */
export async function earlierCohorts(
  answers: LocalTable<AnsweredQuery>,
  researcher: string,
  exceptQueryId: string,
): Promise<CohortOfQuery[]> {
  const cohorts: CohortOfQuery[] = [];
  for await (const [queryId, answered] of answers.entries()) {
    if (queryId !== exceptQueryId && answered.researcher === researcher) cohorts.push(cohortOf(answered));
  }
  return cohorts;
}

function cohortOf(answered: AnsweredQuery): CohortOfQuery {
  const { predicate, patients, holding, columns, opening } = answered;
  const { rowRefs } = opening;
  const rowsAt = (places: readonly number[]): CohortRows =>
    new Map(places.map((place) => [rowRefs[place] ?? '', patients[place] ?? '']));
  return {
    predicate,
    rows: rowsAt([...rowRefs.keys()]),
    holding: new Map(Object.entries(holding).map(([field, places]) => [field, rowsAt(places)])),
    columns: new Map(Object.entries(columns)),
  };
}
