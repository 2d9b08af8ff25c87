/**
 * Ends on the ledger what time has ended: grants of this hospital's patients, and cases of break glass. Decisions compare
 * the time and deny without it. What it adds for a grant is what a revocation does: the epoch of its tags is raised,
 * proxies erase their shares, and the records are sealed anew; for a case, its status, the event and the patient's notice.
 */
import { EVENTS, unwrittenEndOf } from '@careledger/protocol';
import type { LedgerEvent, SigningIdentity } from '../ports/ledger.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { LocalTable } from '../services/local-tables.js';

/** Of something that time ends: when. */
export interface EndRow {
  readonly notAfter: string;
}

/** One kind of what time ends, as far as it is this hospital's to write down. */
export interface Expiring {
  /** Which one an event is about; undefined when it is about none. */
  keyOf(payload: LedgerEvent['payload']): string | undefined;
  /** When the one is over, also when that was; undefined when there is nothing to write down for this hospital. */
  endOf(key: string): Promise<string | undefined>;
  /** Submits the transaction that writes it down. */
  end(key: string): Promise<unknown>;
}

export interface ExpiryModules {
  readonly ends: Pick<LocalTable<EndRow>, 'put' | 'delete' | 'entries'>;
  /** UTC with milliseconds. */
  readonly now: () => string;
}

type Contracts = Pick<ContractCaller, 'evaluate' | 'submit'>;

export class ExpiryWorker {
  constructor(
    private readonly expiring: Expiring,
    private readonly modules: ExpiryModules,
  ) {}

  /** @returns whether the event was about one that may be this hospital's */
  async take({ payload }: Pick<LedgerEvent, 'payload'>): Promise<boolean> {
    const key = this.expiring.keyOf(payload);
    if (key === undefined) return false;
    await this.#note(key);
    return true;
  }

  /** One transaction for each that is over, unless somebody else wrote it. @returns what failed; the next look goes on */
  async sweep(): Promise<unknown[]> {
    const over: string[] = [];
    for await (const [key, row] of this.modules.ends.entries())
      if (this.#isOver(row.notAfter)) over.push(key);
    const failures: unknown[] = [];
    for (const key of over) {
      try {
        if (!this.#isOver(await this.#note(key))) continue;
        await this.expiring.end(key);
        await this.#note(key);
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  #isOver(notAfter: string | undefined): boolean {
    return notAfter !== undefined && notAfter < this.modules.now();
  }

  async #note(key: string): Promise<string | undefined> {
    const notAfter = await this.expiring.endOf(key);
    if (notAfter === undefined) await this.modules.ends.delete(key);
    else await this.modules.ends.put(key, { notAfter });
    return notAfter;
  }
}

/** By pseudonym: the first of its live grants that is over. The patient's hospital ends them. */
export function expiringGrants(mspId: string, contracts: Contracts, identity: SigningIdentity): Expiring {
  return {
    keyOf: (payload) =>
      payload.event === EVENTS.grantChanged && payload.mspId === mspId ? payload.pseudonym : undefined,
    endOf: async (pseudonym) => {
      const { items } = await contracts.evaluate(identity, 'grants', 'List', { pseudonym, ended: false });
      return items.map((grant) => grant.notAfter).sort()[0];
    },
    end: (pseudonym) => contracts.submit(identity, 'grants', 'Sweep', { pseudonym }),
  };
}

/**
 * By case. The patient's hospital writes it down, whose patient is told by it; while nobody knows the patient, the
 * hospital that asked. One transaction takes along what else is over, whoever's it is.
 */
export function expiringEmergencies(
  mspId: string,
  contracts: Contracts,
  identity: SigningIdentity,
): Expiring {
  return {
    keyOf: ({ event, id }) => (event === EVENTS.emergencyChanged ? id : undefined),
    endOf: async (caseId) => {
      const emergency = await contracts.evaluate(identity, 'emergencies', 'Get', { caseId });
      const responsible = emergency.patientMspId ?? emergency.openedBy.mspId;
      return responsible === mspId ? unwrittenEndOf(emergency) : undefined;
    },
    end: () => contracts.submit(identity, 'emergencies', 'Sweep', {}),
  };
}
