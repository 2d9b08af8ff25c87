/**
 * A patient's secrets, as one file: for each pseudonym the keys that sign and decrypt, the own factor of its identity and
 * the key of its labels. Two pseudonyms have nothing in common but `linkId`, which leaves here only sealed.
 */
import { Type, type Static } from 'typebox';
import {
  CUSTODIES,
  Ed25519PublicKey,
  IdentityRegistrationSchema,
  MspId,
  Pseudonym,
  Sha256,
  Text,
  X25519PublicKey,
  canonicalJson,
  closed,
  oneOf,
  patientName,
  validate,
} from '@careledger/protocol';
import {
  base64UrlToBytes,
  bytesToBase64Url,
  bytesToHex,
  generateHpkeKeyPair,
  generatePatientKeys,
  makeIdentity,
  makeLabelKey,
  openKeyFile,
  randomBytes,
  sealKeyFile,
} from '@careledger/crypto/core';

/** 32 bytes, base64url: a private key, a scalar, a symmetric key. */
const Secret32 = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' });
const PointOfG1 = Type.String({ pattern: '^[A-Za-z0-9_-]{64}$' });

const IdentitySecretsSchema = closed({
  /** x; 1 in the recoverable mode. */
  factor: Secret32,
  registration: IdentityRegistrationSchema,
  /** Of the master key under which it was made: another one is refused. */
  masterKeyId: Sha256,
  /** sk, once it was extracted. */
  key: Type.Optional(PointOfG1),
});

const SigningKeys = closed({ publicKey: Ed25519PublicKey, privateKey: Secret32 });
const EncryptionKeys = closed({ publicKey: X25519PublicKey, privateKey: Secret32 });

const PseudonymKeysSchema = closed({
  pseudonym: Pseudonym,
  /** Hospital at which it is enrolled. */
  mspId: MspId,
  /** Of that hospital's gateway. */
  gatewayUrl: Type.String({ pattern: '^https?://[^\\s]{1,200}$' }),
  channel: Text(100),
  signing: SigningKeys,
  encryption: EncryptionKeys,
  labelKey: Secret32,
  /** Absent: hospital-mediated, without re-encryption and onward sharing. */
  identity: Type.Optional(IdentitySecretsSchema),
  /** Of earlier epochs: what was sealed before opens with them. */
  earlier: Type.Optional(Type.Array(IdentitySecretsSchema, { maxItems: 64 })),
  /** A rotation that is not finished: made and saved, perhaps on the ledger already. */
  next: Type.Optional(
    closed({
      signing: SigningKeys,
      encryption: EncryptionKeys,
      identity: Type.Optional(IdentitySecretsSchema),
    }),
  ),
  /** Made to replace a lost key: until the recovery is finished, no hospital takes them for the pseudonym's. */
  recovering: Type.Optional(Type.Literal(true)),
  /** Prepared, and not known to be enrolled: an enrolment that broke off goes on with the same keys. */
  pending: Type.Optional(Type.Literal(true)),
  custody: oneOf(CUSTODIES),
});
/** Everything of one pseudonym; secret. */
export type PseudonymKeys = Static<typeof PseudonymKeysSchema>;
/** An identity at one epoch of its key; secret. */
export type IdentitySecrets = Static<typeof IdentitySecretsSchema>;

const PatientKeysSchema = closed({
  version: Type.Literal(1),
  /** 32 random bytes, the same for all pseudonyms; a majority of hospitals can open it, with a reason on the ledger. */
  linkId: Secret32,
  pseudonyms: Type.Array(PseudonymKeysSchema, { maxItems: 64 }),
});
/** What a patient keeps; secret. */
export type PatientKeys = Static<typeof PatientKeysSchema>;

/** Label of the key file, so that no other secret passes for a patient's keys. */
export const PATIENT_KEYS_LABEL = 'careledger/patient-keys/v1';

/** A patient without pseudonyms yet. */
export function makePatientKeys(): PatientKeys {
  return { version: 1, linkId: bytesToBase64Url(randomBytes(32)), pseudonyms: [] };
}

export interface MasterPublicKey {
  /** SHA-256 of its bytes, hex. */
  readonly keyId: string;
  /** 96 bytes. */
  readonly publicKey: Uint8Array;
}

export interface PseudonymOptions extends Pick<
  PseudonymKeys,
  'mspId' | 'gatewayUrl' | 'channel' | 'custody'
> {
  /**
   * Of the consortium; absent for a hospital-mediated pseudonym. The pairing has to be initialised
   * (crypto `initPairing`).
   */
  readonly masterKey?: MasterPublicKey;
  /** Whether a majority of hospitals can make the identity's key again; see `lossInWords`. */
  readonly recoverable: boolean;
}

/** Fresh keys of one more pseudonym. Save them before it is enrolled: what was enrolled without them is lost. */
export function makePseudonym(options: PseudonymOptions): PseudonymKeys {
  const { mspId, gatewayUrl, channel, custody, masterKey, recoverable } = options;
  const pseudonym = bytesToHex(randomBytes(16));
  const made = makeKeys();
  const of = { pseudonym, recoverable, custody, keyEpoch: 0, signing: made.signing };
  return {
    ...{ pseudonym, mspId, gatewayUrl, channel, custody },
    ...made,
    labelKey: bytesToBase64Url(makeLabelKey()),
    ...(masterKey === undefined ? {} : { identity: makeIdentitySecrets(masterKey, of) }),
  };
}

/** Keys made for a pseudonym whose keys are lost: what a recovery puts in their place. */
export function makeRecoveryKeys(
  of: Pick<PseudonymKeys, 'pseudonym' | 'mspId' | 'gatewayUrl' | 'channel' | 'custody'>,
): PseudonymKeys {
  // The label key stands until the hospital returns the one that was lost.
  return { ...of, ...makeKeys(), labelKey: bytesToBase64Url(makeLabelKey()), recovering: true };
}

/** A pair that signs and a pair that decrypts. */
export function makeKeys(): Pick<PseudonymKeys, 'signing' | 'encryption'> {
  return { signing: inText(generatePatientKeys()), encryption: inText(generateHpkeKeyPair()) };
}

/** Factor and registration of one epoch of the identity. The pairing has to be initialised. */
export function makeIdentitySecrets(
  { keyId, publicKey }: MasterPublicKey,
  of: Pick<PseudonymKeys, 'pseudonym' | 'custody' | 'signing'> & {
    readonly keyEpoch: number;
    readonly recoverable: boolean;
    /** Of the epoch before; not after a recovery, which has none. */
    readonly previous?: PseudonymKeys['signing'];
  },
): IdentitySecrets {
  const { pseudonym, keyEpoch, recoverable, custody, signing, previous } = of;
  const { factor, registration } = makeIdentity({
    name: patientName(pseudonym),
    ...{ keyEpoch, recoverable, custody },
    masterPublicKey: publicKey,
    signingKey: base64UrlToBytes(signing.privateKey),
    ...(previous === undefined ? {} : { previousSigningKey: base64UrlToBytes(previous.privateKey) }),
  });
  return { factor: bytesToBase64Url(factor), registration, masterKeyId: keyId };
}

function inText(keys: { readonly publicKey: Uint8Array; readonly privateKey: Uint8Array }) {
  return { publicKey: bytesToBase64Url(keys.publicKey), privateKey: bytesToBase64Url(keys.privateKey) };
}

/** What the patient has to know before choosing; shown at enrolment. */
export function lossInWords(recoverable: boolean, custody: PseudonymKeys['custody'] = 'patient'): string {
  const { kept, lost } = custody === 'hospital' ? IN_HOSPITAL : IN_OWN_HANDS;
  return recoverable
    ? `${kept}Recoverable: if these keys are lost, a majority of the hospitals can make the key that opens your records again, after proof of who you are and a waiting time. The same majority could do so without you; every such recovery stands on the ledger.`
    : `${kept}Not recoverable: the hospitals together cannot open what is sealed to you. ${lost} The hospitals that made your records keep their own copies.`;
}

const IN_HOSPITAL = {
  kept: 'The hospital keeps this file and its passphrase for you: it can open your records and sign in your name, and the ledger says so. ',
  lost: 'If the hospital loses the file and its backups, nobody can share your old records with another hospital again.',
};
const IN_OWN_HANDS = {
  kept: '',
  lost: 'If these keys and every backup of them are lost, that is FINAL for your old records: nobody can share them with another hospital again. Make a backup now, and keep the passphrase apart from it.',
};

/** The text of a passphrase-protected key file (crypto `sealKeyFile`), for a browser's storage or download. */
export function sealPatientKeys(keys: PatientKeys, passphrase: string): Promise<string> {
  return sealKeyFile({ secret: encodePatientKeys(keys), passphrase, label: PATIENT_KEYS_LABEL });
}

/** @throws CryptoError CRYPTO_AUTHENTICATION_FAILED for another passphrase or changed bytes, and as `decodePatientKeys` */
export async function openPatientKeys(text: string, passphrase: string): Promise<PatientKeys> {
  return decodePatientKeys(await openKeyFile({ text, passphrase, label: PATIENT_KEYS_LABEL }));
}

/** The secret inside a key file. */
export function encodePatientKeys(keys: PatientKeys): Uint8Array {
  return new TextEncoder().encode(canonicalJson(validate(PatientKeysSchema, keys)));
}

/** @throws CareLedgerError SCHEMA_VIOLATION for what are no patient's keys */
export function decodePatientKeys(bytes: Uint8Array): PatientKeys {
  return validate(PatientKeysSchema, JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
}

/** The same keys with this pseudonym's in place of what they had for it, or added. */
export function withPseudonym(keys: PatientKeys, changed: PseudonymKeys): PatientKeys {
  const others = keys.pseudonyms.filter(({ pseudonym }) => pseudonym !== changed.pseudonym);
  return { ...keys, pseudonyms: [...others, changed] };
}
