/**
 * Ends on the ledger what time has ended: grants of this hospital's patients, those too that were opened as often as the
 * patient allows, and cases of break glass. Decisions compare the time, and the openings, and deny without it. What it adds for a grant is what a revocation does: the epoch of its tags is raised,
 * proxies erase their shares, and the records are sealed anew; for a case, its status, the event and the patient's notice.
 */
import {
  EVENTS,
  lastInstantOf,
  pseudonymsOf,
  unwrittenEndOf,
  type PatientInstruction,
} from '@careledger/protocol';
import type { LedgerEvent, SigningIdentity } from '../ports/ledger.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { LocalTable } from '../services/local-tables.js';

/** Of something that time ends: when. */
export interface EndRow {
  readonly notAfter: string;
}

/** One kind of what time ends, as far as it is this hospital's to write down. */
export interface Expiring {
  /** Which ones an event is about. */
  keysOf(payload: LedgerEvent['payload']): readonly string[];
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
    const keys = this.expiring.keysOf(payload);
    for (const key of keys) await this.#note(key);
    return keys.length > 0;
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

/** After these, which name the patient's hospital, the first of the patient's grants may be over at another time. */
const OF_PATIENTS: readonly string[] = [EVENTS.grantChanged, EVENTS.instructionChanged];

/** By pseudonym: the first of its live grants that is over. The patient's hospital ends them. */
export function expiringGrants(mspId: string, contracts: Contracts, identity: SigningIdentity): Expiring {
  return {
    keysOf: (payload) => {
      const isOwn = OF_PATIENTS.includes(payload.event) && payload.mspId === mspId;
      // An opening names the requester's hospital: whose patients they are, the ledger says.
      return isOwn || payload.event === EVENTS.accessDecided ? pseudonymsOf(payload) : [];
    },
    endOf: async (pseudonym) => {
      const patient = await contracts.evaluate(identity, 'grants', 'GetSharing', { pseudonym });
      if (patient.mspId !== mspId) return undefined;
      const { items } = await contracts.evaluate(identity, 'grants', 'List', { pseudonym, ended: false });
      const standing = await contracts.evaluate(identity, 'instructions', 'List', { owner: pseudonym });
      const instructions = standing.items as PatientInstruction[];
      return items.map((grant) => lastInstantOf({ instructions }, grant)).sort()[0];
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
    keysOf: ({ event, id }) => (event === EVENTS.emergencyChanged ? [id] : []),
    endOf: async (caseId) => {
      const emergency = await contracts.evaluate(identity, 'emergencies', 'Get', { caseId });
      const responsible = emergency.patientMspId ?? emergency.openedBy.mspId;
      return responsible === mspId ? unwrittenEndOf(emergency) : undefined;
    },
    end: () => contracts.submit(identity, 'emergencies', 'Sweep', {}),
  };
}
