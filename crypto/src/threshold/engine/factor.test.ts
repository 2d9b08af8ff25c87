import { expect } from 'chai';
import { choices, dealtKey } from '../threshold.test-support.js';
import { factorFromShares } from './factor.js';

describe('what shares are worth', () => {
  it('every majority of shares factors n; fewer, or shares of two keys, do not', () => {
    for (const holderCount of [3, 4]) {
      const { publicKey, sharing, shares, secrets } = dealtKey(holderCount);
      const { n } = publicKey;
      for (const chosen of [...choices(shares, sharing.threshold), shares]) {
        const found = factorFromShares({ n, sharing, shares: chosen });
        expect([found?.p, found?.q]).to.have.members([secrets.p, secrets.q]);
        expect([found?.phi, found?.exponent]).to.deep.equal([secrets.phi, secrets.exponent]);
        expect(found!.phi % found!.lambda).to.equal(0n);
      }
      for (const chosen of choices(shares, sharing.threshold - 1))
        expect(factorFromShares({ n, sharing, shares: chosen })).to.equal(undefined);
    }
    const { publicKey, sharing, shares } = dealtKey(4);
    const foreign = [dealtKey(3).shares[0]!, ...shares.slice(1, 3)];
    expect(factorFromShares({ n: publicKey.n, sharing, shares: foreign })).to.equal(undefined);
  });
});
