/** What a patient does with a pseudonym: grant, renew, revoke, close, and see what was done. */
import {
  CareLedgerError,
  SENSITIVITIES,
  granteeName,
  type EmrRecord,
  type GrantArguments,
  type Page,
  type PatientGrant,
  type RecordType,
  type Recovery,
  type Sensitivity,
  type SharingState,
} from '@careledger/protocol';
import { bytesToHex, randomBytes } from '@careledger/crypto/core';
import type { Connection } from './connection.js';
import { activeMembers, readIdentity, readMasterKey } from './consortium.js';
import { makeEdges, proxiesFor } from './edges.js';
import { withEarlierKeys, withIdentityKey } from './extraction.js';
import { GatewayError } from './gateway-error.js';
import type { LogPage, PatientLog } from './patient-log.js';
import type { PseudonymKeys } from './patient-keys.js';
import { patientConnection, type HttpOptions } from './session.js';
import { signRequest } from './signing.js';

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
   * Makes the edges here, has their shares sealed to the proxies, and signs. When a proxy is away nothing is in force,
   * and the same request is sent again a few times.
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
    const made = await this.#edges(args, {
      sensitivities: sensitivities ?? ['normal'],
      proxies: proxies ?? 'majority',
      allowsRecoverable: allowsRecoverable ?? false,
    });
    if (made === undefined) return this.#submit('grants:Grant', '/v1/grants', args);
    const signed = { ...args, edges: made.edges };
    return this.#submit('grants:Grant', '/v1/grants', signed, { shares: made.shares });
  }

  /** New edges of the present epochs, for a grant that lives on after another one ended. */
  async renew(
    grantId: string,
    choice: Pick<GrantTerms, 'proxies' | 'allowsRecoverable'> = {},
  ): Promise<PatientGrant> {
    const grant = (await this.grants()).find((candidate) => candidate.grantId === grantId);
    if (grant?.edges === undefined) throw new CareLedgerError('GRANT_NOT_FOUND');
    const named = grant.edges.map(({ sensitivity }) => sensitivity);
    const made = await this.#edges(grant, {
      sensitivities: SENSITIVITIES.filter((sensitivity) => named.includes(sensitivity)),
      proxies: choice.proxies ?? 'majority',
      allowsRecoverable: choice.allowsRecoverable ?? false,
    });
    if (made === undefined) throw new CareLedgerError('IDENTITY_NOT_FOUND');
    const args = { pseudonym: this.pseudonym, grantId, edges: made.edges };
    const { shares } = made;
    return this.#submit('grants:Renew', `/v1/grants/${grantId}/renewal`, args, { shares });
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
    if (next?.accesses !== undefined) query.set('accessesAfter', next.accesses);
    if (next?.ended !== undefined) query.set('endedAfter', next.ended);
    if (next?.notices !== undefined) query.set('noticesAfter', next.notices);
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

  async #edges(
    terms: Pick<GrantArguments, 'grantee' | 'recordTypes' | 'maxHops'>,
    choice: Required<Pick<GrantTerms, 'sensitivities' | 'proxies' | 'allowsRecoverable'>>,
  ): Promise<Awaited<ReturnType<typeof makeEdges>> | undefined> {
    if (this.#keys.identity === undefined) return undefined;
    await this.#extractKey();
    const { masterKey } = await readMasterKey(this.#connection, this.#keys.identity.masterKeyId);
    const [to, members, sharing] = await Promise.all([
      readIdentity(this.#connection, granteeName(terms.grantee), masterKey),
      activeMembers(this.#connection),
      this.sharing(),
    ]);
    const proxies = proxiesFor(members, terms.grantee);
    return makeEdges(this.#keys, sharing, {
      ...terms,
      ...{ to, proxies, sensitivities: choice.sensitivities, allowsRecoverable: choice.allowsRecoverable },
      threshold: choice.proxies === 'single' ? 1 : Math.floor(proxies.length / 2) + 1,
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
