import { base64UrlToBytes } from '@careledger/crypto';
import {
  CareLedgerError,
  type ErrorCode,
  type GrantChain,
  type Identity,
  type IdentityRegistration,
  type MasterKey,
  type Member,
  type PatientGrant,
  type RecordType,
  type Sensitivity,
  type SharingState,
} from '@careledger/protocol';
import type { SigningIdentity } from '../ports/ledger.js';
import type { MasterKeyView, MasterSharingView } from '../ports/sharing-custody.js';
import type { ContractCaller } from '../services/contract-caller.js';
import { listOf } from '../services/members.js';

/** The identity master key in force, and how it is shared. */
export interface MasterKeyInForce {
  readonly masterKey: MasterKeyView;
  readonly sharing: MasterSharingView;
}

/** A record type at one sensitivity. */
export interface TagOf {
  readonly recordType: RecordType;
  readonly sensitivity: Sensitivity;
}

/** The ledger as sharing uses it: this hospital's own peer, under the gateway's own identity. */
export interface SharingLedger {
  readonly mspId: string;
  readonly channel: string;
  /** Undefined before there is one. */
  masterKey(): Promise<MasterKeyInForce | undefined>;
  /** Without an epoch: the present one. Undefined when it is not registered. */
  identity(name: string, keyEpoch?: number): Promise<Identity | undefined>;
  register(registration: IdentityRegistration): Promise<void>;
  grant(pseudonym: string, grantId: string): Promise<PatientGrant | undefined>;
  /** All that stand in the patient's book. None for a pseudonym that is not enrolled. */
  liveGrants(pseudonym: string): Promise<readonly PatientGrant[]>;
  /** @throws CareLedgerError GRANT_NOT_FOUND */
  chain(pseudonym: string, grantId: string, tag?: TagOf): Promise<GrantChain>;
  /** Epochs of a patient's tags and identity key. @throws CareLedgerError PATIENT_NOT_FOUND */
  sharing(pseudonym: string): Promise<SharingState>;
  activeMembers(): Promise<readonly Member[]>;
  /** @throws CareLedgerError MEMBER_NOT_FOUND */
  gatewayUrl(mspId: string): Promise<string>;
}

export interface SharingLedgerModules {
  readonly channel: string;
  readonly contracts: ContractCaller;
  readonly identity: SigningIdentity;
}

/** Registrations that are kept: a few kilobytes each. */
const KEPT_REGISTRATIONS = 512;

export function createSharingLedger(modules: SharingLedgerModules): SharingLedger {
  const { channel, contracts, identity: self } = modules;
  // A registration is written once for its name and epoch, so one that was read need not be read again.
  const registrations = new Map<string, Identity>();

  const readIdentity = async (name: string, keyEpoch?: number): Promise<Identity | undefined> => {
    const known = registrations.get(`${name}#${String(keyEpoch)}`);
    if (known !== undefined) return known;
    const epoch = keyEpoch === undefined ? {} : { keyEpoch };
    const found = await unless('IDENTITY_NOT_FOUND', () =>
      contracts.evaluate(self, 'identities', 'Get', { name, ...epoch }),
    );
    // That an epoch is closed is no part of its registration.
    if (found?.closedBy !== undefined || found === undefined) return found;
    const [oldest] = registrations.keys();
    if (registrations.size >= KEPT_REGISTRATIONS && oldest !== undefined) registrations.delete(oldest);
    registrations.set(`${name}#${String(found.keyEpoch)}`, found);
    return found;
  };

  return {
    mspId: self.mspId,
    channel,
    async masterKey() {
      const found = await unless('KEY_NOT_FOUND', () =>
        contracts.evaluate(self, 'identities', 'GetMasterKey', {}),
      );
      return found === undefined ? undefined : inForceOf(found);
    },
    identity: readIdentity,
    register: async (registration) => {
      await contracts.submit(self, 'identities', 'Register', { arguments: { registration } });
    },
    grant: (pseudonym, grantId) =>
      unless('GRANT_NOT_FOUND', () => contracts.evaluate(self, 'grants', 'Get', { pseudonym, grantId })),
    liveGrants: async (pseudonym) => {
      const found = await unless('PATIENT_NOT_FOUND', () =>
        contracts.evaluate(self, 'grants', 'List', { pseudonym, ended: false }),
      );
      return found?.items ?? [];
    },
    chain: (pseudonym, grantId, tag) =>
      contracts.evaluate(self, 'grants', 'Chain', {
        pseudonym,
        grantId,
        ...(tag === undefined ? {} : { tag }),
      }),
    sharing: (pseudonym) => contracts.evaluate(self, 'grants', 'GetSharing', { pseudonym }),
    activeMembers: async () => (await listOf(contracts, self)).filter(({ status }) => status === 'active'),
    gatewayUrl: async (mspId) => (await contracts.evaluate(self, 'members', 'Get', { mspId })).gatewayUrl,
  };
}

function inForceOf({ masterKey, sharing }: MasterKey): MasterKeyInForce {
  return {
    masterKey: { keyId: masterKey.keyId, publicKey: base64UrlToBytes(masterKey.publicKey) },
    sharing: { ...sharing, commitments: sharing.commitments.map(base64UrlToBytes) },
  };
}

async function unless<Result>(code: ErrorCode, read: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof CareLedgerError && error.code === code) return undefined;
    throw error;
  }
}
