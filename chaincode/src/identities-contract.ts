import { Context, Transaction } from 'fabric-contract-api';
import {
  accepted,
  assertRegistered,
  registeredOrAccepted,
  registeringCeremony,
} from './ceremony/key-registration.js';
import { MASTER_KEY, checkedMasterKey, readMasterKey } from './ceremony/master-key.js';
import { requireActiveMember } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';

/** Identities: the master key that the hospitals hold together, and what is registered under it. */
export class IdentitiesContract extends CareLedgerContract<'identities'> {
  constructor() {
    super('identities');
  }

  /**
   * By a holder, at the end of its ceremony: the first registration, an acceptance of what another one registered, or a
   * conflict, which ends the attempt and stands on the ledger with both documents.
   */
  @Transaction()
  RegisterMasterKey(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    const input = { argumentJson, idempotencyKey };
    return this.submit(context, 'RegisterMasterKey', input, async (call, document) => {
      requireRole(call.caller, ['admin', 'gateway']);
      const consortium = await requireActiveMember(call);
      const ceremony = await registeringCeremony(call, document, MASTER_KEY.scheme);
      const digest = checkedMasterKey(ceremony, document);
      return registeredOrAccepted(call, ceremony, { kind: MASTER_KEY, document, digest, consortium });
    });
  }

  /** By every other holder, once it has its share; the last acceptance puts the key in force and ends the ceremony. */
  @Transaction()
  AcceptMasterKey(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    const input = { argumentJson, idempotencyKey };
    return this.submit(context, 'AcceptMasterKey', input, async (call, argument) => {
      requireRole(call.caller, ['admin', 'gateway']);
      await requireActiveMember(call);
      const ceremony = await registeringCeremony(call, argument, MASTER_KEY.scheme);
      assertRegistered(ceremony, argument.sharingDigest);
      return accepted(call, ceremony, MASTER_KEY);
    });
  }

  @Transaction(false)
  GetMasterKey(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'GetMasterKey', argumentJson, (call, { epoch }) =>
      readMasterKey(call, epoch),
    );
  }
}
