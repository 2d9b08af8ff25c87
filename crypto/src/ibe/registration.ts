/**
 * An identity's own key: a factor x that only its owner has, so that the holders of the master key P = g2^s together
 * open nothing of it.
 *
 *   P_ID    = P^x                                     x = 1, P_ID = P: recoverable, a labelled choice
 *   m       = encodeParts('careledger/identity-key/v1', name, key epoch, P, P_ID, signing key, recoverable, custody)
 *   proof   = c(32) || z(32) || Ed25519(signing key, m || c || z)(64)
 *             k random, c = Hr('careledger/identity-proof/v1', m, P^k), z = k + c x mod q       Schnorr, base P
 *   previousSignature = Ed25519(signing key of the epoch before, m || proof), from epoch 1 on
 *
 * Without the proof somebody could register another's P_ID, or one made from it; without the previous signature an
 * outsider could register the next epoch. Both are checked by the contract, with the engine in plain JavaScript.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes, bytesToBase64Url, bytesToHex, concatBytes } from '../core/bytes.js';
import { encodeParts } from '../core/encode.js';
import { CryptoError, invalidInput } from '../core/errors.js';
import { assertPatientPublicKey, verifyPatientSignature } from '../core/patient-signature.js';
import { randomBytes, type RandomBytes } from '../core/random.js';
import {
  G2_BYTES,
  SCALAR_BYTES,
  decodeScalar,
  encodeScalar,
  hashToScalar,
  mclPairing,
  modQ,
  noblePairing,
  randomScalar,
  type G2,
  type PairingEngine,
} from '../pairing/index.js';
import { assertIdentity, fieldBytes, type Identity, type RegisteredKey } from './identity.js';

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const PROOF_BYTES = 2 * SCALAR_BYTES + SIGNATURE_BYTES;

/** What the owner of an identity keeps; secret. */
export interface IdentityFactor {
  /** x, 32 bytes. */
  readonly factor: Uint8Array;
  /** Ed25519, 32 bytes. */
  readonly signingKey: Uint8Array;
}

export interface MakeIdentityOptions extends Identity {
  /** P, 96 bytes. */
  readonly masterPublicKey: Uint8Array;
  /** x = 1: a majority of the hospitals can make the key again. */
  readonly recoverable: boolean;
  readonly custody: 'patient' | 'hospital';
  /** An Ed25519 key that exists already, such as a pseudonym's; made when absent. */
  readonly signingKey?: Uint8Array;
  /** Signing key of the epoch before, from epoch 1 on; not after a recovery, which has none. */
  readonly previousSigningKey?: Uint8Array;
}

/** SHA-256 of P's 96 bytes, hex. */
export function masterKeyId(masterPublicKey: Uint8Array): string {
  assertBytes('masterPublicKey', masterPublicKey, G2_BYTES);
  return bytesToHex(sha256(masterPublicKey));
}

/** @returns the secrets, and what is registered */
export function makeIdentity(
  options: MakeIdentityOptions,
  engine: PairingEngine = mclPairing(),
  random: RandomBytes = randomBytes,
): IdentityFactor & { readonly registration: RegisteredKey } {
  assertIdentity(options);
  const { name, keyEpoch, masterPublicKey, recoverable, custody, previousSigningKey } = options;
  const base = engine.decodeG2('masterPublicKey', masterPublicKey);
  const x = recoverable ? 1n : otherThanOne(random);
  const signingKey = options.signingKey ?? random(KEY_BYTES);
  assertBytes('signingKey', signingKey, KEY_BYTES);
  const facts = {
    name,
    keyEpoch,
    publicKey: bytesToBase64Url(engine.encodeG2(engine.g2Power(base, x))),
    signingKey: bytesToBase64Url(ed25519.getPublicKey(signingKey)),
    recoverable,
    custody,
  };
  const statement = encodeFacts(facts, masterPublicKey);
  const nonce = randomScalar(random);
  const c = challengeOf(statement, engine.encodeG2(engine.g2Power(base, nonce)));
  const knowledge = concatBytes(encodeScalar(c), encodeScalar(modQ(nonce + c * x)));
  const proof = concatBytes(knowledge, ed25519.sign(concatBytes(statement, knowledge), signingKey));
  const registration: RegisteredKey = {
    ...facts,
    proof: bytesToBase64Url(proof),
    ...(previousSigningKey === undefined
      ? {}
      : {
          previousSignature: bytesToBase64Url(
            ed25519.sign(concatBytes(statement, proof), previousSigningKey),
          ),
        }),
  };
  return { factor: encodeScalar(x), signingKey, registration };
}

/**
 * Everything about a registration but whether the ledger allows it: names, keys, knowledge of x, the label of a
 * recoverable one. Synchronous with the default engine, for contracts.
 * @param previousSigningKey of the epoch before, base64url; without it a `previousSignature` is not looked at
 * @throws CRYPTO_INVALID_INPUT for keys and encodings; CRYPTO_PROOF_INVALID, CRYPTO_AUTHENTICATION_FAILED
 */
export function verifyRegistration(
  registration: RegisteredKey,
  masterPublicKey: Uint8Array,
  previousSigningKey?: string,
  engine: PairingEngine = noblePairing,
): void {
  assertIdentity(registration);
  if (registration.name.startsWith('trace/'))
    throw invalidInput('name', 'an identity that has a key of its own', 'a name of links');
  const signingKey = fieldBytes('signingKey', registration.signingKey, KEY_BYTES);
  assertPatientPublicKey(signingKey);
  const base = engine.decodeG2('masterPublicKey', masterPublicKey);
  const publicKey = engine.decodeG2('publicKey', fieldBytes('publicKey', registration.publicKey, G2_BYTES));
  if (engine.g2Equal(base, publicKey) !== registration.recoverable)
    throw invalidInput(
      'recoverable',
      'true for P itself, and for nothing else',
      String(registration.recoverable),
    );
  const proof = fieldBytes('proof', registration.proof, PROOF_BYTES);
  const statement = encodeFacts(registration, masterPublicKey);
  assertKnowledge({ statement, proof, base, publicKey }, engine);
  const message = concatBytes(statement, proof.slice(0, 2 * SCALAR_BYTES));
  verifyPatientSignature({ publicKey: signingKey, message, signature: proof.slice(2 * SCALAR_BYTES) });
  if (previousSigningKey !== undefined) assertPrevious(registration, previousSigningKey, statement, proof);
}

function assertKnowledge(
  of: {
    readonly statement: Uint8Array;
    readonly proof: Uint8Array;
    readonly base: G2;
    readonly publicKey: G2;
  },
  engine: PairingEngine,
): void {
  const c = decodeScalar('proof.c', of.proof.slice(0, SCALAR_BYTES));
  const z = decodeScalar('proof.z', of.proof.slice(SCALAR_BYTES, 2 * SCALAR_BYTES));
  // P^z P_ID^-c is P^k, whoever computed it.
  const commitment = engine.g2Powers([of.base, of.publicKey], [z, modQ(-c)]);
  if (challengeOf(of.statement, engine.encodeG2(commitment)) === c) return;
  throw new CryptoError('CRYPTO_PROOF_INVALID', {
    argument: 'proof',
    expected: 'knowledge of the factor of this very registration',
    came: 'a proof that does not verify',
  });
}

function assertPrevious(
  { previousSignature }: RegisteredKey,
  previousSigningKey: string,
  statement: Uint8Array,
  proof: Uint8Array,
): void {
  if (previousSignature === undefined)
    throw invalidInput('previousSignature', 'a signature of the epoch before', 'none');
  verifyPatientSignature({
    publicKey: fieldBytes('previousSigningKey', previousSigningKey, KEY_BYTES),
    message: concatBytes(statement, proof),
    signature: fieldBytes('previousSignature', previousSignature, SIGNATURE_BYTES),
  });
}

type Facts = Omit<RegisteredKey, 'proof' | 'previousSignature'>;

function encodeFacts(facts: Facts, masterPublicKey: Uint8Array): Uint8Array {
  return encodeParts(
    'careledger/identity-key/v1',
    facts.name,
    BigInt(facts.keyEpoch),
    masterPublicKey,
    fieldBytes('publicKey', facts.publicKey, G2_BYTES),
    fieldBytes('signingKey', facts.signingKey, KEY_BYTES),
    facts.recoverable ? 'recoverable' : 'own',
    facts.custody,
  );
}

function challengeOf(statement: Uint8Array, commitment: Uint8Array): bigint {
  return hashToScalar('careledger/identity-proof/v1', statement, commitment);
}

/** x = 1 is the recoverable mode, which nobody gets by chance. */
function otherThanOne(random: RandomBytes): bigint {
  for (;;) {
    const x = randomScalar(random);
    if (x !== 1n) return x;
  }
}
