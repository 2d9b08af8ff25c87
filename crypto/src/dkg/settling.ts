/** The rounds in which an identity ceremony settles complaints and agrees on the outcome. Equations: rounds.ts. */
import { bytesEqual, bytesToBase64Url, hexToBytes, joinBytes } from '../core/bytes.js';
import { assertCborMap, type CborMap } from '../core/cbor.js';
import { CryptoError, invalidInput } from '../core/errors.js';
import { bytesOf } from '../lockstep/fields.js';
import { CeremonyBlame, CeremonyInconsistent, blaming, type Received } from '../lockstep/round.js';
import { SCALAR_BYTES, encodeScalar, modQ, type G2, type PairingEngine } from '../pairing/index.js';
import { decodePoints, evaluate } from './feldman.js';
import { dealersOf } from './parameters.js';
import {
  DIGEST_BYTES,
  NOTHING,
  NO_DIRECT,
  ownOf,
  partOf,
  rightShare,
  scalarsOf,
  type IdentityRoundContext,
  type Round,
} from './round.js';
import { masterKeyOf, sharingBytesDigest } from './sharing.js';
import type { IdentityDispute, IdentityShare, SharedMasterKey } from './types.js';

/** One byte for each dealer: 1 for a complaint. */
function complaintsOf(context: IdentityRoundContext, data: CborMap): Uint8Array {
  const { parameters } = context;
  const shares = bytesOf(data, 'shares');
  return Uint8Array.from(dealersOf(parameters), (dealer) =>
    shares.length > 0 && partOf(parameters, shares, dealer).every((byte) => byte === 0) ? 1 : 0,
  );
}

function readComplaints(
  { parameters }: IdentityRoundContext,
  { from, broadcast, direct }: Received,
): Uint8Array {
  const dealers = dealersOf(parameters);
  return blaming(from, 'GARBAGE', () => {
    assertCborMap('direct', direct, []);
    const fields = assertCborMap('broadcast', broadcast, ['complaints']);
    const complaints = bytesOf(fields, 'complaints', dealers.length);
    const isHolder = parameters.holders.includes(from);
    const isFit = complaints.every(
      (complaint, at) => complaint === 0 || (complaint === 1 && isHolder && dealers[at] !== from),
    );
    if (!isFit) throw invalidInput('complaints', 'a holder’s, about others', 'another');
    return complaints;
  });
}

export const complain: Round = {
  phase: 'proving',
  emit(context, data) {
    const complaints = complaintsOf(context, data);
    return { broadcast: { complaints }, direct: NO_DIRECT, kept: { ...data, complaints } };
  },

  absorb(context, kept, received) {
    const { parameters } = context;
    const { self, participants, threshold } = parameters;
    const dealers = dealersOf(parameters);
    const said = new Map([[self, bytesOf(kept, 'complaints', dealers.length)]]);
    for (const message of received) said.set(message.from, readComplaints(context, message));
    const table = participants.map((name) => said.get(name) ?? NOTHING);
    for (const [at, dealer] of dealers.entries()) {
      const count = table.filter((complaints) => complaints[at] === 1).length;
      if (count >= threshold)
        throw new CeremonyBlame(dealer, 'PROOF_INVALID', `${count} holders without a right share`);
    }
    assertNotExposed(context, dealers, table);
    const { coefficients, commitments, shares } = kept;
    const data = { commitments: commitments ?? NOTHING, shares: shares ?? NOTHING };
    const complaints = joinBytes(table);
    if (complaints.every((complaint) => complaint === 0))
      return { next: 'agree', data: { ...data, complaints } };
    return { next: 'justify', data: { ...data, coefficients: coefficients ?? NOTHING, complaints } };
  },
};

/**
 * What is shown in answer to complaints, everyone sees. In a redistribution each dealer's constant is its part of the old
 * key: with threshold - 1 of its points shown, any holder has it by its own point. When that holds of all dealers, holders
 * who lie would make the key every holder's; nobody can be named, and the attempt ends. When it holds of some, the rest
 * of the key is still in shares. A generation has no such case, since no liar can have its own polynomial shown.
 */
function assertNotExposed(
  { parameters: { present, threshold } }: IdentityRoundContext,
  dealers: readonly string[],
  table: readonly Uint8Array[],
): void {
  if (present === undefined || threshold < 2) return;
  const exposed = dealers.filter(
    (_, at) => table.filter((complaints) => complaints[at] === 1).length >= threshold - 1,
  );
  if (exposed.length === dealers.length)
    throw new CeremonyInconsistent('complaints whose answers would show the key to every holder');
}

/** Everyone's complaints, by complaining holder and dealer, in the order of the participants. */
function disputesOf({ parameters }: IdentityRoundContext, complaints: Uint8Array): IdentityDispute[] {
  const dealers = dealersOf(parameters);
  return parameters.participants.flatMap((holder, row) =>
    dealers
      .filter((_, at) => complaints[row * dealers.length + at] === 1)
      .map((dealer) => ({ dealer, holder })),
  );
}

function pointsOf(context: IdentityRoundContext, commitments: Uint8Array, dealer: string): G2[] {
  return decodePoints(context.engine, partOf(context.parameters, commitments, dealer));
}

export const justify: Round = {
  phase: 'proving',
  emit(context, data) {
    const { self, holders } = context.parameters;
    const polynomial = scalarsOf(bytesOf(data, 'coefficients'));
    const own = disputesOf(context, bytesOf(data, 'complaints')).filter(({ dealer }) => dealer === self);
    const shares = own.map(({ holder }) => encodeScalar(evaluate(polynomial, holders.indexOf(holder) + 1)));
    const kept = {
      commitments: bytesOf(data, 'commitments'),
      shares: bytesOf(data, 'shares'),
      complaints: bytesOf(data, 'complaints'),
    };
    return { broadcast: { shares: joinBytes(shares) }, direct: NO_DIRECT, kept };
  },

  absorb(context, kept, received) {
    const { engine, parameters } = context;
    const { self, holders } = parameters;
    const commitments = bytesOf(kept, 'commitments');
    const shares = new Uint8Array(bytesOf(kept, 'shares'));
    const disputes = disputesOf(context, bytesOf(kept, 'complaints'));
    for (const { from, broadcast, direct } of received) {
      const asked = disputes.filter(({ dealer }) => dealer === from);
      const shown = blaming(from, 'GARBAGE', () => {
        assertCborMap('direct', direct, []);
        const fields = assertCborMap('broadcast', broadcast, ['shares']);
        return bytesOf(fields, 'shares', asked.length * SCALAR_BYTES);
      });
      if (asked.length === 0) continue;
      const points = pointsOf(context, commitments, from);
      for (const [at, { holder }] of asked.entries()) {
        const bytes = shown.subarray(at * SCALAR_BYTES, (at + 1) * SCALAR_BYTES);
        if (rightShare(engine, points, holders.indexOf(holder) + 1, bytes) === undefined)
          throw new CeremonyBlame(from, 'PROOF_INVALID', `a share beside its commitments, for ${holder}`);
        if (holder === self) partOf(parameters, shares, from).set(bytes);
      }
    }
    const { complaints } = kept;
    return { next: 'agree', data: { commitments, shares, complaints: complaints ?? NOTHING } };
  },
};

interface Outcome extends SharedMasterKey {
  readonly share?: IdentityShare;
}

/** The key and its sharing, from the commitments of all dealers. */
function outcomeOf(context: IdentityRoundContext, data: CborMap): Outcome {
  const { engine, parameters } = context;
  const { holders, threshold, present, self } = parameters;
  const bytes = bytesOf(data, 'commitments');
  const dealt = dealersOf(parameters).map((dealer) => pointsOf(context, bytes, dealer));
  const products = dealt.reduce((left, right) =>
    left.map((point, k) => engine.g2Multiply(point, right[k] ?? point)),
  );
  const encoded = encodedProducts(engine, products);
  const [publicKey = NOTHING] = encoded;
  const masterKey = masterKeyOf(publicKey);
  if (present !== undefined && masterKey.keyId !== present.masterKey.keyId)
    throw new CeremonyInconsistent('what was dealt does not add up to the key');
  const epoch = present === undefined ? 0 : present.sharing.epoch + 1;
  const sharing = { epoch, threshold, holders: [...holders], commitments: encoded.map(bytesToBase64Url) };
  const { point } = ownOf(context);
  if (point === 0) return { masterKey, sharing };
  const scalar = scalarsOf(bytesOf(data, 'shares')).reduce((sum, share) => modQ(sum + share), 0n);
  const { keyId } = masterKey;
  const share = { keyId, epoch, holder: self, point, scalar: bytesToBase64Url(encodeScalar(scalar)) };
  return { masterKey, sharing, share };
}

/** Bound before anyone saw another's, commitments do not cancel out but by chance. */
function encodedProducts(engine: PairingEngine, products: readonly G2[]): Uint8Array[] {
  try {
    return products.map((product) => engine.encodeG2(product));
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    throw new CeremonyInconsistent('a commitment of the sharing is the identity');
  }
}

export const agree: Round = {
  phase: 'agreeing',
  emit(context, data) {
    const { masterKey, sharing } = outcomeOf(context, data);
    const digest = hexToBytes(sharingBytesDigest(masterKey, sharing));
    return { broadcast: { digest }, direct: NO_DIRECT, kept: { ...data, digest } };
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
    const outcome = outcomeOf(context, kept);
    const sharingDigest = sharingBytesDigest(outcome.masterKey, outcome.sharing);
    const disputes = disputesOf(context, bytesOf(kept, 'complaints'));
    return { result: { ...outcome, sharingDigest, disputes } };
  },
};
