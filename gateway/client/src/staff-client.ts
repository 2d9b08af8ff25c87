/** What staff do: open what a patient granted, say what they did with it, and pass it on within what the patient allowed. */
import type {
  AccessDecision,
  AccessWithReceipt,
  ErrorCode,
  Forward,
  Open,
  OpenRecovery,
  PatientGrant,
  Receipt,
  RecordType,
  Recovery,
  RecoveryStep,
  Sensitivity,
} from '@careledger/protocol';
import { bytesToHex, randomBytes } from '@careledger/crypto/core';
import { Connection, type ConnectionOptions } from './connection.js';

export interface OpenedRecord {
  readonly recordId: string;
  readonly ownerMspId: string;
  readonly pseudonym: string;
  readonly type: RecordType;
  readonly contentType: string;
  readonly content: Uint8Array;
}

export interface Opening {
  /** Names the opening everywhere: the id of the transaction that decided it. */
  readonly accessId: string;
  readonly records: readonly OpenedRecord[];
  readonly denied: readonly AccessDecision[];
  /** Granted, but not to be had now: ask for the content again later. */
  readonly failed: readonly {
    readonly recordId: string;
    readonly code: ErrorCode;
    readonly detail: string;
  }[];
}

type OpeningInText = Omit<Opening, 'records'> & {
  readonly records: readonly (Omit<OpenedRecord, 'content'> & { readonly content: string })[];
};

/** Terms of an onward grant. They lie within the parent's. */
export interface ForwardTerms extends Omit<Forward, 'grantId' | 'edges' | 'acks' | 'notBefore' | 'maxHops'> {
  /** Default: random. */
  readonly grantId?: string;
  /** Default: now. */
  readonly notBefore?: string;
  /** Default: none. */
  readonly maxHops?: number;
  /** Default: all that the parent covers. */
  readonly sensitivities?: readonly Sensitivity[];
}

export class StaffClient {
  readonly #connection: Connection;

  constructor(options: ConnectionOptions) {
    this.#connection = new Connection(options);
  }

  /** Signs in with the secret that enrolling answered. @throws GatewayError TOKEN_INVALID, RATE_LIMITED */
  static async signIn(
    options: Omit<ConnectionOptions, 'token'>,
    credentials: { readonly enrolmentId: string; readonly secret: string },
  ): Promise<StaffClient> {
    const { token } = await new Connection(options).post<{ readonly token: string }>(
      '/v1/token',
      credentials,
    );
    return new StaffClient({ ...options, token: () => token });
  }

  /** The connection with this person's token, for `enrol` and for routes that have no method here. */
  get connection(): Connection {
    return this.#connection;
  }

  /** @throws GatewayError ACCESS_DENIED with `accessId` and `decisions` when nothing was granted */
  async open(recordIds: readonly string[], purpose: Open['purpose']): Promise<Opening> {
    return inBytes(await this.#connection.post<OpeningInText>('/v1/openings', { recordIds, purpose }));
  }

  /** The content of an earlier opening again, until its receipt is posted. */
  async content(accessId: string): Promise<Opening> {
    return inBytes(await this.#connection.get<OpeningInText>(`/v1/openings/${accessId}/content`));
  }

  /** Says what was done, and ends the opening. */
  async receipt(accessId: string, operation: NonNullable<Receipt['operation']>): Promise<Receipt> {
    const path = `/v1/openings/${accessId}/receipt`;
    return (await this.#connection.post<{ readonly result: Receipt }>(path, { operation })).result;
  }

  /** One access entry, also one that denied. */
  access(accessId: string): Promise<AccessWithReceipt> {
    return this.#connection.get<AccessWithReceipt>(`/v1/access/${accessId}`);
  }

  /** Passes a grant on; the patient is not asked again, and sees it. */
  async forward(terms: ForwardTerms): Promise<PatientGrant> {
    const body = {
      grantId: bytesToHex(randomBytes(16)),
      notBefore: new Date().toISOString(),
      maxHops: 0,
      ...terms,
    };
    return (await this.#connection.post<{ readonly result: PatientGrant }>('/v1/forwards', body)).result;
  }

  async endForward(of: { readonly pseudonym: string; readonly grantId: string }): Promise<PatientGrant> {
    const path = `/v1/forwards/${of.grantId}?pseudonym=${of.pseudonym}`;
    return (await this.#connection.delete<{ readonly result: PatientGrant }>(path)).result;
  }

  /**
   * By an officer of any hospital, who has proof of who the person is: the keys that the patient made anew are to replace
   * the lost ones.
   * @throws GatewayError RECOVERY_NOT_POSSIBLE for a patient whose identity nobody can make again; ALREADY_EXISTS while
   * one is pending; RECOVERY_TOO_SOON for a while after one of this hospital ended without completion
   */
  openRecovery({ pseudonym, ...opening }: OpenRecovery): Promise<Recovery> {
    return this.#recoveryStep(`/v1/patients/${pseudonym}/recoveries`, opening);
  }

  recovery(pseudonym: string): Promise<Recovery> {
    return this.#connection.get<Recovery>(`/v1/patients/${pseudonym}/recoveries/latest`);
  }

  /** By an officer of another hospital than the one that opened it. @throws GatewayError NOT_OWNER, ALREADY_EXISTS */
  approveRecovery({ pseudonym, recoveryId }: RecoveryStep): Promise<Recovery> {
    return this.#recoveryStep(`/v1/patients/${pseudonym}/recoveries/${recoveryId}/approvals`);
  }

  /** By the officer who opened it, or an officer of the patient's hospital. @throws GatewayError NOT_OWNER */
  cancelRecovery({ pseudonym, recoveryId }: RecoveryStep): Promise<Recovery> {
    const body = { arguments: { pseudonym, recoveryId } };
    return this.#recoveryStep(`/v1/patients/${pseudonym}/recoveries/${recoveryId}/cancellation`, body);
  }

  /** By any officer, after the waiting time: the lost key is nobody's authority any more. @throws GatewayError RECOVERY_WAITING */
  completeRecovery({ pseudonym, recoveryId }: RecoveryStep): Promise<Recovery> {
    return this.#recoveryStep(`/v1/patients/${pseudonym}/recoveries/${recoveryId}/completion`);
  }

  /** As an officer of any hospital, also of one that approved. It ends when no majority can be made any more. */
  refuseRecovery({ pseudonym, recoveryId }: RecoveryStep): Promise<Recovery> {
    return this.#recoveryStep(`/v1/patients/${pseudonym}/recoveries/${recoveryId}/refusals`);
  }

  async #recoveryStep(path: string, body: object = {}): Promise<Recovery> {
    return (await this.#connection.post<{ readonly result: Recovery }>(path, body)).result;
  }
}

function inBytes({ records, ...opening }: OpeningInText): Opening {
  const decoded = records.map((record) => ({ ...record, content: fromBase64(record.content) }));
  return { ...opening, records: decoded };
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
