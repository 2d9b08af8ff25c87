import {
  publicKeyToJson,
  sharingDigest,
  sharingToJson,
  thresholdShareToJson,
  type CeremonyParameters,
  type IdentityCeremonyParameters,
} from '@careledger/crypto';
import {
  dealMasterKey,
  dealThresholdKey,
  type DealtMasterKey,
  type DealtThresholdKey,
} from '@careledger/crypto/testing';
import type { CeremonyMachine, CeremonyMachines } from '@careledger/gateway';

const ENDED = {
  phase: 'agreeing',
  round: 0,
  candidates: 0,
  expectedCandidates: 0,
  fraction: 1,
} as const;
const noStep = (): Promise<never> => Promise.reject(new Error('there is nothing to step'));

/**
 * In the place of the ceremonies' machines, for tests that are not about ceremonies: ends at once with the shares of a
 * dealer that all hospitals of this process ask. What stands on the ledger and in the custodies is of the same form.
 */
export function dealtMachines(): CeremonyMachines {
  return { paillier: paillierMachine(), identity: identityMachine() };
}

function paillierMachine(): CeremonyMachine {
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
      return Promise.resolve({ state: new Uint8Array(0), progress: ENDED, result });
    },
    step: noStep,
  };
}

function identityMachine(): CeremonyMachines['identity'] {
  const dealt = new Map<string, DealtMasterKey>();
  const dealtFor = ({ ceremonyId, attempt, holders }: IdentityCeremonyParameters): DealtMasterKey => {
    const name = `${ceremonyId}/${String(attempt)}`;
    const made = dealt.get(name) ?? dealMasterKey({ holders });
    dealt.set(name, made);
    return made;
  };
  return {
    begin(parameters) {
      const { masterKey, sharing, sharingDigest, shares } = dealtFor(parameters);
      const share = shares.find(({ holder }) => holder === parameters.self);
      const outcome = { masterKey, sharing, sharingDigest, disputes: [] };
      const result = share === undefined ? outcome : { ...outcome, share };
      return Promise.resolve({ state: new Uint8Array(0), progress: ENDED, result });
    },
    step: noStep,
  };
}
