/**
 * Keeps this hospital's own identities usable: registers itself, its roles and its staff as soon as there is an identity
 * master key, and extracts their keys before anybody needs them.
 */
import {
  CareLedgerError,
  granteeName,
  memberName,
  type Grantee,
  type Identity,
  type Role,
} from '@careledger/protocol';
import { isStopped, pause } from '../app/pause.js';
import type { SharingCustody } from '../ports/sharing-custody.js';
import { mapBounded } from '../services/bounded.js';
import type { ExtractionClient } from './extraction-client.js';
import type { SharingLedger } from './sharing-ledger.js';

/** Roles that a patient may grant to, and whose people may open records. */
export const GRANTEE_ROLES: readonly Role[] = ['clinician', 'researcher', 'officer'];

export interface IdentityKeeperModules {
  readonly ledger: Pick<SharingLedger, 'mspId' | 'masterKey' | 'identity' | 'register'>;
  readonly custody: Pick<SharingCustody, 'registration'>;
  readonly extraction: Pick<ExtractionClient, 'ensureKey'>;
  readonly staff: { list(): Promise<readonly { readonly enrolmentId: string; readonly role: Role }[]> };
  readonly tell: (text: string, details: Readonly<Record<string, unknown>>) => void;
  readonly onProblem: (error: unknown) => void;
}

export interface IdentityKeeperOptions {
  /** How often to look for staff who were enrolled meanwhile. */
  readonly recheckMs: number;
  readonly concurrency: number;
}

export const DEFAULT_KEEPER_OPTIONS: IdentityKeeperOptions = { recheckMs: 2_000, concurrency: 4 };

const LAST_RETRY_MS = 30_000;

export class IdentityKeeper {
  /** Names whose key is in the custody. */
  readonly #ready = new Set<string>();
  readonly #running = new Map<string, Promise<Identity>>();
  /** Told of once while it stays. */
  readonly #reported = new Map<string, string>();

  constructor(
    private readonly modules: IdentityKeeperModules,
    private readonly options: IdentityKeeperOptions = DEFAULT_KEEPER_OPTIONS,
  ) {}

  /** How many of this hospital's identities have their key here. */
  get readyCount(): number {
    return this.#ready.size;
  }

  /** Until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!isStopped(signal)) {
      failures = (await this.#look(signal)) ? 0 : failures + 1;
      const waitMs = Math.min(this.options.recheckMs * 2 ** Math.min(failures, 10), LAST_RETRY_MS);
      await pause(waitMs, signal);
    }
  }

  /**
   * Registers one of this hospital's own identities and extracts its key, whichever is missing.
   * @throws CareLedgerError NOT_READY without a master key, KEY_NOT_FOUND when too few holders answer, NOT_OWNER
   */
  ensure(name: string): Promise<Identity> {
    const running = this.#running.get(name) ?? this.#ensure(name);
    this.#running.set(name, running);
    const done = (): void => {
      if (this.#running.get(name) === running) this.#running.delete(name);
    };
    running.then(done, done);
    return running;
  }

  /** @returns whether nothing is left to be tried again */
  async #look(signal: AbortSignal): Promise<boolean> {
    try {
      if ((await this.modules.ledger.masterKey()) === undefined) return true;
      const names = (await this.#names()).filter((name) => !this.#ready.has(name));
      const outcomes = await mapBounded(names, this.options.concurrency, (name) =>
        this.#attempt(name, signal),
      );
      return outcomes.every((isReady) => isReady);
    } catch (error) {
      if (!isStopped(signal)) this.#report('', error);
      return false;
    }
  }

  async #attempt(name: string, signal: AbortSignal): Promise<boolean> {
    if (isStopped(signal)) return false;
    try {
      await this.ensure(name);
      this.#reported.delete(name);
      return true;
    } catch (error) {
      if (!isStopped(signal)) this.#report(name, error);
      return false;
    }
  }

  /** Others come up at their own time: that a part is missing is no news until it stays. */
  #report(name: string, error: unknown): void {
    const kind = error instanceof CareLedgerError ? error.code : 'INTERNAL';
    if (this.#reported.get(name) === kind) return;
    this.#reported.set(name, kind);
    this.modules.onProblem(error);
  }

  async #names(): Promise<string[]> {
    const { mspId } = this.modules.ledger;
    const roles = GRANTEE_ROLES.map((role): Grantee => ({ kind: 'role', mspId, role }));
    const people = (await this.modules.staff.list())
      .filter(({ role }) => GRANTEE_ROLES.includes(role))
      .map(({ enrolmentId }): Grantee => ({ kind: 'person', mspId, enrolmentId }));
    return [memberName(mspId), ...[...roles, ...people].map(granteeName)];
  }

  async #ensure(name: string): Promise<Identity> {
    const identity = await this.#registered(name);
    await this.modules.extraction.ensureKey(identity);
    if (!this.#ready.has(name)) this.modules.tell('the key of an identity is here', { name });
    this.#ready.add(name);
    return identity;
  }

  async #registered(name: string): Promise<Identity> {
    const { ledger, custody } = this.modules;
    const before = await ledger.identity(name);
    if (before !== undefined) return before;
    const inForce = await ledger.masterKey();
    if (inForce === undefined)
      throw new CareLedgerError('NOT_READY', { message: 'The consortium has no identity master key yet.' });
    const registration = await custody.registration({ name, keyEpoch: 0, masterKey: inForce.masterKey });
    await ledger.register(registration);
    const registered = await ledger.identity(name);
    if (registered !== undefined) return registered;
    throw new CareLedgerError('LEDGER_UNAVAILABLE', {
      came: 'a peer that does not show the registration yet',
    });
  }
}
