/**
 * The rounds in which both kinds of ceremony end: the exponent is dealt with commitments, every share proves itself, and
 * all agree on what came out.
 *
 *   deal    generate: party j <= 2t+1 deals a_j (exponent.ts) with splitInteger; redistribute: see redistribution.ts.
 *           S_i = sum of the sub-shares, v_i from the commitments. A sub-share beside its dealer's polynomial, and in a
 *           redistribution a constant that is not the dealer's old share, names the dealer
 *   prove   v_i is public by now; holder i opens the test ciphertext with a proof, which names it when it does not hold;
 *           every majority has to combine to one theta, coprime to n. With x = 1 mod n for the random r^n in it, F(0) is
 *           a multiple of the order of what can be encrypted
 *   agree   SHA-256 of { publicKey, sharing } from everyone
 *
 * Generation: a dealer that deals another a_j than its product makes theta fail: noticed, not named.
 */
import { bigintToMinimalBytes, bytesEqual, bytesToBigint, hexToBytes } from '../../core/bytes.js';
import { assertCborMap, type CborMap, type CborValue } from '../../core/cbor.js';
import { CryptoError, invalidInput } from '../../core/errors.js';
import { bitLength } from '../../paillier/arithmetic.js';
import {
  ciphertextDigest,
  publicKeyFromJson,
  publicKeyFromModulus,
  publicKeyToJson,
} from '../../paillier/public-key.js';
import type { PaillierPublicKey } from '../../paillier/types.js';
import {
  CHALLENGE_BITS,
  MAX_RESPONSE_BYTES,
  MAX_SHARE_BITS,
  isElement,
  sharingDigest,
  sharingFromJson,
  sharingToJson,
  thresholdShareFromJson,
  thresholdShareToJson,
  type SharingBase,
} from '../codec.js';
import { testCiphertextOf, verificationBaseOf } from '../derived.js';
import {
  MAX_HOLDERS_OF_A_KEY,
  isCommittedShare,
  splitInteger,
  verificationKeysOf,
  type Commitments,
  type IntegerDealing,
} from '../integer-sharing.js';
import {
  provePartialDecryption,
  thetaOf,
  verifyPartialDecryption,
  type Opening,
} from '../partial-decryption.js';
import {
  dealRedistribution,
  redistributedSharing,
  verifyDealing,
  verifySubShare,
  type Redistribution,
} from '../redistribution.js';
import type { ProvenPartial, Sharing, ThresholdShare } from '../types.js';
import { planFor } from './candidates.js';
import { exponentBounds } from './exponent.js';
import { bytesOf, integersOf } from '../../lockstep/fields.js';
import { packIntegers } from '../../lockstep/integers.js';
import { CeremonyBlame, CeremonyInconsistent, blaming, type Received } from '../../lockstep/round.js';
import { holderPoint, selfPoint, type Round, type RoundContext } from './round.js';
import type { CeremonyParameters } from './types.js';

const NOTHING = new Uint8Array(0);
const DIGEST_BYTES = 32;

function testSize({ allowTestKeySize }: CeremonyParameters): { allowTestKeySize: boolean } {
  return { allowTestKeySize: allowTestKeySize === true };
}

/** The key that is made (its n stands in the state) or shared anew (parameters). */
function publicKeyOf({ parameters }: RoundContext, fields: CborMap): PaillierPublicKey {
  const size = testSize(parameters);
  if (parameters.present !== undefined) return publicKeyFromJson(parameters.present.publicKey, size);
  return publicKeyFromModulus(bytesToBigint(bytesOf(fields, 'n')), { ...size, encryption: 'djn' });
}

/** What a redistribution is about; undefined for a generation. */
export function redistributionOf(parameters: CeremonyParameters): Redistribution | undefined {
  const { present, dealers = [], holders, threshold } = parameters;
  if (present === undefined) return undefined;
  const publicKey = publicKeyFromJson(present.publicKey, testSize(parameters));
  return { publicKey, from: sharingFromJson(publicKey, present.sharing), dealers, holders, threshold };
}

/** Who deals. */
function dealersOf(context: RoundContext): readonly string[] {
  const { dealers, holders } = context.parameters;
  return dealers ?? holders.slice(0, planFor(context).openers);
}

function ownDealing(context: RoundContext, data: CborMap, publicKey: PaillierPublicKey): IntegerDealing {
  const { parameters, modPow, random } = context;
  const { holders, threshold } = parameters;
  const plan = redistributionOf(parameters);
  if (plan !== undefined) {
    const share = thresholdShareFromJson(parameters.share);
    return dealRedistribution({ plan, share, modPow, random });
  }
  const magnitude = bytesToBigint(bytesOf(data, 'secret'));
  return splitInteger({
    nSquared: publicKey.nSquared,
    base: verificationBaseOf(publicKey),
    secret: data['isNegative'] === true ? -magnitude : magnitude,
    secretBits: exponentBounds(planFor(context), threshold).dealt,
    holderCount: holders.length,
    threshold,
    modPow,
    random,
  });
}

function elementBytes(publicKey: PaillierPublicKey): number {
  return (2 * publicKey.keyBits) / 8;
}

/** A positive integer without leading zeros. */
function positiveOf(fields: CborMap, name: string, maxBits: number): bigint {
  const bytes = bytesOf(fields, name);
  const isMinimal = bytes.length >= 1 && 8 * bytes.length < maxBits + 8 && bytes[0] !== 0;
  const value = isMinimal ? bytesToBigint(bytes) : 0n;
  if (isMinimal && value >> BigInt(maxBits) === 0n) return value;
  throw invalidInput(name, `1..2^${maxBits}-1 without leading zeros`, `${bytes.length} bytes`);
}

/** Bound on a sub-share: with one from each dealer, a share stays below its own. */
function subShareBits(context: RoundContext): number {
  const { present, threshold } = context.parameters;
  if (present === undefined) return exponentBounds(planFor(context), threshold).subShare;
  return MAX_SHARE_BITS - bitLength(BigInt(MAX_HOLDERS_OF_A_KEY));
}

/** The own dealing; a redistribution makes shares longer until they no longer fit. */
function boundedDealing(context: RoundContext, data: CborMap, publicKey: PaillierPublicKey): IntegerDealing {
  const dealing = ownDealing(context, data, publicKey);
  const maxBits = subShareBits(context);
  if (dealing.subShares.every((subShare) => subShare >> BigInt(maxBits) === 0n)) return dealing;
  throw new CryptoError('CRYPTO_LIMIT_EXCEEDED', {
    argument: 'share',
    expected: `sub-shares of at most ${maxBits} bits`,
    came: 'a longer one: generate a new key',
  });
}

interface Dealt {
  readonly commitments: Commitments;
  /** Absent for a dealer that will hold nothing. */
  readonly subShare: bigint | undefined;
}

/** Commitments and sub-share as they travel; checked for form only. */
function readDealt(
  context: RoundContext,
  key: PaillierPublicKey,
  broadcast: CborMap,
  direct: CborMap,
): Dealt {
  const sizeBytes = elementBytes(key);
  const count = context.parameters.threshold;
  const commitments = integersOf(broadcast, 'commitments', { sizeBytes, count, below: key.nSquared });
  if (!commitments.every((commitment) => isElement(key, commitment)))
    throw invalidInput('commitments', 'elements of Z*_n^2', 'another value');
  if (selfPoint(context) > 0)
    return { commitments, subShare: positiveOf(direct, 'subShare', subShareBits(context)) };
  bytesOf(direct, 'subShare', 0);
  return { commitments, subShare: undefined };
}

/** Whether a dealer's commitments and sub-share hold. @throws CRYPTO_PROOF_INVALID */
function verifyDealt(context: RoundContext, key: PaillierPublicKey, dealer: string, dealt: Dealt): void {
  const { parameters, modPow } = context;
  const { commitments, subShare } = dealt;
  const plan = redistributionOf(parameters);
  if (plan !== undefined) verifyDealing({ plan, dealer, commitments, modPow });
  if (subShare === undefined) return;
  const holder = parameters.self;
  if (plan !== undefined) {
    verifySubShare({ plan, dealer, holder, commitments, subShare, modPow });
    return;
  }
  const base = verificationBaseOf(key);
  const point = selfPoint(context);
  if (isCommittedShare({ nSquared: key.nSquared, base, commitments, point, subShare, modPow })) return;
  throw new CryptoError('CRYPTO_PROOF_INVALID', {
    argument: dealer,
    expected: 'a sub-share on the committed polynomial',
    came: 'one beside it',
  });
}

/** Everyone's dealing, checked; the own one from what was kept. */
function readDealings(
  context: RoundContext,
  key: PaillierPublicKey,
  kept: CborMap,
  received: readonly Received[],
): Map<string, Dealt> {
  const dealers = dealersOf(context);
  const { self } = context.parameters;
  const dealings = new Map<string, Dealt>();
  if (dealers.includes(self)) dealings.set(self, readDealt(context, key, kept, kept));
  for (const message of received) {
    const { from } = message;
    const dealt = blaming(from, 'GARBAGE', () => {
      const broadcast = assertCborMap('broadcast', message.broadcast, ['commitments']);
      const direct = assertCborMap('direct', message.direct, ['subShare']);
      if (dealers.includes(from)) return readDealt(context, key, broadcast, direct);
      bytesOf(broadcast, 'commitments', 0);
      bytesOf(direct, 'subShare', 0);
      return undefined;
    });
    if (dealt === undefined) continue;
    blaming(from, 'PROOF_INVALID', () => {
      verifyDealt(context, key, from, dealt);
    });
    dealings.set(from, dealt);
  }
  return dealings;
}

/** The new sharing; theta only when it follows from the old one. */
function sharingOf(
  context: RoundContext,
  key: PaillierPublicKey,
  commitments: ReadonlyMap<string, Commitments>,
): SharingBase & { readonly theta?: bigint } {
  const { parameters, modPow } = context;
  const plan = redistributionOf(parameters);
  if (plan !== undefined) return redistributedSharing({ plan, commitments, modPow });
  const { holders, threshold } = parameters;
  const dealings = dealersOf(context).map((dealer) => commitments.get(dealer) ?? []);
  return {
    keyId: key.keyId,
    epoch: 0,
    threshold,
    holders: [...holders],
    verificationBase: verificationBaseOf(key),
    verificationKeys: verificationKeysOf({ nSquared: key.nSquared, holderCount: holders.length, dealings }),
  };
}

const deal: Round = {
  phase: 'sharing',
  emit(context, data) {
    const key = publicKeyOf(context, data);
    const isDealer = dealersOf(context).includes(context.parameters.self);
    const dealing = isDealer ? boundedDealing(context, data, key) : undefined;
    const commitments = packIntegers(dealing?.commitments ?? [], elementBytes(key));
    const subShareOf = (point: number): Uint8Array => {
      const subShare = dealing?.subShares[point - 1];
      return subShare === undefined ? NOTHING : bigintToMinimalBytes(subShare);
    };
    return {
      broadcast: { commitments },
      direct: (to) => ({ subShare: subShareOf(holderPoint(context, to)) }),
      kept: {
        n: packIntegers([key.n], key.keyBits / 8),
        commitments,
        subShare: subShareOf(selfPoint(context)),
      },
    };
  },

  absorb(context, kept, received) {
    const key = publicKeyOf(context, kept);
    const dealings = readDealings(context, key, kept, received);
    const commitments = new Map([...dealings].map(([dealer, dealt]) => [dealer, dealt.commitments]));
    const sharing = sharingOf(context, key, commitments);
    const value = [...dealings.values()].reduce((sum, { subShare = 0n }) => sum + subShare, 0n);
    return {
      next: 'prove',
      data: {
        n: bytesOf(kept, 'n'),
        verificationKeys: packIntegers(sharing.verificationKeys, elementBytes(key)),
        share: bigintToMinimalBytes(value),
        theta: bigintToMinimalBytes(sharing.theta ?? 0n),
      },
    };
  },
};

interface Held {
  readonly key: PaillierPublicKey;
  readonly sharing: SharingBase;
  readonly share: ThresholdShare | undefined;
}

/** Key, sharing and own share as a state of `prove` or `agree` holds them. */
function heldOf(context: RoundContext, fields: CborMap): Held {
  const { holders, threshold, self } = context.parameters;
  const key = publicKeyOf(context, fields);
  const format = { sizeBytes: elementBytes(key), count: holders.length, below: key.nSquared };
  const sharing = {
    keyId: key.keyId,
    epoch: (redistributionOf(context.parameters)?.from.epoch ?? -1) + 1,
    threshold,
    holders: [...holders],
    verificationBase: verificationBaseOf(key),
    verificationKeys: integersOf(fields, 'verificationKeys', format),
  };
  const { keyId, epoch } = sharing;
  const value = bytesToBigint(bytesOf(fields, 'share'));
  return { key, sharing, share: value === 0n ? undefined : { holder: self, keyId, epoch, value } };
}

/** The test ciphertext, to be opened for this ceremony. */
function openingOf(context: RoundContext, { key, sharing }: Held): Opening {
  const { ceremonyId, attempt } = context.parameters;
  const { modPow } = context;
  return {
    publicKey: key,
    sharing,
    ciphertext: testCiphertextOf(key, modPow),
    context: { queryId: ceremonyId, step: 'ceremony', index: attempt },
    modPow,
  };
}

const NO_PARTIAL = { value: NOTHING, challenge: NOTHING, response: NOTHING };

function writePartial(key: PaillierPublicKey, { value, proof }: ProvenPartial): CborMap {
  return {
    value: packIntegers([value], elementBytes(key)),
    challenge: packIntegers([proof.challenge], CHALLENGE_BITS / 8),
    response: bigintToMinimalBytes(proof.response),
  };
}

function readPartial(opening: Opening, holder: string, came: CborValue): ProvenPartial | undefined {
  const { publicKey, sharing, ciphertext } = opening;
  const fields = assertCborMap('broadcast', came, Object.keys(NO_PARTIAL));
  if (!sharing.holders.includes(holder)) {
    for (const name of Object.keys(NO_PARTIAL)) bytesOf(fields, name, 0);
    return undefined;
  }
  const single = (name: string, sizeBytes: number, below: bigint): bigint =>
    integersOf(fields, name, { sizeBytes, count: 1, below })[0] ?? 0n;
  return {
    holder,
    keyId: sharing.keyId,
    epoch: sharing.epoch,
    ciphertextDigest: ciphertextDigest(publicKey, ciphertext),
    value: single('value', elementBytes(publicKey), publicKey.nSquared),
    proof: {
      challenge: single('challenge', CHALLENGE_BITS / 8, 1n << BigInt(CHALLENGE_BITS)),
      response: positiveOf(fields, 'response', 8 * MAX_RESPONSE_BYTES),
    },
  };
}

/** @throws CeremonyInconsistent when the majorities disagree, or on another theta than the old sharing gives */
function commonTheta(
  held: Held,
  partials: readonly ProvenPartial[],
  expected: bigint,
  context: RoundContext,
): bigint {
  const { key, sharing } = held;
  try {
    const theta = thetaOf({ publicKey: key, sharing, partials, modPow: context.modPow });
    if (expected === 0n || theta === expected) return theta;
  } catch (error) {
    if (!(error instanceof CryptoError) || error.code !== 'CRYPTO_DECRYPTION_FAILED') throw error;
  }
  throw new CeremonyInconsistent('shares that prove themselves do not open the test ciphertext');
}

const prove: Round = {
  phase: 'proving',
  emit(context, data) {
    const held = heldOf(context, data);
    const { key, share } = held;
    const opening = openingOf(context, held);
    const partial =
      share === undefined
        ? NO_PARTIAL
        : writePartial(key, provePartialDecryption({ ...opening, share, random: context.random }));
    return { broadcast: partial, direct: () => ({}), kept: { ...data, partial } };
  },

  absorb(context, kept, received) {
    const held = heldOf(context, kept);
    const opening = openingOf(context, held);
    const partials: ProvenPartial[] = [];
    const own = readPartial(opening, context.parameters.self, kept['partial'] ?? null);
    if (own !== undefined) partials.push(own);
    for (const { from, broadcast, direct } of received) {
      const partial = blaming(from, 'GARBAGE', () => {
        assertCborMap('direct', direct, []);
        return readPartial(opening, from, broadcast);
      });
      if (partial === undefined) continue;
      blaming(from, 'PROOF_INVALID', () => {
        verifyPartialDecryption({ ...opening, partial });
      });
      partials.push(partial);
    }
    const { n, verificationKeys = NOTHING, share = NOTHING } = kept;
    const theta = commonTheta(held, partials, bytesToBigint(bytesOf(kept, 'theta')), context);
    return {
      next: 'agree',
      data: { n: n ?? NOTHING, verificationKeys, share, theta: bigintToMinimalBytes(theta) },
    };
  },
};

function finished(context: RoundContext, fields: CborMap): Held & { readonly sharing: Sharing } {
  const held = heldOf(context, fields);
  return { ...held, sharing: { ...held.sharing, theta: bytesToBigint(bytesOf(fields, 'theta')) } };
}

const agree: Round = {
  phase: 'agreeing',
  emit(context, data) {
    const { key, sharing } = finished(context, data);
    const digest = hexToBytes(sharingDigest(key, sharing));
    return { broadcast: { digest }, direct: () => ({}), kept: { ...data, digest } };
  },

  absorb(context, kept, received) {
    const digest = bytesOf(kept, 'digest', DIGEST_BYTES);
    for (const { from, broadcast, direct } of received) {
      const came = blaming(from, 'GARBAGE', () => {
        assertCborMap('direct', direct, []);
        return bytesOf(assertCborMap('broadcast', broadcast, ['digest']), 'digest', DIGEST_BYTES);
      });
      // Everyone echoed the same broadcasts, from which the outcome follows.
      if (!bytesEqual(came, digest))
        throw new CeremonyBlame(from, 'PROOF_INVALID', 'another outcome than its broadcasts have');
    }
    const { key, sharing, share } = finished(context, kept);
    return {
      result: {
        publicKey: publicKeyToJson(key),
        sharing: sharingToJson(key, sharing),
        sharingDigest: sharingDigest(key, sharing),
        ...(share === undefined ? {} : { share: thresholdShareToJson(share) }),
      },
    };
  },
};

export const CLOSING_ROUNDS = { deal, prove, agree };
