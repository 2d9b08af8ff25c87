import { expect } from 'chai';
import type { Caller, ErrorCode } from '@careledger/protocol';
import type { MemoryLedger } from './memory-ledger.js';

export interface Rejection {
  readonly why: string;
  readonly code: ErrorCode;
  readonly caller: Caller;
  readonly argument: unknown;
}

/** The rejecting twins of one method: each fails with its code and changes nothing. */
export async function expectRejections(
  ledger: MemoryLedger,
  method: string,
  rejections: readonly Rejection[],
): Promise<void> {
  for (const { why, code, caller, argument } of rejections) {
    const before = new Map(ledger.state);
    const error = await ledger.refusal(caller, method, argument);
    expect(error.code, `${method}: ${why}: ${error.message}`).to.equal(code);
    expect(changedKeys(before, ledger.state), `${method}: ${why}`).to.deep.equal([]);
  }
}

/** By bytes: comparing whole states as objects takes longer than all transactions of a test. */
function changedKeys(
  before: ReadonlyMap<string, Uint8Array>,
  after: ReadonlyMap<string, Uint8Array>,
): string[] {
  const absent = new Uint8Array();
  return [...new Set([...before.keys(), ...after.keys()])].filter(
    (key) => Buffer.compare(before.get(key) ?? absent, after.get(key) ?? absent) !== 0,
  );
}

/** What every method refuses: text that is not JSON, a field that is not documented, a field that names a caller. */
export function malformed(caller: Caller, argument: object): Rejection[] {
  return [
    { why: 'malformed JSON', code: 'MALFORMED_JSON', caller, argument: '{"a":' },
    { why: 'an unknown field', code: 'SCHEMA_VIOLATION', caller, argument: { ...argument, surprise: 1 } },
    {
      why: 'a caller in the arguments',
      code: 'CALLER_IN_ARGUMENTS',
      caller,
      argument: { ...argument, requester: 'x' },
    },
    { why: 'no object', code: 'SCHEMA_VIOLATION', caller, argument: '[]' },
  ];
}
