/** What a patient does with a pseudonym: grant, renew, revoke, close, and see what was done. */
import {
  CareLedgerError,
  granteeName,
  tagName,
  type EmrRecord,
  type GrantArguments,
  type GrantChain,
  type Page,
  type PatientGrant,
  type RecordType,
  type Recovery,
  type Sensitivity,
  type SharingState,
} from '@careledger/protocol';
import { base64UrlToBytes, bytesToHex, parseStatement, randomBytes } from '@careledger/crypto/core';
import type { Connection } from './connection.js';
import { activeMembers, readIdentity, readMasterKey } from './consortium.js';
import { makeEdges, proxiesFor, tagsFor, type Tag } from './edges.js';
import { withEarlierKeys, withIdentityKey } from './extraction.js';
import { GatewayError } from './gateway-error.js';
import type { LogPage, PatientLog } from './patient-log.js';
import type { PseudonymKeys } from './patient-keys.js';
import { patientConnection, type HttpOptions } from './session.js';
import { signRequest } from './signing.js';
import { waitingGrants, type WaitingGrant } from './waiting.js';

/** Terms of a grant; what is absent has the default that is named. */
export interface GrantTerms extends Omit<
  GrantArguments,
  'grantId' | 'pseudonym' | 'edges' | 'notBefore' | 'maxHops'
> {
  /** Default: random. Naming one makes a repetition recognisable. */
  readonly grantId?: string;
  /** Default: now. */
  readonly notBefore?: string;
  /** Onward hops; default none. */
  readonly maxHops?: number;
  /** Default: normal only. */
  readonly sensitivities?: readonly Sensitivity[];
  /** How many of the proxies have to help with every opening: default a majority; `single` is any one of them. */
  readonly proxies?: 'majority' | 'single';
  /** Whether the records may reach identities that a majority of hospitals can open; default no. */
  readonly allowsRecoverable?: boolean;
}

export interface PatientClientOptions {
  /** How requests are sent. */
  readonly http?: HttpOptions;
  /** Told of keys that changed, to be saved: the identity's key, once it was extracted. */
  readonly onKeysChanged?: (keys: PseudonymKeys) => Promise<void>;
}

/** What is absent is as it was. */
type RenewalChoice = Pick<GrantTerms, 'proxies' | 'allowsRecoverable'>;
type EdgeChoice = Required<RenewalChoice>;

export interface Renewals {
  readonly renewed: readonly PatientGrant[];
  /** Live on, and wait. */
  readonly failed: readonly { readonly grant: PatientGrant; readonly error: unknown }[];
}

function nameOf({ recordType, sensitivity }: Tag): string {
  return tagName(recordType, sensitivity);
}

interface Transaction<Result> {
  readonly txId: string;
  readonly result: Result;
}

const ATTEMPTS = 3;

export class PatientClient {
  readonly #connection: Connection;
  #keys: PseudonymKeys;

  constructor(
    keys: PseudonymKeys,
    private readonly options: PatientClientOptions = {},
  ) {
    this.#keys = keys;
    this.#connection = patientConnection(keys, options.http);
  }

  get pseudonym(): string {
    return this.#keys.pseudonym;
  }

  /**
   * Makes the edges here, has their shares sealed to the proxies, and signs. When a proxy is away nothing is in force: the
   * same request is sent again a few times, and then the edges are made anew without it, as long as enough are left.
   * @throws GatewayError; CareLedgerError TAG_CLOSED; CryptoError when a registration or part does not verify
   */
  async grant(terms: GrantTerms): Promise<PatientGrant> {
    const { sensitivities, proxies, allowsRecoverable, ...rest } = terms;
    const args = {
      grantId: bytesToHex(randomBytes(16)),
      notBefore: new Date().toISOString(),
      maxHops: 0,
      ...rest,
      pseudonym: this.pseudonym,
    };
    const choice = {
      tags: tagsFor(args.recordTypes, sensitivities ?? ['normal']),
      proxies: proxies ?? 'majority',
      allowsRecoverable: allowsRecoverable ?? false,
    } as const;
    return withoutThoseAway(async (away) => {
      const made = await this.#edges(args, choice, away);
      if (made === undefined) return this.#submit('grants:Grant', '/v1/grants', args);
      const signed = { ...args, edges: made.edges };
      return this.#submit('grants:Grant', '/v1/grants', signed, { shares: made.shares });
    });
  }

  /**
   * New edges of the present epochs, where the grant waits for them. What is not chosen is as it was.
   * @throws GatewayError; CareLedgerError GRANT_NOT_FOUND, TAG_CLOSED, TRANSITION_NOT_ALLOWED when it waits for nothing
   */
  async renew(grantId: string, choice: RenewalChoice = {}): Promise<PatientGrant> {
    const [live, sharing] = await Promise.all([this.grants(), this.sharing()]);
    const grant = live.find((candidate) => candidate.grantId === grantId);
    if (grant?.edges === undefined) throw new CareLedgerError('GRANT_NOT_FOUND');
    const [waiting] = waitingGrants([grant], sharing);
    if (waiting === undefined)
      throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
        message: 'The grant is in force: nothing of it waits for renewal.',
      });
    return this.#renew(waiting, choice);
  }

  /** The live grants of which something is not in force. */
  async waiting(): Promise<WaitingGrant[]> {
    const [live, sharing] = await Promise.all([this.grants(), this.sharing()]);
    return waitingGrants(live, sharing);
  }

  /**
   * Renews the patient's own grants that wait under any of these tags, one after another, since each changes what the
   * next is made for. What was passed on under them is renewed by who passed it on.
   */
  async renewWaiting(tags: readonly Tag[], choice: RenewalChoice = {}): Promise<Renewals> {
    const now = new Date().toISOString();
    const named = new Set(tags.map(nameOf));
    const renewed: PatientGrant[] = [];
    const failed: { readonly grant: PatientGrant; readonly error: unknown }[] = [];
    for (const waiting of await this.waiting()) {
      const { grant, stale } = waiting;
      const isOwn = grant.basis === 'patient' && grant.notAfter > now;
      if (!isOwn || !stale.some((tag) => named.has(nameOf(tag)))) continue;
      try {
        renewed.push(await this.#renew(waiting, choice));
      } catch (error) {
        failed.push({ grant, error });
      }
    }
    return { renewed, failed };
  }

  /** Ends a grant and all that was passed on under it, from the next block on. */
  revoke(grantId: string): Promise<PatientGrant> {
    const args = { pseudonym: this.pseudonym, grantId };
    return this.#submit('grants:Revoke', '/v1/grants/revocations', args);
  }

  /** Opens or closes one record type and sensitivity to all sharing. Closing ends what was open. */
  async setSharing(tag: {
    readonly recordType: RecordType;
    readonly sensitivity: Sensitivity;
    readonly sharable: boolean;
  }): Promise<SharingState> {
    const signed = signRequest(this.#keys, 'grants:SetSharing', { pseudonym: this.pseudonym, ...tag });
    const path = `/v1/patients/${this.pseudonym}/sharing`;
    return (await this.#connection.put<Transaction<SharingState>>(path, signed)).result;
  }

  sharing(): Promise<SharingState> {
    return this.#connection.get<SharingState>(`/v1/patients/${this.pseudonym}/sharing`);
  }

  /** Live grants: all of them. */
  async grants(): Promise<PatientGrant[]> {
    return (await this.#connection.get<Page<PatientGrant>>(`/v1/patients/${this.pseudonym}/grants`)).items;
  }

  /** Own records, newest last; without their content, which a hospital opens. */
  async records(): Promise<EmrRecord[]> {
    const records: EmrRecord[] = [];
    let bookmark: string | undefined;
    do {
      const query = new URLSearchParams({ by: 'patient', value: this.pseudonym });
      if (bookmark !== undefined) query.set('bookmark', bookmark);
      const page = await this.#connection.get<Page<EmrRecord>>(`/v1/records?${query.toString()}`);
      records.push(...page.items);
      bookmark = page.bookmark;
    } while (bookmark !== undefined);
    return records;
  }

  /** The tree of grants and forwards, openings and denials with receipts, consent and recovery: one page. */
  log({ next, ...page }: LogPage = {}): Promise<PatientLog> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(page)) query.set(name, String(value));
    for (const [listing, bookmark] of Object.entries(next ?? {})) query.set(`${listing}After`, bookmark);
    return this.#connection.get<PatientLog>(`/v1/patients/${this.pseudonym}/log?${query.toString()}`);
  }

  /** The last recovery of these keys. @throws GatewayError RECOVERY_NOT_FOUND when there was none */
  recovery(): Promise<Recovery> {
    return this.#connection.get<Recovery>(`/v1/patients/${this.pseudonym}/recoveries/latest`);
  }

  /** Ends the recovery that is under way: these keys are not lost. */
  async cancelRecovery(): Promise<Recovery> {
    const { pseudonym } = this;
    const { recoveryId } = await this.recovery();
    const signed = signRequest(this.#keys, 'identities:CancelRecovery', { pseudonym, recoveryId });
    const path = `/v1/patients/${pseudonym}/recoveries/${recoveryId}/cancellation`;
    return (await this.#connection.post<Transaction<Recovery>>(path, signed)).result;
  }

  /** A grant as a FHIR R4 Consent. */
  consent(grantId: string): Promise<unknown> {
    return this.#connection.get(`/v1/fhir/Consent/${grantId}?pseudonym=${this.pseudonym}`);
  }

  /**
   * The terms of a FHIR R4 Consent, to be looked at and then granted.
   * @throws GatewayError CONSENT_NOT_MAPPABLE, which names the element
   */
  async termsOfConsent(consent: unknown): Promise<GrantTerms> {
    const options = { contentType: 'application/fhir+json' };
    const terms = await this.#connection.post<GrantTerms & { readonly pseudonym: string }>(
      '/v1/fhir/Consent',
      consent,
      options,
    );
    const { pseudonym, ...rest } = terms;
    if (pseudonym === this.pseudonym) return rest;
    throw new CareLedgerError('NOT_OWNER', { expected: 'a Consent of this pseudonym' });
  }

  async #renew({ grant, stale, closed }: WaitingGrant, choice: RenewalChoice): Promise<PatientGrant> {
    const { grantId } = grant;
    if (stale.length === 0) throw new CareLedgerError('TAG_CLOSED', { came: closed.map(nameOf).join(', ') });
    const chosen = { tags: stale, ...(await this.#choiceOf(grantId, choice)) };
    return withoutThoseAway(async (away) => {
      const made = await this.#edges(grant, chosen, away);
      if (made === undefined) throw new CareLedgerError('IDENTITY_NOT_FOUND');
      const args = { pseudonym: this.pseudonym, grantId, edges: made.edges };
      const { shares } = made;
      return this.#submit('grants:Renew', `/v1/grants/${grantId}/renewal`, args, { shares });
    });
  }

  /** As the edges that the grant has say, unless chosen anew: a renewal changes no terms. */
  async #choiceOf(grantId: string, { proxies, allowsRecoverable }: RenewalChoice): Promise<EdgeChoice> {
    const path = `/v1/patients/${this.pseudonym}/grants/${grantId}/chain`;
    const { links } = await this.#connection.get<GrantChain>(path);
    const [edge] = links.at(-1)?.edges ?? [];
    if (edge === undefined)
      return { proxies: proxies ?? 'majority', allowsRecoverable: allowsRecoverable ?? false };
    const before = parseStatement(base64UrlToBytes(edge.statement));
    const wasSingle = before.threshold === 1 && before.proxies.length > 1;
    return {
      proxies: proxies ?? (wasSingle ? 'single' : 'majority'),
      allowsRecoverable: allowsRecoverable ?? before.allowsRecoverable,
    };
  }

  async #edges(
    terms: Pick<GrantArguments, 'grantee' | 'maxHops'>,
    { tags, proxies: needed, allowsRecoverable }: EdgeChoice & { readonly tags: readonly Tag[] },
    away: readonly string[],
  ): Promise<Awaited<ReturnType<typeof makeEdges>> | undefined> {
    if (this.#keys.identity === undefined) return undefined;
    await this.#extractKey();
    const { masterKey } = await readMasterKey(this.#connection, this.#keys.identity.masterKeyId);
    const [to, members, sharing] = await Promise.all([
      readIdentity(this.#connection, granteeName(terms.grantee), masterKey),
      activeMembers(this.#connection),
      this.sharing(),
    ]);
    const { proxies, threshold } = proxiesFor(members, terms.grantee, {
      single: needed === 'single',
      away,
    });
    return makeEdges(this.#keys, sharing, {
      ...{ tags, to, proxies, allowsRecoverable, maxHops: terms.maxHops },
      threshold,
    });
  }

  async #extractKey(): Promise<void> {
    if (this.#keys.identity?.key !== undefined) return;
    const present = await withIdentityKey(this.#connection, this.#keys);
    const changed = await withEarlierKeys(this.#connection, present);
    if (changed === this.#keys) return;
    await this.options.onKeysChanged?.(changed);
    this.#keys = changed;
  }

  /** One body, however often it is sent: a repetition must not make other edges. */
  async #submit(method: string, path: string, args: object, shares: object = {}): Promise<PatientGrant> {
    const body = { ...signRequest(this.#keys, method, args), ...shares };
    for (let attempt = 1; ; attempt++) {
      try {
        return (await this.#connection.post<Transaction<PatientGrant>>(path, body)).result;
      } catch (error) {
        const mayPass = error instanceof GatewayError && error.code === 'PROXY_UNAVAILABLE';
        if (!mayPass || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

/** @param work told of proxies that did not answer before: none at first */
async function withoutThoseAway<Result>(work: (away: readonly string[]) => Promise<Result>): Promise<Result> {
  try {
    return await work([]);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'PROXY_UNAVAILABLE') throw error;
    const away = error.extensions['proxies'];
    if (!Array.isArray(away) || away.length === 0) throw error;
    return work(away as string[]);
  }
}
