import {
  edgeAckMessage,
  labelOf,
  openEdgeShare,
  returnLabelKey,
  sealEdgeShare,
  sealPartialKey,
  signPatientPayload,
  type EdgeChain,
} from '@careledger/crypto';
import { CareLedgerError, memberName } from '@careledger/protocol';
import type {
  EdgeView,
  IdentityAt,
  PublicEdge,
  RegisteredIdentity,
  SharingCustody,
} from '../ports/sharing-custody.js';
import type { SharingMachine } from '../ports/sharing-machine.js';
import { createEdgeShares } from './edge-shares.js';
import { createIdentityKeys } from './identity-keys.js';
import { createLabelKeys } from './label-keys.js';
import { openLinks } from './links.js';
import type { SealedFolder } from './sealed-folder.js';

export interface SharingVaultOptions {
  readonly mspId: string;
  readonly folder: SealedFolder;
  readonly machine: SharingMachine;
  /** X25519: what is sealed to this hospital opens with it. */
  readonly encryptionPrivateKey: () => Promise<Uint8Array>;
  /** Private half of a one-time key. @throws CareLedgerError TRANSITION_NOT_ALLOWED when it is gone */
  readonly oneTimePrivateKey: (publicKey: Uint8Array) => Promise<Uint8Array>;
  /** s_i of this hospital, 32 bytes. @throws CareLedgerError KEY_NOT_FOUND */
  readonly masterShare: (of: { readonly keyId: string; readonly epoch: number }) => Promise<Uint8Array>;
}

export function createSharingVault(options: SharingVaultOptions): SharingCustody {
  const { mspId, folder, machine, encryptionPrivateKey } = options;
  const identities = createIdentityKeys(machine, folder);
  const labels = createLabelKeys(options, folder);
  const shares = createEdgeShares(folder);
  const memberAt = (keyEpoch: number): IdentityAt => ({ name: memberName(mspId), keyEpoch });

  return Object.freeze<SharingCustody>({
    registration: (of) => identities.registration(of),
    signAs: (of, message) => identities.signAs(of, message),
    hasIdentityKey: (of) => identities.hasIdentityKey(of),
    extractionKey: (of) => identities.extractionKey(of),
    adoptIdentityKey: (of) => identities.adoptIdentityKey(of),

    async openLinks({ oneTimeKey, ...of }) {
      return openLinks(machine, of, await options.oneTimePrivateKey(oneTimeKey));
    },

    putLabelKey: (of) => labels.put(of),
    async returnLabelKey({ pseudonym, encryptionKey }) {
      const labelKey = await labels.read(pseudonym);
      return returnLabelKey({ mspId, pseudonym, encryptionKey, labelKey });
    },
    async labels({ pseudonym, recordType, sensitivity }) {
      const labelKey = await labels.read(pseudonym);
      return {
        type: labelOf(labelKey, 'type', recordType),
        condition: labelOf(labelKey, 'condition', sensitivity),
      };
    },

    async identityPartialKey({ keyId, sharing, oneTimeKey, name, keyEpoch }) {
      const scalar = await options.masterShare({ keyId, epoch: sharing.epoch });
      const partialKey = await machine.run('partialKey', { name, keyEpoch, scalar });
      const address = { keyId, sharingEpoch: sharing.epoch, holder: mspId, name, keyEpoch };
      return sealPartialKey(address, oneTimeKey, partialKey);
    },

    async storeEdgeShare({ edgeId, sealedShare, view, keyEpoch }) {
      // Before anything else: without the key of the acknowledgement nothing is to be kept.
      const { signingKey } = await identities.secret(memberAt(keyEpoch));
      const privateKey = await encryptionPrivateKey();
      const address = { edgeId: fromHex(edgeId), proxyMspId: mspId };
      const share = await openEdgeShare({ ...address, privateKey, sealed: sealedShare });
      const verified = await machine.run('verifyShare', { chain: chainOf(view), proxy: mspId, share });
      if (verified.edgeId !== edgeId)
        throw new CareLedgerError('SCHEMA_VIOLATION', {
          expected: 'the statement of the edge that is named',
        });
      const { statement } = lastOf(view.chain);
      await shares.put({ edgeId, statement, share });
      const message = edgeAckMessage({
        edgeId: address.edgeId,
        statement: fromBase64Url(statement),
        point: verified.point,
      });
      return signPatientPayload(signingKey, message);
    },
    hasEdgeShare: (edgeId) => shares.has(edgeId),
    keptEdgeShares: () => shares.list(),
    eraseEdgeShares: (edgeIds) => shares.erase(edgeIds),
    async partials({ edges, headers, keyEpoch }) {
      const { signingKey } = await identities.secret(memberAt(keyEpoch));
      const withShares = await Promise.all(
        edges.map(async (edge) => ({ statement: edge.statement, share: await shares.read(edge) })),
      );
      const made = await machine.run('partials', { edges: withShares, proxy: mspId, signingKey, headers });
      return edges.map(({ edgeId }, index) => {
        const bytes = made[index];
        if (bytes === undefined) throw new CareLedgerError('INTERNAL');
        return { edgeId, bytes };
      });
    },

    async openShared({ name, keyEpoch, view, headers, partials, proxyKeys }) {
      const { registration: identity, identityKey } = await identities.held({ name, keyEpoch });
      const reader = { identity, identityKey };
      return machine.run('open', { reader, chain: chainOf(view), headers, answers: partials, proxyKeys });
    },

    async makeOnwardEdge({ name, keyEpoch, view, proxies, ...wanted }) {
      const { registration, identityKey, signingKey } = await identities.held({ name, keyEpoch });
      const made = await machine.run('makeOnwardEdge', {
        delegator: { identity: registration, identityKey, signingKey },
        chain: chainOf(view),
        terms: { ...wanted, proxies: proxies.map((proxy) => proxy.mspId) },
      });
      const sealed = await Promise.all(
        proxies.map(async ({ mspId: proxyMspId, encryptionKey }) => {
          const share = made.shares.get(proxyMspId);
          if (share === undefined) throw new CareLedgerError('INTERNAL');
          const address = { edgeId: fromHex(made.edgeId), proxyMspId };
          return [proxyMspId, await sealEdgeShare({ ...address, encryptionKey, share })] as const;
        }),
      );
      return { edgeId: made.edgeId, edge: made.edge, sealedShares: new Map(sealed) };
    },
  });
}

function chainOf({ chain, identities }: EdgeView): EdgeChain {
  return { edges: chain.map(({ statement, w }) => ({ statement, w })), identities: identities.map(keyOf) };
}

/** Nothing but what the scheme computes with goes to the threads. */
function keyOf({
  name,
  keyEpoch,
  publicKey,
  signingKey,
  recoverable,
}: RegisteredIdentity): RegisteredIdentity {
  return { name, keyEpoch, publicKey, signingKey, recoverable };
}

function lastOf(chain: readonly PublicEdge[]): PublicEdge {
  const last = chain.at(-1);
  if (last === undefined) throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'at least one edge' });
  return last;
}

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

function fromBase64Url(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}
