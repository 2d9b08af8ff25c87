/**
 * Onward grants: staff of a hospital that was granted records pass them on, within what the patient allowed, and the
 * patient is not asked again. The edges are made in this hospital's custody with the key of the grantee's identity.
 */
import { createHash } from 'node:crypto';
import {
  CareLedgerError,
  LIMITS,
  SENSITIVITIES,
  assertForward,
  canonicalJson,
  granteeName,
  hospitalOf,
  type Edge,
  type EdgeInForce,
  type Forward,
  type GrantChain,
  type Grantee,
  type Member,
  type PatientGrant,
  type Sensitivity,
} from '@careledger/protocol';
import type { EdgeView, SharingCustody } from '../ports/sharing-custody.js';
import { mapBounded } from '../services/bounded.js';
import type { StaffCaller } from '../services/caller.js';
import type { ContractCaller, Receipted } from '../services/contract-caller.js';
import type { LocalTable } from '../services/local-tables.js';
import type { SealedShareOfEdge } from './edge-protocol.js';
import type { EdgeRelay } from './edge-relay.js';
import type { IdentityKeeper } from './identity-keeper.js';
import { viewOf } from './opening-lineage.js';
import type { SharingLedger } from './sharing-ledger.js';

/** What staff ask for; edges and acknowledgements are made here. */
export type ForwardRequest = Omit<Forward, 'edges' | 'acks'> & {
  /** Absent: all that the parent covers. */
  sensitivities?: readonly Sensitivity[];
};

/** Row of the `forwards` table, by grant id: what was made, until the ledger has it. */
export interface ForwardRow {
  readonly requestDigest: string;
  readonly edges: readonly Edge[];
  readonly shares: readonly SealedShareOfEdge[];
}

/** How many proxies have to help: a majority of them, or any single one. */
export type ProxyThreshold = 'majority' | 'single';

export interface ForwardModules {
  readonly ledger: Pick<
    SharingLedger,
    'mspId' | 'masterKey' | 'identity' | 'chain' | 'grant' | 'activeMembers'
  >;
  readonly contracts: Pick<ContractCaller, 'submit'>;
  readonly custody: Pick<SharingCustody, 'makeOnwardEdge'>;
  readonly identities: Pick<IdentityKeeper, 'ensure'>;
  readonly relay: Pick<EdgeRelay, 'activate'>;
  readonly table: LocalTable<ForwardRow>;
}

interface Idempotent {
  readonly idempotencyKey?: string;
}

const CONCURRENCY = 4;

export class Forwards {
  constructor(
    private readonly modules: ForwardModules,
    private readonly threshold: ProxyThreshold = 'majority',
  ) {}

  /**
   * Makes the edges, has every proxy acknowledge them, and activates the onward grant. Sent again, the same request goes
   * on with the same edges.
   * @throws CareLedgerError GRANT_NOT_FOUND, EDGE_INVALID, IDENTITY_NOT_FOUND, NOT_OWNER, ALREADY_EXISTS,
   * PROXY_UNAVAILABLE, and what the contract refuses
   */
  async forward(
    caller: StaffCaller,
    request: ForwardRequest,
    options: Idempotent = {},
  ): Promise<Receipted<PatientGrant>> {
    const { pseudonym, grantId, parentId } = request;
    const make = async (away: readonly string[]): Promise<Omit<ForwardRow, 'requestDigest'>> => {
      const { links } = await this.modules.ledger.chain(pseudonym, parentId);
      // As the contract will judge it: what it refuses costs no edges and no proxies.
      const lineage = links.map(({ grant }) => grant);
      assertForward(lineage, termsOf(request), caller);
      return this.#makeEdges(request, away);
    };
    return this.#withoutThoseAway(grantId, { request, make }, (made) =>
      this.modules.relay.activate({ pseudonym, parentId, ...made }, (acks) => {
        const forward: Forward = { ...termsOf(request), edges: [...made.edges], acks };
        return this.modules.contracts.submit(caller.identity, 'grants', 'Forward', forward, options);
      }),
    );
  }

  /** New edges for a forward whose parent got new ones. @throws as `forward` */
  async renew(
    caller: StaffCaller,
    of: { readonly pseudonym: string; readonly grantId: string },
    options: Idempotent = {},
  ): Promise<Receipted<PatientGrant>> {
    const { pseudonym, grantId } = of;
    const grant = await this.modules.ledger.grant(pseudonym, grantId);
    if (grant === undefined || typeof grant.basis !== 'object' || !('parentId' in grant.basis))
      throw new CareLedgerError('GRANT_NOT_FOUND', { came: 'no forward of that id' });
    const { parentId } = grant.basis;
    const { grantee, recordTypes, maxHops } = grant;
    const sensitivities = [...new Set((grant.edges ?? []).map(({ sensitivity }) => sensitivity))];
    const wanted = { pseudonym, grantId, parentId, grantee, recordTypes, maxHops, sensitivities };
    const parent = await this.modules.ledger.chain(pseudonym, parentId);
    const above = lastOf(parent).edges.map(({ edgeId }) => edgeId);
    const make = (away: readonly string[]): Promise<Omit<ForwardRow, 'requestDigest'>> =>
      this.#makeEdges(wanted, away);
    return this.#withoutThoseAway(grantId, { request: { ...wanted, above }, make }, (made) =>
      this.modules.relay.activate({ pseudonym, parentId, ...made }, (acks) => {
        const argument = { pseudonym, grantId, edges: [...made.edges], acks };
        return this.modules.contracts.submit(caller.identity, 'grants', 'RenewForward', argument, options);
      }),
    );
  }

  /**
   * Activates what was made for the same request before, or is made now. When proxies are away nothing is in force; then
   * the edges are made anew without them, as long as enough are left.
   */
  async #withoutThoseAway<Result>(
    grantId: string,
    of: {
      readonly request: object;
      readonly make: (away: readonly string[]) => Promise<Omit<ForwardRow, 'requestDigest'>>;
    },
    activate: (made: Omit<ForwardRow, 'requestDigest'>) => Promise<Result>,
  ): Promise<Result> {
    const { table } = this.modules;
    const attempt = async (away: readonly string[]): Promise<Result> => {
      const committed = await activate(await this.#made(grantId, of.request, () => of.make(away)));
      await table.delete(grantId);
      return committed;
    };
    try {
      return await attempt([]);
    } catch (error) {
      const away = proxiesAway(error);
      if (away.length === 0) throw error;
      await table.delete(grantId);
      return attempt(away);
    }
  }

  /** What was made for the same request before, or is made now: a repetition must not make other edges. */
  async #made(
    grantId: string,
    request: object,
    make: () => Promise<Omit<ForwardRow, 'requestDigest'>>,
  ): Promise<Omit<ForwardRow, 'requestDigest'>> {
    const { table } = this.modules;
    const requestDigest = createHash('sha256').update(canonicalJson(request), 'utf8').digest('hex');
    const before = await table.get(grantId);
    if (before?.requestDigest === requestDigest) return { edges: before.edges, shares: before.shares };
    const made = await make();
    await table.put(grantId, { ...made, requestDigest });
    return made;
  }

  async #makeEdges(wanted: Wanted, away: readonly string[]): Promise<Omit<ForwardRow, 'requestDigest'>> {
    const { ledger, identities } = this.modules;
    const { pseudonym, parentId, grantee, recordTypes, sensitivities } = wanted;
    const chain = await ledger.chain(pseudonym, parentId);
    const parent = lastOf(chain);
    const delegator = granteeName(parent.grant.grantee);
    if (hospitalOf(delegator) !== ledger.mspId)
      throw new CareLedgerError('NOT_OWNER', { expected: 'a grant to this hospital', came: delegator });
    const from = await identities.ensure(delegator);
    const to = await ledger.identity(granteeName(grantee));
    if (to === undefined) throw new CareLedgerError('IDENTITY_NOT_FOUND', { came: granteeName(grantee) });
    const above = parent.edges.filter(
      ({ recordType, sensitivity }) =>
        recordTypes.includes(recordType) && (sensitivities ?? SENSITIVITIES).includes(sensitivity),
    );
    if (above.length === 0)
      throw new CareLedgerError('EDGE_INVALID', { expected: 'a record type that the parent grant covers' });
    const { proxies, threshold } = await this.#proxies(grantee, away);
    const made = await mapBounded(above, CONCURRENCY, async (last) => {
      const { recordType, sensitivity, tagEpoch } = last;
      const onward = await this.modules.custody.makeOnwardEdge({
        name: from.name,
        keyEpoch: from.keyEpoch,
        view: await this.#view(chain, last),
        to,
        proxies: proxies.map(({ mspId, encryptionKey }) => ({
          mspId,
          encryptionKey: new Uint8Array(Buffer.from(encryptionKey, 'base64url')),
        })),
        threshold,
        sharable: wanted.maxHops > 0,
        maxDepth: wanted.maxHops,
      });
      const shares = [...onward.sealedShares].map(([mspId, share]) => ({
        edgeId: onward.edgeId,
        mspId,
        share: Buffer.from(share).toString('base64url'),
      }));
      return { edge: { recordType, sensitivity, tagEpoch, ...onward.edge }, shares };
    });
    return { edges: made.map(({ edge }) => edge), shares: made.flatMap(({ shares }) => shares) };
  }

  /** The edges of one tag from the patient to this hospital, with everybody's registration at the epoch of the edge. */
  #view(chain: GrantChain, { recordType, sensitivity, tagEpoch }: EdgeInForce): Promise<EdgeView> {
    const edges = chain.links.map((link) => {
      const found = link.edges.find(
        (edge) => edge.recordType === recordType && edge.sensitivity === sensitivity,
      );
      if (found?.tagEpoch === tagEpoch) return found;
      throw new CareLedgerError('EDGE_INVALID', { expected: 'edges of one tag and epoch along the chain' });
    });
    const { pseudonym, grantId } = lastOf(chain).grant;
    return viewOf({ pseudonym, grantId, chain, edges, records: [] }, this.modules.ledger);
  }

  /**
   * Active members other than the grantee's hospital, without those that are away; how many have to help stays what it is.
   * @throws CareLedgerError MEMBER_NOT_ACTIVE, PROXY_UNAVAILABLE when too few are left
   */
  async #proxies(
    grantee: Grantee,
    away: readonly string[],
  ): Promise<{ readonly proxies: Member[]; readonly threshold: number }> {
    const members = (await this.modules.ledger.activeMembers()).filter(
      ({ mspId }) => mspId !== grantee.mspId,
    );
    const all = members.slice(0, LIMITS.proxiesPerEdge);
    if (all.length === 0)
      throw new CareLedgerError('MEMBER_NOT_ACTIVE', { expected: 'another active member as a proxy' });
    const threshold = this.threshold === 'single' ? 1 : Math.floor(all.length / 2) + 1;
    const proxies = all.filter(({ mspId }) => !away.includes(mspId));
    if (proxies.length >= threshold) return { proxies, threshold };
    throw new CareLedgerError('PROXY_UNAVAILABLE', {
      expected: `${String(threshold)} of ${String(all.length)} hospitals as proxies`,
      came: `no answer of ${away.join(', ')}`,
      extensions: { proxies: [...away] },
    });
  }
}

function proxiesAway(error: unknown): readonly string[] {
  if (!(error instanceof CareLedgerError) || error.code !== 'PROXY_UNAVAILABLE') return [];
  const away = error.extensions['proxies'];
  return Array.isArray(away) ? (away as string[]) : [];
}

type Wanted = Pick<
  ForwardRequest,
  'pseudonym' | 'grantId' | 'parentId' | 'grantee' | 'recordTypes' | 'maxHops' | 'sensitivities'
>;

function termsOf(request: ForwardRequest): Omit<Forward, 'edges' | 'acks'> {
  const terms = { ...request };
  delete terms.sensitivities;
  return terms;
}

function lastOf({ links }: GrantChain): GrantChain['links'][number] {
  const last = links.at(-1);
  if (last?.grant.status === 'active') return last;
  throw new CareLedgerError('GRANT_NOT_FOUND', { expected: 'a parent grant in force' });
}
