/** What differs between the kinds of key that ceremonies make: parameters, result, and where its share goes. */
import type {
  CeremonyIncoming,
  CeremonyParameters,
  CeremonyProgress,
  CeremonyOutgoing,
  CeremonyFault,
  IdentityCeremonyParameters,
  IdentityShare,
  LockstepStep,
  ThresholdShareJson,
} from '@careledger/crypto';
import type { CeremonyScheme } from '@careledger/protocol';
import type { CeremonyOutcome, CeremonyView } from '../ports/ceremony-custody.js';
import type { CeremonyMachines } from '../ports/ceremony-machine.js';
import type { IdentityShares } from './identity-shares.js';
import type { KeyShares } from './key-shares.js';

/** What a machine ended with, as the custody keeps it. */
export interface KindResult {
  readonly outcome: CeremonyOutcome;
  /** Secret; absent for a dealer that leaves. */
  readonly share?: ThresholdShareJson | IdentityShare;
}

export interface KindStep {
  readonly state: Uint8Array;
  readonly outgoing?: CeremonyOutgoing;
  readonly progress: CeremonyProgress;
  readonly result?: KindResult;
  readonly fault?: CeremonyFault;
}

export interface CeremonyKind {
  begin(view: CeremonyView, signal: AbortSignal): Promise<KindStep>;
  step(state: Uint8Array, incoming: readonly CeremonyIncoming[], signal: AbortSignal): Promise<KindStep>;
  /** Takes a share over, and erases those of earlier epochs. */
  adopt(share: ThresholdShareJson | IdentityShare): Promise<void>;
}

export interface CeremonyKindModules {
  readonly mspId: string;
  readonly shares: KeyShares;
  readonly identityShares: IdentityShares;
  readonly machines: CeremonyMachines;
  /** Tests only. */
  readonly allowTestKeySize?: boolean;
}

export function createCeremonyKinds(
  modules: CeremonyKindModules,
): Readonly<Record<CeremonyScheme, CeremonyKind>> {
  return { paillier: paillierKind(modules), identity: identityKind(modules) };
}

function paillierKind(modules: CeremonyKindModules): CeremonyKind {
  const { machines, shares } = modules;
  return {
    begin: async (view, signal) =>
      kindStep(
        await machines.paillier.begin(await paillierParameters(view, modules), { signal }),
        paillierResult,
      ),
    step: async (state, incoming, signal) =>
      kindStep(await machines.paillier.step(state, incoming, { signal }), paillierResult),
    async adopt(share) {
      await shares.store(share as ThresholdShareJson);
      await shares.erase({ keyId: share.keyId, beforeEpoch: share.epoch });
    },
  };
}

function identityKind(modules: CeremonyKindModules): CeremonyKind {
  const { machines, identityShares } = modules;
  return {
    begin: async (view, signal) =>
      kindStep(
        await machines.identity.begin(await identityParameters(view, modules), { signal }),
        identityResult,
      ),
    step: async (state, incoming, signal) =>
      kindStep(await machines.identity.step(state, incoming, { signal }), identityResult),
    async adopt(share) {
      await identityShares.store(share as IdentityShare);
      await identityShares.erase({ keyId: share.keyId, beforeEpoch: share.epoch });
    },
  };
}

function kindStep<Result>(
  { result, ...step }: LockstepStep<Result>,
  of: (result: Result) => KindResult,
): KindStep {
  return result === undefined ? step : { ...step, result: of(result) };
}

type PaillierResult = NonNullable<Awaited<ReturnType<CeremonyMachines['paillier']['step']>>['result']>;
type IdentityResult = NonNullable<Awaited<ReturnType<CeremonyMachines['identity']['step']>>['result']>;

function paillierResult({ publicKey, sharing, sharingDigest, share }: PaillierResult): KindResult {
  const outcome = { key: { publicKey, sharing }, sharingDigest };
  return share === undefined ? { outcome } : { outcome, share };
}

function identityResult({ masterKey, sharing, sharingDigest, disputes, share }: IdentityResult): KindResult {
  const outcome = { key: { masterKey, sharing }, sharingDigest, disputes };
  return share === undefined ? { outcome } : { outcome, share };
}

function commonParameters({ ceremony }: CeremonyView, self: string) {
  const { ceremonyId, attempt, purpose, participants, holders, threshold, joined } = ceremony;
  const signingKeys = Object.fromEntries(joined.map(({ mspId, signingKey }) => [mspId, signingKey]));
  return { ceremonyId, attempt, purpose, self, participants, holders, threshold, signingKeys };
}

async function paillierParameters(
  view: CeremonyView,
  { mspId, shares, allowTestKeySize = false }: CeremonyKindModules,
): Promise<CeremonyParameters> {
  const { keyBits, dealers, purpose } = view.ceremony;
  if (keyBits === undefined) throw new TypeError('a ceremony of a Paillier key without its size');
  const common = { ...commonParameters(view, mspId), keyBits, allowTestKeySize };
  const { key } = view;
  if (purpose === 'generate' || dealers === undefined || key === undefined || !('publicKey' in key))
    return common;
  const { publicKey, sharing } = key;
  const share = dealers.includes(mspId) ? { share: await shares.read(sharing.keyId, sharing.epoch) } : {};
  return { ...common, dealers, present: { publicKey, sharing }, ...share };
}

async function identityParameters(
  view: CeremonyView,
  { mspId, identityShares }: CeremonyKindModules,
): Promise<IdentityCeremonyParameters> {
  const common = commonParameters(view, mspId);
  const { key, ceremony } = view;
  const { dealers, purpose } = ceremony;
  if (purpose === 'generate' || dealers === undefined || key === undefined || !('masterKey' in key))
    return common;
  const { masterKey, sharing } = key;
  const read = () => identityShares.read(masterKey.keyId, sharing.epoch);
  const share = dealers.includes(mspId) ? { share: await read() } : {};
  return { ...common, dealers, present: { masterKey, sharing }, ...share };
}
