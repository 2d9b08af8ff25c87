import { Context, Transaction } from 'fabric-contract-api';
import { LIMITS } from '@careledger/protocol';
import {
  accepted,
  assertRegistered,
  registeredOrAccepted,
  registeringCeremony,
} from './ceremony/key-registration.js';
import { MASTER_KEY, checkedMasterKey, readMasterKey } from './ceremony/master-key.js';
import { giveConsent, readConsent, withdrawConsent } from './identity/custody-consent.js';
import { describedIdentity } from './identity/reading.js';
import {
  approveRecovery,
  cancelRecovery,
  completeRecovery,
  openRecovery,
  readRecovery,
  refuseRecovery,
} from './identity/recovery.js';
import { register } from './identity/registration.js';
import { requireActiveMember } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';

export interface IdentitiesOptions {
  /** How long a recovery waits after its majority; shorter than the consortium's time in tests and demonstrations only. */
  readonly recoveryWaitMs?: number;
}

/** Identities: the master key that the hospitals hold together, and what is registered under it. */
export class IdentitiesContract extends CareLedgerContract<'identities'> {
  constructor(private readonly options: IdentitiesOptions = {}) {
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

  @Transaction()
  Register(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    const input = { argumentJson, idempotencyKey };
    return this.submit(context, 'Register', input, register);
  }

  @Transaction()
  ConsentToCustody(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    const input = { argumentJson, idempotencyKey };
    return this.submit(context, 'ConsentToCustody', input, (call, { pseudonym, formDigest }) =>
      giveConsent(call, pseudonym, formDigest),
    );
  }

  @Transaction()
  WithdrawConsent(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    const input = { argumentJson, idempotencyKey };
    return this.submit(context, 'WithdrawConsent', input, (call, { pseudonym }) =>
      withdrawConsent(call, pseudonym),
    );
  }

  @Transaction()
  OpenRecovery(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    const input = { argumentJson, idempotencyKey };
    return this.submit(context, 'OpenRecovery', input, openRecovery);
  }

  @Transaction()
  ApproveRecovery(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    const input = { argumentJson, idempotencyKey };
    return this.submit(context, 'ApproveRecovery', input, (call, step) =>
      approveRecovery(call, step, this.options.recoveryWaitMs ?? LIMITS.recoveryWaitMs),
    );
  }

  @Transaction()
  RefuseRecovery(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    const input = { argumentJson, idempotencyKey };
    return this.submit(context, 'RefuseRecovery', input, refuseRecovery);
  }

  @Transaction()
  CancelRecovery(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    const input = { argumentJson, idempotencyKey };
    return this.submit(context, 'CancelRecovery', input, cancelRecovery);
  }

  @Transaction()
  CompleteRecovery(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    const input = { argumentJson, idempotencyKey };
    return this.submit(context, 'CompleteRecovery', input, completeRecovery);
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, (call, { name, keyEpoch }) =>
      describedIdentity(call, name, keyEpoch),
    );
  }

  @Transaction(false)
  GetConsent(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'GetConsent', argumentJson, (call, { pseudonym }) =>
      readConsent(call, pseudonym),
    );
  }

  @Transaction(false)
  GetRecovery(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'GetRecovery', argumentJson, (call, { pseudonym }) =>
      readRecovery(call, { pseudonym }),
    );
  }
}
