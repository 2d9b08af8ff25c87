import { decide, keyWayOf, type Decision } from './decision.js';
import { addGrant, countOpenings, grantFromInstruction, hasRoom } from './grant-rules.js';
import { addMs } from './instant.js';
import type { Purpose } from './names.js';
import { openingsAllowed } from './opening-count.js';
import type { AccessDecision } from './schemas/access.js';
import type { Caller } from './schemas/common.js';
import type { GrantBook } from './schemas/grant-book.js';
import type { PatientGrant } from './schemas/grants.js';
import type { EmrRecord } from './schemas/records.js';

/** Everything that one opening transaction read; `at` and `txId` are the transaction's own. */
export interface OpeningInput {
  readonly requester: Caller;
  readonly purpose: Purpose;
  readonly caseId?: string | undefined;
  readonly at: string;
  readonly txId: string;
  readonly requesterMemberActive: boolean;
  readonly records: readonly EmrRecord[];
  readonly books: ReadonlyMap<string, GrantBook>;
  /** Hospitals at which the requester is suspended. */
  readonly suspendedBy: ReadonlySet<string>;
  /** The same on every peer: derived from the transaction, never random. */
  readonly newGrantId: (pseudonym: string, instructionId: string) => string;
}

export interface OpeningOutcome {
  readonly decisions: readonly AccessDecision[];
  /** Books that standing instructions changed, one of each patient. Empty for an ordinary opening, which therefore conflicts with none. */
  readonly changedBooks: readonly GrantBook[];
  readonly ended: readonly PatientGrant[];
  /** Earliest time by which a grant wants the receipt. */
  readonly receiptDueBy?: string;
}

/** Decides every record of an opening and executes the patients' standing instructions. Pure. */
export function decideOpening(input: OpeningInput): OpeningOutcome {
  const opening = new Opening(input);
  const decisions = input.records.map((record) => opening.decideRecord(record));
  opening.countOpenings();
  const due = decisions
    .flatMap(({ receiptDueBy }) => (receiptDueBy === undefined ? [] : [receiptDueBy]))
    .sort();
  return {
    decisions,
    changedBooks: opening.changedBooks(),
    ended: opening.ended,
    ...(due[0] === undefined ? {} : { receiptDueBy: due[0] }),
  };
}

class Opening {
  readonly ended: PatientGrant[] = [];
  private readonly books: Map<string, GrantBook>;
  private readonly changed = new Set<string>();
  /** Grants made in this transaction: records after the first match them, but rest on the instruction. */
  private readonly made = new Set<string>();
  private readonly used = new Map<string, Set<string>>();

  constructor(private readonly input: OpeningInput) {
    this.books = new Map(input.books);
  }

  decideRecord(record: EmrRecord): AccessDecision {
    const book = this.bookOf(record.pseudonym);
    const decision = decide({
      ...this.input,
      record,
      patient: book,
      grants: book.grants,
      // A full book cannot take another grant: then the instruction does not hold, and the opening is denied.
      instructions: hasRoom(book, this.input.at) ? book.instructions : [],
      openingsAllowed: openingsAllowed(book),
      requesterSuspended: this.input.suspendedBy.has(record.ownerMspId),
    });
    const subject = { recordId: record.recordId, pseudonym: record.pseudonym, ownerMspId: record.ownerMspId };
    return { ...subject, ...this.settle(record, decision) };
  }

  countOpenings(): void {
    for (const [pseudonym, used] of this.used) {
      const book = this.bookOf(pseudonym);
      if (openingsAllowed(book) === undefined) continue;
      const change = countOpenings(book, used, this.input.at, this.input.txId);
      this.keep(change.book, change.ended);
    }
  }

  changedBooks(): GrantBook[] {
    return [...this.changed].map((pseudonym) => this.bookOf(pseudonym));
  }

  private settle(
    record: EmrRecord,
    decision: Decision,
  ): Pick<AccessDecision, 'outcome'> & Partial<AccessDecision> {
    if (decision.outcome === 'deny') return { outcome: 'deny', reason: decision.reason };
    const { requester } = this.input;
    const via = keyWayOf(decision, { requester, record, patient: this.bookOf(record.pseudonym) });
    if (decision.basis === 'own-hospital' || decision.basis === 'break-glass')
      return { outcome: 'grant', basis: decision.basis, via };
    const { pseudonym } = record;
    const grant = decision.basis === 'grant' ? decision.grant : this.grantBy(pseudonym, decision.instruction);
    this.use(pseudonym, grant.grantId);
    return {
      outcome: 'grant',
      basis: this.made.has(grant.grantId) ? 'instruction' : 'grant',
      grantId: grant.grantId,
      via,
      ...(grant.receiptDueWithinMs === undefined
        ? {}
        : { receiptDueBy: addMs(this.input.at, grant.receiptDueWithinMs) }),
    };
  }

  private grantBy(pseudonym: string, instruction: GrantBook['instructions'][number]): PatientGrant {
    const { requester, at, txId, newGrantId } = this.input;
    if (instruction.rule.kind !== 'auto-grant')
      throw new TypeError('the decision named an instruction that grants nothing');
    const grantId = newGrantId(pseudonym, instruction.instructionId);
    const grant = grantFromInstruction({
      instruction,
      rule: instruction.rule,
      grantId,
      pseudonym,
      requester,
      at,
      txId,
    });
    const change = addGrant(this.bookOf(pseudonym), grant, at, txId);
    this.made.add(grantId);
    this.keep(change.book, change.ended);
    return grant;
  }

  private keep(book: GrantBook, ended: readonly PatientGrant[]): void {
    this.books.set(book.pseudonym, book);
    this.changed.add(book.pseudonym);
    this.ended.push(...ended);
  }

  private use(pseudonym: string, grantId: string): void {
    const used = this.used.get(pseudonym) ?? new Set();
    this.used.set(pseudonym, used.add(grantId));
  }

  private bookOf(pseudonym: string): GrantBook {
    const book = this.books.get(pseudonym);
    if (book === undefined) throw new TypeError('a record without a grant book of its patient');
    return book;
  }
}
