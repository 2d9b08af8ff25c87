/** The ledger as a ceremony uses it: typed reads and writes under the gateway's own identity. */
import {
  CareLedgerError,
  type ArgumentOf,
  type Ceremony,
  type CeremonyPost,
  type CeremonyScheme,
  type KeyRegistration,
  type MasterKeyRegistration,
} from '@careledger/protocol';
import type { CeremonyOutcome, KeyInForce } from '../ports/ceremony-custody.js';
import type { SigningIdentity } from '../ports/ledger.js';
import type { ContractCaller } from '../services/contract-caller.js';
import { listOf } from '../services/members.js';

/** Ceremonies that are looked through for the one that has not ended; a consortium has a handful. */
const MOST_CEREMONIES = 1_000;

/** What a holder registers at the end of a ceremony. */
export type KeyDocument = CeremonyOutcome['key'] & Pick<Ceremony, 'ceremonyId' | 'attempt'>;

/** Ceremonies of one scheme, and the key that they make. */
export class CeremonyLedger {
  constructor(
    private readonly contracts: ContractCaller,
    readonly identity: SigningIdentity,
    readonly scheme: CeremonyScheme,
  ) {}

  get mspId(): string {
    return this.identity.mspId;
  }

  get(ceremonyId: string): Promise<Ceremony> {
    return this.contracts.evaluate(this.identity, 'ceremonies', 'Get', { ceremonyId });
  }

  /** Of this scheme. */
  async all(): Promise<Ceremony[]> {
    return (await this.allSchemes()).filter(({ scheme }) => scheme === this.scheme);
  }

  async allSchemes(): Promise<Ceremony[]> {
    const found: Ceremony[] = [];
    let bookmark: string | undefined;
    do {
      const argument = bookmark === undefined ? {} : { bookmark };
      const page = await this.contracts.evaluate(this.identity, 'ceremonies', 'List', argument);
      found.push(...page.items);
      bookmark = page.bookmark;
    } while (bookmark !== undefined && found.length < MOST_CEREMONIES);
    return found;
  }

  /** Digests of a round of the present attempt, by who posted them. */
  async posts({ ceremonyId, attempt }: Ceremony, round: number): Promise<ReadonlyMap<string, CeremonyPost>> {
    const at = { ceremonyId, attempt, round };
    const { items } = await this.contracts.evaluate(this.identity, 'ceremonies', 'Posts', at);
    return new Map(items.map((post) => [post.mspId, post]));
  }

  /** What holders registered for the present attempt; more than one is a conflict. */
  async registrations({
    ceremonyId,
    attempt,
  }: Ceremony): Promise<Array<KeyRegistration | MasterKeyRegistration>> {
    const of = { ceremonyId, attempt };
    return (await this.contracts.evaluate(this.identity, 'ceremonies', 'Registrations', of)).items;
  }

  /** The key in force, or undefined when there is none. */
  async key(): Promise<KeyInForce | undefined> {
    try {
      return this.scheme === 'paillier'
        ? await this.contracts.evaluate(this.identity, 'queries', 'GetKey', {})
        : await this.contracts.evaluate(this.identity, 'identities', 'GetMasterKey', {});
    } catch (error) {
      if (error instanceof CareLedgerError && error.code === 'KEY_NOT_FOUND') return undefined;
      throw error;
    }
  }

  async activeMembers(): Promise<string[]> {
    const members = await listOf(this.contracts, this.identity);
    return members.filter(({ status }) => status === 'active').map(({ mspId }) => mspId);
  }

  async gatewayUrl(mspId: string): Promise<string> {
    return (await this.contracts.evaluate(this.identity, 'members', 'Get', { mspId })).gatewayUrl;
  }

  async submit<Method extends 'Start' | 'Join' | 'Post' | 'Blame' | 'Resume'>(
    method: Method,
    argument: ArgumentOf<'ceremonies', Method>,
  ): Promise<void> {
    await this.contracts.submit(this.identity, 'ceremonies', method, argument as object);
  }

  async register(document: KeyDocument): Promise<void> {
    const argument: object = document;
    if (this.scheme === 'paillier')
      await this.contracts.submit(this.identity, 'queries', 'RegisterKey', argument);
    else await this.contracts.submit(this.identity, 'identities', 'RegisterMasterKey', argument);
  }

  async accept(argument: ArgumentOf<'queries', 'AcceptKey'>): Promise<void> {
    if (this.scheme === 'paillier')
      await this.contracts.submit(this.identity, 'queries', 'AcceptKey', argument);
    else await this.contracts.submit(this.identity, 'identities', 'AcceptMasterKey', argument);
  }
}

export function isUnfinished({ status }: Ceremony): boolean {
  return status === 'joining' || status === 'running';
}
