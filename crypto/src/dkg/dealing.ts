/** The rounds in which an identity ceremony deals: bound first, shown afterwards. Equations: rounds.ts. */
import { bytesEqual, joinBytes } from '../core/bytes.js';
import { assertCborMap } from '../core/cbor.js';
import { bytesOf } from '../lockstep/fields.js';
import { CeremonyBlame, blaming, type Received } from '../lockstep/round.js';
import {
  G2_BYTES,
  SCALAR_BYTES,
  encodeScalar,
  lagrangeModQ,
  modQ,
  randomScalar,
  type G2,
} from '../pairing/index.js';
import {
  PROOF_BYTES,
  commit as commitmentsTo,
  commitmentAt,
  dealingDigest,
  decodePoints,
  encodePoints,
  evaluate,
  proveKnowledge,
  randomPolynomial,
  verifyKnowledge,
  type ProofStatement,
} from './feldman.js';
import { dealersOf, identityParametersDigest } from './parameters.js';
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
import { assertIdentityShare, type CheckedSharing } from './sharing.js';

/** The place of a dealer in the present sharing, and its weight there. */
function weightOf(context: IdentityRoundContext, sharing: CheckedSharing, dealer: string) {
  const pointOf = (name: string): number => sharing.holders.indexOf(name) + 1;
  const points = dealersOf(context.parameters).map(pointOf);
  const point = pointOf(dealer);
  return { point, weight: lagrangeModQ(points, point) };
}

/** What the own polynomial has at 0. */
function ownSecret(context: IdentityRoundContext): bigint {
  const { parameters, random, engine, present } = context;
  if (present === undefined || parameters.share === undefined) return randomScalar(random);
  const share = assertIdentityShare(engine, present, parameters.share);
  return modQ(weightOf(context, present, parameters.self).weight * share);
}

function statementOf(
  { parameters }: IdentityRoundContext,
  dealer: string,
  commitments: Uint8Array,
): ProofStatement {
  return { context: identityParametersDigest(parameters), dealer, commitments };
}

export const commit: Round = {
  phase: 'sharing',
  emit(context) {
    const { parameters, random, engine } = context;
    const { self, isDealer } = ownOf(context);
    if (!isDealer) {
      const kept = { coefficients: NOTHING, commitments: NOTHING, proof: NOTHING, digest: NOTHING };
      return { broadcast: { digest: NOTHING }, direct: NO_DIRECT, kept };
    }
    const secret = ownSecret(context);
    const polynomial = randomPolynomial(secret, parameters.threshold, random);
    const commitments = encodePoints(engine, commitmentsTo(engine, polynomial));
    const statement = statementOf(context, self, commitments);
    const proof = proveKnowledge(engine, statement, { secret, random });
    const digest = dealingDigest(statement, proof);
    const coefficients = joinBytes(polynomial.map(encodeScalar));
    return {
      broadcast: { digest },
      direct: NO_DIRECT,
      kept: { coefficients, commitments, proof, digest },
    };
  },

  absorb({ parameters }, kept, received) {
    const dealers = dealersOf(parameters);
    const digests = new Map([[parameters.self, bytesOf(kept, 'digest')]]);
    for (const { from, broadcast, direct } of received)
      blaming(from, 'GARBAGE', () => {
        assertCborMap('direct', direct, []);
        const sizeBytes = dealers.includes(from) ? DIGEST_BYTES : 0;
        const fields = assertCborMap('broadcast', broadcast, ['digest']);
        digests.set(from, bytesOf(fields, 'digest', sizeBytes));
      });
    const { coefficients, commitments, proof } = kept;
    const bound = joinBytes(dealers.map((dealer) => digests.get(dealer) ?? NOTHING));
    return {
      next: 'deal',
      data: {
        coefficients: coefficients ?? NOTHING,
        commitments: commitments ?? NOTHING,
        proof: proof ?? NOTHING,
        digests: bound,
      },
    };
  },
};

interface Dealing {
  readonly commitments: Uint8Array;
  /** Undefined when it is missing or beside its commitments. */
  readonly share: bigint | undefined;
}

/** What everyone can judge of a dealer, and what it shows. @throws CeremonyBlame */
function judgeDealing(
  context: IdentityRoundContext,
  digest: Uint8Array,
  { from, broadcast }: Received,
): { readonly commitments: Uint8Array; readonly points: readonly G2[] } {
  const { engine, parameters, present } = context;
  const { commitments, proof, points } = blaming(from, 'GARBAGE', () => {
    const fields = assertCborMap('broadcast', broadcast, ['commitments', 'proof']);
    const bytes = bytesOf(fields, 'commitments', parameters.threshold * G2_BYTES);
    const shown = bytesOf(fields, 'proof', PROOF_BYTES);
    return { commitments: bytes, proof: shown, points: decodePoints(engine, bytes) };
  });
  const statement = statementOf(context, from, commitments);
  if (!bytesEqual(dealingDigest(statement, proof), digest))
    throw new CeremonyBlame(from, 'PROOF_INVALID', 'other commitments than it was bound to');
  const [constant = engine.g2] = points;
  blaming(from, 'PROOF_INVALID', () => {
    verifyKnowledge(engine, statement, constant, proof);
  });
  if (present !== undefined) {
    const { point, weight } = weightOf(context, present, from);
    const expected = engine.g2Power(commitmentAt(engine, present.commitments, point), weight);
    if (!engine.g2Equal(constant, expected))
      throw new CeremonyBlame(from, 'PROOF_INVALID', 'it deals something else than its share');
  }
  return { commitments, points };
}

function readDealing(context: IdentityRoundContext, digest: Uint8Array, message: Received): Dealing {
  const { commitments, points } = judgeDealing(context, digest, message);
  const { point } = ownOf(context);
  const bytes = blaming(message.from, 'GARBAGE', () =>
    bytesOf(assertCborMap('direct', message.direct, ['share']), 'share', point === 0 ? 0 : SCALAR_BYTES),
  );
  const share = point === 0 ? undefined : rightShare(context.engine, points, point, bytes);
  return { commitments, share };
}

/** A party that deals nothing says so. @throws CeremonyBlame */
function assertSilent({ from, broadcast, direct }: Received): void {
  blaming(from, 'GARBAGE', () => {
    const fields = assertCborMap('broadcast', broadcast, ['commitments', 'proof']);
    bytesOf(fields, 'commitments', 0);
    bytesOf(fields, 'proof', 0);
    bytesOf(assertCborMap('direct', direct, ['share']), 'share', 0);
  });
}

export const deal: Round = {
  phase: 'sharing',
  emit({ parameters }, data) {
    const { holders } = parameters;
    const polynomial = scalarsOf(bytesOf(data, 'coefficients'));
    const shareOf = (to: string): Uint8Array =>
      polynomial.length > 0 && holders.includes(to)
        ? encodeScalar(evaluate(polynomial, holders.indexOf(to) + 1))
        : NOTHING;
    return {
      broadcast: { commitments: bytesOf(data, 'commitments'), proof: bytesOf(data, 'proof') },
      direct: (to) => ({ share: shareOf(to) }),
      kept: data,
    };
  },

  absorb(context, kept, received) {
    const { parameters } = context;
    const { self, isDealer, point } = ownOf(context);
    const dealers = dealersOf(parameters);
    const digests = bytesOf(kept, 'digests', dealers.length * DIGEST_BYTES);
    const coefficients = bytesOf(kept, 'coefficients');
    const dealings = new Map<string, Dealing>();
    for (const message of received) {
      const digest = partOf(parameters, digests, message.from);
      if (dealers.includes(message.from)) dealings.set(message.from, readDealing(context, digest, message));
      else assertSilent(message);
    }
    if (isDealer) {
      const share = point === 0 ? undefined : evaluate(scalarsOf(coefficients), point);
      dealings.set(self, { commitments: bytesOf(kept, 'commitments'), share });
    }
    const all = dealers.map((dealer) => dealings.get(dealer));
    const shares = all.map((dealing) => encodeScalar(dealing?.share ?? 0n));
    return {
      next: 'complain',
      data: {
        coefficients,
        commitments: joinBytes(all.map((dealing) => dealing?.commitments ?? NOTHING)),
        /** 0 stands for one that is missing. */
        shares: joinBytes(point === 0 ? [] : shares),
      },
    };
  },
};
