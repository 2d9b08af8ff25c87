import {
  publicKeyToJson,
  sharingDigest,
  sharingToJson,
  thresholdShareToJson,
  type CeremonyParameters,
} from '@careledger/crypto';
import { dealThresholdKey, type DealtThresholdKey } from '@careledger/crypto/testing';
import type { CeremonyMachine } from '@careledger/gateway';

/**
 * In the place of the ceremony's machine, for tests that are not about ceremonies: ends at once with the shares of a
 * dealer that all hospitals of this process ask. What stands on the ledger and in the custodies is of the same form.
 */
export function dealtMachine(): CeremonyMachine {
  const dealt = new Map<string, DealtThresholdKey>();
  const dealtFor = ({ ceremonyId, attempt, keyBits, holders }: CeremonyParameters): DealtThresholdKey => {
    const name = `${ceremonyId}/${String(attempt)}`;
    const made = dealt.get(name) ?? dealThresholdKey({ keyBits, holders, allowTestKeySize: true });
    dealt.set(name, made);
    return made;
  };
  return {
    begin(parameters) {
      const { publicKey, sharing, shares } = dealtFor(parameters);
      const share = shares.find(({ holder }) => holder === parameters.self);
      const result = {
        publicKey: publicKeyToJson(publicKey),
        sharing: sharingToJson(publicKey, sharing),
        sharingDigest: sharingDigest(publicKey, sharing),
        ...(share === undefined ? {} : { share: thresholdShareToJson(share) }),
      };
      const progress = {
        phase: 'agreeing',
        round: 0,
        candidates: 0,
        expectedCandidates: 0,
        fraction: 1,
      } as const;
      return Promise.resolve({ state: new Uint8Array(0), progress, result });
    },
    step: () => Promise.reject(new Error('there is nothing to step')),
  };
}
