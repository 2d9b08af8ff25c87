import type { Caller } from '@careledger/protocol';
import type { SigningIdentity } from '../ports/ledger.js';

/** A signed-in person: what the certificate says, and the operation with its key. */
export interface StaffCaller extends Caller {
  readonly identity: SigningIdentity;
}
