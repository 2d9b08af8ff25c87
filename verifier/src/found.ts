import { CryptoError } from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';
import type { Finding, FindingCode, SignedBy } from './findings.js';

/** What one finding says besides its code. */
export interface Difference {
  readonly subject: string;
  readonly expected: string;
  readonly came: string;
  /** Transaction in which the thing stands; names its signer. */
  readonly txId?: string | undefined;
}

/** Collects findings, so that one defect does not hide the next. */
export class Found {
  private readonly list: Finding[] = [];

  /** @param signers of the transactions that documents name */
  constructor(private readonly signers: ReadonlyMap<string, SignedBy>) {}

  get findings(): readonly Finding[] {
    return this.list;
  }

  add(code: FindingCode, { subject, expected, came, txId }: Difference): void {
    const signedBy = txId === undefined ? undefined : this.signers.get(txId);
    this.list.push({ code, subject, expected, came, ...(signedBy === undefined ? {} : { signedBy }) });
  }

  /**
   * What crypto, or the check of a document's form, refuses is a finding.
   * @returns undefined when it was
   */
  orAdd<Result>(
    code: FindingCode,
    difference: Pick<Difference, 'subject' | 'txId'>,
    work: () => Result,
  ): Result | undefined {
    try {
      return work();
    } catch (error) {
      this.add(code, { ...difference, ...wordsOf(error) });
      return undefined;
    }
  }
}

/** What was expected and what came, of an error that stands for a difference; others are thrown on. */
export function wordsOf(error: unknown): { expected: string; came: string } {
  if (error instanceof CryptoError)
    return { expected: `${error.argument}: ${error.expected}`, came: error.came };
  if (error instanceof CareLedgerError)
    return {
      expected: error.details.expected ?? error.details.message ?? error.code,
      came: error.details.came ?? 'another',
    };
  throw error;
}
