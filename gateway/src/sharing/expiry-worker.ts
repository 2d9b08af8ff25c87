/**
 * Ends grants whose time is over. Decisions deny without it; what it adds is what a revocation does: the epoch of their
 * tags is raised, proxies erase their shares, and the records are sealed anew.
 */
import { EVENTS } from '@careledger/protocol';
import type { LedgerEvent, SigningIdentity } from '../ports/ledger.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { LocalTable } from '../services/local-tables.js';

/** Of a patient of this hospital: when the first of its live grants is over. */
export interface GrantEndRow {
  readonly notAfter: string;
}

export interface ExpiryModules {
  readonly contracts: Pick<ContractCaller, 'evaluate' | 'submit'>;
  readonly identity: SigningIdentity;
  readonly ends: Pick<LocalTable<GrantEndRow>, 'put' | 'delete' | 'entries'>;
  /** UTC with milliseconds. */
  readonly now: () => string;
}

export class ExpiryWorker {
  constructor(
    private readonly mspId: string,
    private readonly modules: ExpiryModules,
  ) {}

  /** @returns whether the event was about a grant of this hospital's patients */
  async take({ payload }: Pick<LedgerEvent, 'payload'>): Promise<boolean> {
    const { event, mspId, pseudonym } = payload;
    if (event !== EVENTS.grantChanged || mspId !== this.mspId || pseudonym === undefined) return false;
    await this.#note(pseudonym);
    return true;
  }

  /** One transaction for each patient with a grant that is over. @returns what failed; the next look goes on */
  async sweep(): Promise<unknown[]> {
    const { contracts, identity, ends, now } = this.modules;
    const over: string[] = [];
    for await (const [pseudonym, { notAfter }] of ends.entries()) if (notAfter < now()) over.push(pseudonym);
    const failures: unknown[] = [];
    for (const pseudonym of over) {
      try {
        await contracts.submit(identity, 'grants', 'Sweep', { pseudonym });
        await this.#note(pseudonym);
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  async #note(pseudonym: string): Promise<void> {
    const { contracts, identity, ends } = this.modules;
    const { items } = await contracts.evaluate(identity, 'grants', 'List', { pseudonym, ended: false });
    const [notAfter] = items.map((grant) => grant.notAfter).sort();
    if (notAfter === undefined) await ends.delete(pseudonym);
    else await ends.put(pseudonym, { notAfter });
  }
}
