import type {
  GrantChain,
  Identity,
  IdentityRegistration,
  Member,
  PatientGrant,
  RecordType,
  Sensitivity,
  TagState,
} from '@careledger/protocol';
import type { MasterKeyView, MasterSharingView } from '../ports/sharing-custody.js';

/** The identity master key in force, and how it is shared. */
export interface MasterKeyInForce {
  readonly masterKey: MasterKeyView;
  readonly sharing: MasterSharingView;
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
  /** @throws CareLedgerError GRANT_NOT_FOUND */
  chain(pseudonym: string, grantId: string): Promise<GrantChain>;
  tag(pseudonym: string, recordType: RecordType, sensitivity: Sensitivity): Promise<TagState>;
  activeMembers(): Promise<readonly Member[]>;
  /** @throws CareLedgerError MEMBER_NOT_FOUND */
  gatewayUrl(mspId: string): Promise<string>;
}
