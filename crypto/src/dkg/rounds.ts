/**
 * The rounds of an identity ceremony. Dealers D: everyone who will hold a share, or in a redistribution (Desmedt and
 * Jajodia, 1997) as many present holders as are needed.
 *
 *   commit    generate: a_0 random; redistribute: a_0 = lambda_i s_i, lambda_i at 0 over the points of D.
 *             Each dealer's digest of commitments and proof (feldman.ts), so that nobody chooses its own after the others'
 *   deal      commitments and proof; to each holder its f(j). Named: a dealer that shows something else than it was
 *             bound to, whose proof fails, and in a redistribution one with C_0 != P_i^lambda_i
 *   complain  each holder says whose share is beside its commitments
 *   justify   only after a complaint: its dealer shows that one share to all. Wrong: the dealer is named. Right: the
 *             holder takes it, and the ceremony goes on
 *   agree     A_k = prod over D of C_k,  s_j = sum over D of f(j),  P = A_0; the digest of the outcome from everyone
 *
 * A right share in `justify` names nobody: that the holder lied, or that the dealer had sent it something else before,
 * looks the same to everyone else. What is shown is known to one of the two anyway, so nothing is lost by going on. A
 * dealer of whom a threshold of holders complains is named at once: one of them is honest, and showing that many shares
 * would show the polynomial.
 */
import { commit, deal } from './dealing.js';
import type { IdentityRoundName, Round } from './round.js';
import { agree, complain, justify } from './settling.js';

export const IDENTITY_ROUNDS: Readonly<Record<IdentityRoundName, Round>> = {
  commit,
  deal,
  complain,
  justify,
  agree,
};
