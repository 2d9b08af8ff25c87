import type {
  OpenedHeader,
  OpeningContext,
  ProvenPartial,
  RecordContext,
  ThresholdPublicKeyJson,
  ThresholdShareJson,
} from '@careledger/crypto';
import type { CeremonyCustody } from './ceremony-custody.js';
import type { ErasureCustody } from './erasure-custody.js';
import type { SigningIdentity } from './ledger.js';
import type { SharingCustody } from './sharing-custody.js';

/**
 * A hospital's secrets. Nothing here returns one: callers get signatures, unwrapped data keys of single records and
 * partial decryptions. Adapter: encrypted files (scrypt + AES-256-GCM). All errors are CUSTODY_LOCKED or the
 * operation's own.
 */
export interface KeyCustody {
  /** Makes a P-256 key inside the custody and returns a PEM certificate request for it (subject CN=enrolmentId). */
  createSigningKey(enrolmentId: string): Promise<{ readonly csrPem: string }>;
  /** Stores the certificate issued for that key. */
  storeCertificate(enrolmentId: string, certificatePem: string): Promise<void>;
  /** Takes over an identity that was enrolled elsewhere (the gateway's own service identity). */
  importSigningIdentity(
    enrolmentId: string,
    identity: { readonly keyPem: string; readonly certificatePem: string },
  ): Promise<void>;
  /** @throws CareLedgerError STAFF_NOT_FOUND */
  signingIdentity(enrolmentId: string): Promise<SigningIdentity>;
  enrolledIds(): Promise<string[]>;

  /** X25519 public key to which this hospital's record keys are wrapped; made at first use. */
  encryptionPublicKey(): Promise<Uint8Array>;
  /** Unwraps the data key of one of this hospital's own records. @param options.erasureKey of the leaf that the header names */
  openHeader(options: {
    readonly header: Uint8Array;
    readonly expectedContext: RecordContext;
    readonly erasureKey: Uint8Array | undefined;
  }): Promise<OpenedHeader>;
  /** Re-wraps the header of one of this hospital's own records to a requester, bound to the ledger transaction. */
  rewrapHeader(options: {
    readonly header: Uint8Array;
    readonly expectedContext: RecordContext;
    readonly erasureKey: Uint8Array | undefined;
    readonly recipientPublicKey: Uint8Array;
    readonly releaseBinding: string;
  }): Promise<Uint8Array>;

  /** One-time X25519 key for an opening; its private half stays here until `openRelease`. */
  createRecipientKey(): Promise<Uint8Array>;
  /** Unwraps a released header with the one-time key; the key is kept until `forgetRecipientKey`. */
  openRelease(options: {
    readonly recipientPublicKey: Uint8Array;
    readonly header: Uint8Array;
    readonly expectedContext: RecordContext;
    readonly releaseBinding: string;
  }): Promise<OpenedHeader>;
  forgetRecipientKey(recipientPublicKey: Uint8Array): Promise<void>;

  /** What single records are erased by. */
  readonly erasure: ErasureCustody;

  /** Keys of identities and shares of re-keys. */
  readonly sharing: SharingCustody;

  /** The shares of the consortium's keys come from ceremonies, and stay inside. */
  readonly ceremonies: CeremonyCustody;
  /**
   * Takes a share of the Paillier key over from elsewhere, such as a backup; one that is held is never replaced.
   * @throws CareLedgerError ALREADY_EXISTS, NOT_OWNER
   */
  storeKeyShare(share: ThresholdShareJson): Promise<void>;
  /** Of either key. */
  hasKeyShare(of: { readonly keyId: string; readonly epoch: number }): Promise<boolean>;
  /** Erases the shares of either key of earlier epochs. Idempotent. */
  eraseKeyShares(of: { readonly keyId: string; readonly beforeEpoch: number }): Promise<void>;
  /** With the share of the sharing's epoch, and the proof that it was used. @throws CareLedgerError KEY_NOT_FOUND */
  partialDecryption(
    key: ThresholdPublicKeyJson,
    ciphertext: bigint,
    context: OpeningContext,
  ): Promise<ProvenPartial>;

  /** HMAC-SHA-256 under a key of the custody, domain-separated by `label`: linking tables, token signing. */
  mac(label: string, data: Uint8Array): Promise<Uint8Array>;
  /** AES-256-GCM under a key of the custody for the gateway's own tables. */
  sealLocal(label: string, plaintext: Uint8Array): Promise<Uint8Array>;
  openLocal(label: string, sealed: Uint8Array): Promise<Uint8Array>;
}
