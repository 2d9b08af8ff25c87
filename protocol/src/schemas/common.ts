import { Type, type Static, type TSchema } from 'typebox';
import { LIMITS } from '../limits.js';
import { PURPOSES, ROLES } from '../names.js';
import { RECORD_TYPES, SENSITIVITIES } from '../record-types.js';

/** A closed object: a field that is not named is refused, so that no argument is silently ignored. */
export function closed<Properties extends Record<string, TSchema>>(
  properties: Properties,
  description?: string,
) {
  return Type.Object(properties, {
    additionalProperties: false,
    ...(description === undefined ? {} : { description }),
  });
}

export function oneOf<const Values extends readonly string[]>(values: Values) {
  return Type.Unsafe<Values[number]>(Type.Enum([...values]));
}

const base64urlOf = (bytes: number) =>
  Type.String({ pattern: `^[A-Za-z0-9_-]{${String(Math.ceil((bytes * 8) / 6))}}$` });

export const MspId = Type.String({
  pattern: '^[A-Za-z0-9.-]{1,64}$',
  description: 'Fabric MSP id of a hospital',
});
export const EnrolmentId = Type.String({
  pattern: '^[A-Za-z0-9._-]{1,64}$',
  description: 'opaque enrolment id of a person',
});
export const Department = Type.String({ pattern: '^[a-z0-9-]{1,40}$' });
export const Pseudonym = Type.String({
  pattern: '^[0-9a-f]{32}$',
  description: 'a patient at one hospital: 128 random bits',
});
export const ObjectId = Type.String({
  pattern: '^[0-9a-f]{32}$',
  description: '128 random bits chosen by the client',
});
export const RecordId = Type.String({
  pattern: '^[0-9a-f]{32}\\.(0|[1-9][0-9]{0,2})$',
  description: 'batch id, dot, index in the batch',
});
export const TransactionId = Type.String({ pattern: '^[0-9a-f]{64}$' });
export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256, lower-case hex' });
export const Cid = Type.String({ pattern: '^b[a-z2-7]{50,100}$', description: 'CID version 1, base32' });
export const Instant = Type.String({
  pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$',
  description: 'UTC with milliseconds; sorts as text',
});
export const Ed25519PublicKey = base64urlOf(32);
export const X25519PublicKey = base64urlOf(32);
export const Ed25519Signature = base64urlOf(64);
/** Compressed points of BLS12-381, as docs/crypto/identity.md lays them out. */
export const G2Point = base64urlOf(96);
export const Nonce = Type.String({
  pattern: '^[A-Za-z0-9_-]{22}$',
  description: '128 random bits, base64url',
});
/** A link between pseudonyms, sealed to `trace/<pseudonym>`: crypto `sealLink`, 176 bytes. */
export const SealedLink = base64urlOf(176);
export const Base64Url = (maxLength: number) => Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength });
/** `epoch` of the consortium at which the key-level endorsement policy of the object was set. */
export const MembersEpoch = Type.Integer({ minimum: 0 });
/** Raised when a patient (or a deadline) ends a grant: edges and headers of an earlier epoch are dead. */
export const TagEpoch = Type.Integer({ minimum: 0, maximum: 1_000_000 });
/** Of an identity's key: raised when the key is replaced. */
export const KeyEpoch = Type.Integer({ minimum: 0, maximum: 1_000_000 });
export const PurposeSchema = oneOf(PURPOSES);
export const RoleSchema = oneOf(ROLES);
export const RecordTypeSchema = oneOf(RECORD_TYPES);
export const SensitivitySchema = oneOf(SENSITIVITIES);
/**
 * Words of a person that stand on the ledger for ever: they must not identify a patient. Refused is what looks like it
 * would, an address or a number of four digits and more, such as a year, a telephone number or an insurance number.
 */
export const CaseText = (maxLength: number) =>
  Type.String({ pattern: '^(?![^]*[0-9]{4})[^@]+$', minLength: 1, maxLength });
export const Text = (maxLength: number) => Type.String({ minLength: 1, maxLength });

/** A person at a hospital, as the certificate says. */
export const CallerSchema = closed({
  mspId: MspId,
  enrolmentId: EnrolmentId,
  role: RoleSchema,
  department: Type.Optional(Department),
});
export type Caller = Static<typeof CallerSchema>;

/** Bounded page of a listing. `from` and `to` bound the time of the entries, both inclusive. */
export const PageFields = {
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
  pageSize: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.pageSize })),
  bookmark: Type.Optional(Type.String({ maxLength: 512 })),
};

export interface Page<Item> {
  readonly items: Item[];
  /** Give it back to get the next page; absent on the last. */
  readonly bookmark?: string;
}

/**
 * What a patient signs: Ed25519 over (channel, method, canonical JSON of `arguments`, nonce); see
 * `crypto/src/core/patient-signature.ts`. The nonce is kept on the ledger, so a request works once.
 */
export function signedByPatient<Arguments extends TSchema>(args: Arguments) {
  return closed({ arguments: args, nonce: Nonce, signature: Ed25519Signature });
}
