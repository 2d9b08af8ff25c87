/** Grants that patients sign: with edges, which every proxy has to acknowledge first, or without. */
import { labelKeyMessage, verifyPatientSignature } from '@careledger/crypto';
import {
  Base64Url,
  CareLedgerError,
  Ed25519Signature,
  GrantSchema,
  RenewSchema,
  closed,
  type Patient,
  type PatientGrant,
} from '@careledger/protocol';
import { Type, type Static } from 'typebox';
import type { SharingCustody } from '../ports/sharing-custody.js';
import type { SigningIdentity } from '../ports/ledger.js';
import type { ContractCaller, Receipted } from '../services/contract-caller.js';
import { SealedSharesSchema } from './edge-protocol.js';
import type { EdgeRelay } from './edge-relay.js';

const { arguments: grantArguments, nonce, signature } = GrantSchema.properties;

/** A signed grant on its way in; `shares` with `arguments.edges`, and never without. */
export const GrantRequestSchema = closed({
  arguments: grantArguments,
  nonce,
  signature,
  shares: Type.Optional(SealedSharesSchema),
});
export type GrantRequest = Static<typeof GrantRequestSchema>;

/** New edges for a grant that lives on. */
export const RenewalRequestSchema = closed({
  arguments: RenewSchema.properties.arguments,
  nonce,
  signature,
  shares: SealedSharesSchema,
});
export type RenewalRequest = Static<typeof RenewalRequestSchema>;

/** Crypto `sealLabelKey` and `labelKeyMessage`. */
export const LabelKeyRequestSchema = closed({ sealed: Base64Url(256), signature: Ed25519Signature });
export type LabelKeyRequest = Static<typeof LabelKeyRequestSchema>;

/** Crypto `openReturnedLabelKey`. */
export const ReturnedLabelKeySchema = closed({ sealed: Base64Url(256) });
export type ReturnedLabelKey = Static<typeof ReturnedLabelKeySchema>;

export interface SignedGrantsModules {
  readonly channel: string;
  readonly contracts: ContractCaller;
  readonly identity: SigningIdentity;
  readonly custody: Pick<SharingCustody, 'putLabelKey' | 'returnLabelKey'>;
  readonly relay: Pick<EdgeRelay, 'activate'>;
}

interface Idempotent {
  readonly idempotencyKey?: string;
}

export class SignedGrants {
  constructor(private readonly modules: SignedGrantsModules) {}

  /** @throws CareLedgerError SCHEMA_VIOLATION, PROXY_UNAVAILABLE, EDGE_INVALID, and what the contract refuses */
  async grant(
    caller: SigningIdentity,
    { shares, ...signed }: GrantRequest,
    options: Idempotent = {},
  ): Promise<Receipted<PatientGrant>> {
    const { contracts, relay } = this.modules;
    const { pseudonym, edges } = signed.arguments;
    if ((edges === undefined) !== (shares === undefined))
      throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'shares for edges, and none without' });
    if (edges === undefined || shares === undefined)
      return contracts.submit(caller, 'grants', 'Grant', signed, options);
    return relay.activate({ pseudonym, edges, shares }, (acks) =>
      contracts.submit(caller, 'grants', 'Grant', { ...signed, acks }, options),
    );
  }

  /** @throws as `grant` */
  async renew(
    caller: SigningIdentity,
    { shares, ...signed }: RenewalRequest,
    options: Idempotent = {},
  ): Promise<Receipted<PatientGrant>> {
    const { contracts, relay } = this.modules;
    const { pseudonym, edges } = signed.arguments;
    return relay.activate({ pseudonym, edges, shares }, (acks) =>
      contracts.submit(caller, 'grants', 'Renew', { ...signed, acks }, options),
    );
  }

  /**
   * Takes a patient's label key into the custody, from then on the same one.
   * @throws CareLedgerError PATIENT_NOT_FOUND, NOT_OWNER, SIGNATURE_INVALID, ALREADY_EXISTS, RECORD_TAMPERED
   */
  async putLabelKey(pseudonym: string, request: LabelKeyRequest): Promise<void> {
    const { channel, identity, custody } = this.modules;
    const { mspId } = identity;
    const patient = await this.#ownPatient(pseudonym);
    const sealed = bytes(request.sealed);
    try {
      verifyPatientSignature({
        publicKey: bytes(patient.keys.signing),
        message: labelKeyMessage({ channel, mspId, pseudonym, sealed }),
        signature: bytes(request.signature),
      });
    } catch (cause) {
      throw new CareLedgerError('SIGNATURE_INVALID', { cause });
    }
    await custody.putLabelKey({ pseudonym, sealed });
  }

  /**
   * The label key of a patient who lost it, sealed to the encryption key that the ledger has for the patient: whoever
   * asks, nobody else opens it.
   * @throws CareLedgerError PATIENT_NOT_FOUND, NOT_OWNER, KEY_NOT_FOUND
   */
  async returnLabelKey(pseudonym: string): Promise<ReturnedLabelKey> {
    const { keys } = await this.#ownPatient(pseudonym);
    const encryptionKey = bytes(keys.encryption);
    const sealed = await this.modules.custody.returnLabelKey({ pseudonym, encryptionKey });
    return { sealed: Buffer.from(sealed).toString('base64url') };
  }

  async #ownPatient(pseudonym: string): Promise<Patient> {
    const { contracts, identity } = this.modules;
    const patient = await contracts.evaluate(identity, 'patients', 'Get', { pseudonym });
    if (patient.mspId === identity.mspId) return patient;
    throw new CareLedgerError('NOT_OWNER', { expected: patient.mspId, came: identity.mspId });
  }
}

function bytes(base64url: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64url, 'base64url'));
}
