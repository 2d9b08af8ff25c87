import type { ChaincodeStub } from 'fabric-shim-api';
import {
  CareLedgerError,
  KEYS,
  instantFromMs,
  type Caller,
  type Consortium,
  type LedgerEventPayload,
} from '@careledger/protocol';
import type { State, StateAddress } from './state.js';

/** One transaction as the contracts see it: who, when, under which id, on which state. */
export interface Call {
  readonly channel: string;
  /** `contract:Method`, as a patient signs it. */
  readonly method: string;
  readonly txId: string;
  /** Transaction timestamp: the only time there is. */
  readonly at: string;
  readonly caller: Caller;
  readonly state: State;
}

/** What a submitted transaction answers, and its one event. */
export interface Outcome {
  readonly result: unknown;
  readonly event: LedgerEventPayload;
  /** Set when the result is, byte for byte, a document that is never changed: then it is not stored a second time. */
  readonly standsAt?: StateAddress;
}

export function transactionTime(stub: ChaincodeStub): string {
  const { seconds, nanos } = stub.getTxTimestamp();
  return instantFromMs(Number(seconds.toString()) * 1000 + Math.floor(nanos / 1_000_000));
}

const NOBODY: Consortium = { activeMembers: [], epoch: 0 };

/** One point read, instead of a scan of the members. */
export async function readConsortium(call: Pick<Call, 'state'>): Promise<Consortium> {
  return (await call.state.read(KEYS.consortium, ['current'])) ?? NOBODY;
}

/** @throws CareLedgerError MEMBER_NOT_ACTIVE unless the caller's hospital is an active member. */
export async function requireActiveMember(call: Call): Promise<Consortium> {
  const consortium = await readConsortium(call);
  assertActive(consortium, call.caller.mspId);
  return consortium;
}

/** @throws CareLedgerError MEMBER_NOT_ACTIVE */
export function assertActive(consortium: Consortium, mspId: string): void {
  if (consortium.activeMembers.includes(mspId)) return;
  throw new CareLedgerError('MEMBER_NOT_ACTIVE', { came: mspId });
}
