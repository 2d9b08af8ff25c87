import {
  edgeAckMessage,
  openEdgeShare,
  sealEdgeShare,
  sealPartialKey,
  signPatientPayload,
} from '@careledger/crypto';
import { CareLedgerError, memberName } from '@careledger/protocol';
import type { IdentityAt, MasterSharingView, PublicEdge, SharingCustody } from '../ports/sharing-custody.js';
import type { MasterShare, SharingMachine } from '../ports/sharing-machine.js';
import { createEdgeShares } from './edge-shares.js';
import { createIdentityKeys } from './identity-keys.js';
import { createLabelKeys } from './label-keys.js';
import type { SealedFolder } from './sealed-folder.js';

export interface SharingVaultOptions {
  readonly mspId: string;
  readonly folder: SealedFolder;
  readonly machine: SharingMachine;
  /** X25519: what is sealed to this hospital opens with it. */
  readonly encryptionPrivateKey: () => Promise<Uint8Array>;
  /** This hospital's share of the identity master key. @throws CareLedgerError KEY_NOT_FOUND */
  readonly masterShare: (of: {
    readonly keyId: string;
    readonly sharing: MasterSharingView;
  }) => Promise<MasterShare>;
  /** @returns 32 bytes; crypto `labelOf` */
  readonly labelOf: (labelKey: Uint8Array, kind: 'type' | 'condition', text: string) => Uint8Array;
}

export function createSharingVault(options: SharingVaultOptions): SharingCustody {
  const { mspId, folder, machine, encryptionPrivateKey, labelOf } = options;
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

    putLabelKey: (of) => labels.put(of),
    async labels({ pseudonym, recordType, sensitivity }) {
      const labelKey = await labels.read(pseudonym);
      return {
        type: labelOf(labelKey, 'type', recordType),
        condition: labelOf(labelKey, 'condition', sensitivity),
      };
    },

    async identityPartialKey({ keyId, sharing, oneTimeKey, name, keyEpoch }) {
      const share = await options.masterShare({ keyId, sharing });
      const partialKey = await machine.partialKey({ name, keyEpoch, share });
      const address = { keyId, sharingEpoch: sharing.epoch, holder: mspId, name, keyEpoch };
      return sealPartialKey(address, oneTimeKey, partialKey);
    },

    async storeEdgeShare({ edgeId, sealedShare, view, keyEpoch }) {
      // Before anything else: without the key of the acknowledgement nothing is to be kept.
      const { signingKey } = await identities.secret(memberAt(keyEpoch));
      const privateKey = await encryptionPrivateKey();
      const address = { edgeId: fromHex(edgeId), proxyMspId: mspId };
      const share = await openEdgeShare({ ...address, privateKey, sealed: sealedShare });
      const verified = await machine.verifyEdgeShare({ view, proxyMspId: mspId, share });
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
      return machine.partials({ edges: withShares, proxyMspId: mspId, signingKey, headers });
    },

    async openShared({ name, keyEpoch, ...opening }) {
      const { identityKey } = await identities.held({ name, keyEpoch });
      return machine.openShared({ ...opening, identityKey });
    },

    async makeOnwardEdge({ name, keyEpoch, proxies, ...wanted }) {
      const { identityKey, signingKey } = await identities.held({ name, keyEpoch });
      const made = await machine.makeOnwardEdge({
        ...wanted,
        identityKey,
        signingKey,
        proxies: proxies.map((proxy) => proxy.mspId),
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
