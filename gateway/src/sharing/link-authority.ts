/**
 * This hospital as a holder of the identity master key, when pseudonyms are to be linked: it gives its parts of the keys
 * of `trace/<pseudonym>` for a case that a majority of the active members approved, as its own peer says, to the
 * hospital that opened the case and sealed to the key that stands there. No other request gives such a part: `trace/` is
 * no name that can be registered.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { traceIdentity } from '@careledger/crypto';
import { CareLedgerError, majorityOf, validate, type LinkCase } from '@careledger/protocol';
import type { SharingCustody } from '../ports/sharing-custody.js';
import type { PeerRoute } from '../release/index.js';
import { LINK_KEYS_PATH, LinkKeysRequestSchema, type LinkKeys } from './link-protocol.js';
import type { LinkLedger } from './link-ledger.js';

export interface LinkAuthorityModules {
  readonly ledger: Pick<LinkLedger, 'mspId' | 'masterKey' | 'linkCase' | 'activeMembers'>;
  readonly custody: Pick<SharingCustody, 'identityPartialKey'>;
}

export interface LinkAuthorityLimits {
  /** How long to wait for this hospital's own peer to have the last approval. Default 5 s. */
  readonly lagWaitMs: number;
  /** First pause between questions; each further pause is twice as long. */
  readonly pollMs: number;
}

const DEFAULT_LIMITS: LinkAuthorityLimits = { lagWaitMs: 5_000, pollMs: 50 };

export class LinkAuthority {
  constructor(
    private readonly modules: LinkAuthorityModules,
    private readonly limits: LinkAuthorityLimits = DEFAULT_LIMITS,
  ) {}

  get route(): PeerRoute {
    return {
      path: LINK_KEYS_PATH,
      handle: async (caller, body) => JSON.stringify(await this.give(caller, body)),
    };
  }

  /**
   * @param callerMspId the hospital that the client certificate proves
   * @throws CareLedgerError SCHEMA_VIOLATION, RELEASE_NOT_AUTHORISED, NOT_READY, KEY_NOT_FOUND when this hospital holds
   * no share
   */
  async give(callerMspId: string, body: unknown): Promise<LinkKeys> {
    const { ledger, custody } = this.modules;
    const { linkCaseId } = validate(LinkKeysRequestSchema, body);
    const { pseudonyms, oneTimeKey } = await this.#approvedCase(callerMspId, linkCaseId);
    const inForce = await ledger.masterKey();
    if (inForce === undefined)
      throw new CareLedgerError('NOT_READY', { message: 'The consortium has no identity master key yet.' });
    const { masterKey, sharing } = inForce;
    const { keyId } = masterKey;
    const recipient = new Uint8Array(Buffer.from(oneTimeKey, 'base64url'));
    const parts: LinkKeys['parts'] = [];
    for (const pseudonym of pseudonyms) {
      const asked = { ...traceIdentity(pseudonym), keyId, sharing, oneTimeKey: recipient };
      const sealed = await custody.identityPartialKey(asked);
      parts.push({ pseudonym, sealed: Buffer.from(sealed).toString('base64url') });
    }
    return { holder: ledger.mspId, keyId, sharingEpoch: sharing.epoch, parts };
  }

  /** Waits, within bounds, for the own peer: it may lag behind the asker's. */
  async #approvedCase(callerMspId: string, linkCaseId: string): Promise<LinkCase> {
    const { ledger } = this.modules;
    const deadline = performance.now() + this.limits.lagWaitMs;
    for (let pollMs = this.limits.pollMs; ; pollMs *= 2) {
      const linkCase = await ledger.linkCase(linkCaseId);
      if (linkCase !== undefined && linkCase.openedBy.mspId !== callerMspId)
        throw notAuthorised('a case of another hospital');
      if (linkCase?.status === 'approved') return this.#counted(linkCase);
      if (linkCase !== undefined && linkCase.status !== 'opened')
        throw notAuthorised(`a case that is ${linkCase.status}`);
      if (performance.now() >= deadline) throw notAuthorised('no approved case on the holder’s own peer');
      await sleep(pollMs);
    }
  }

  /** The status says so already; counting again costs nothing, and a contract that was altered elsewhere does not count. */
  async #counted(linkCase: LinkCase): Promise<LinkCase> {
    const active = (await this.modules.ledger.activeMembers()).map(({ mspId }) => mspId);
    const approving = new Set(linkCase.approvals.map(({ by }) => by.mspId));
    const counting = active.filter((mspId) => approving.has(mspId)).length;
    if (counting >= majorityOf(active.length)) return linkCase;
    throw notAuthorised('a case that no majority of the present members approved');
  }
}

function notAuthorised(came: string): CareLedgerError {
  return new CareLedgerError('RELEASE_NOT_AUTHORISED', {
    message: 'This case does not authorise parts of keys.',
    came,
  });
}
