import type { ChaincodeStub } from 'fabric-shim-api';
import {
  KEYS,
  canonicalJson,
  type Access,
  type AggregationKey,
  type Ceremony,
  type CeremonyPost,
  type Consortium,
  type Contribution,
  type Emergency,
  type EmergencyOfficers,
  type ErasureCertificate,
  type ErasureReceipt,
  type CustodyConsent,
  type EdgeInForce,
  type GrantBook,
  type Identity,
  type IdentityEpoch,
  type KeyRegistration,
  type MasterKey,
  type MasterKeyRegistration,
  type LinkCase,
  type Member,
  type MemberInstruction,
  type MemberInstructions,
  type Notice,
  type Panel,
  type PartialShare,
  type Patient,
  type PatientGrant,
  type PatientInstruction,
  type Query,
  type QueryBudget,
  type Receipt,
  type Recovery,
  type RecordBatch,
  type RegisteredLayout,
  type RejectedPartial,
  type Suspension,
} from '@careledger/protocol';
import { ownerPolicy } from './endorsement.js';

export type KeyPrefix = (typeof KEYS)[keyof typeof KEYS];

/** What stands under which prefix. Prefixes that are not here are marks: the key says everything. */
export interface Documents {
  [KEYS.consortium]: Consortium;
  [KEYS.member]: Member;
  [KEYS.patient]: Patient;
  [KEYS.grantBook]: GrantBook;
  [KEYS.endedGrant]: PatientGrant;
  [KEYS.endedGrantId]: { readonly endedAt: string };
  [KEYS.edge]: EdgeInForce;
  [KEYS.identity]: Identity;
  [KEYS.identityEpoch]: IdentityEpoch;
  [KEYS.custodyConsent]: CustodyConsent;
  [KEYS.recovery]: Recovery;
  [KEYS.idempotency]: FirstOutcome;
  [KEYS.recordBatch]: RecordBatch;
  [KEYS.access]: Access;
  [KEYS.receipt]: Receipt;
  [KEYS.instructions]: MemberInstructions;
  [KEYS.retiredInstruction]: PatientInstruction | MemberInstruction;
  [KEYS.suspension]: Suspension;
  [KEYS.panelLayout]: RegisteredLayout;
  [KEYS.panel]: Panel;
  [KEYS.aggregationKey]: AggregationKey;
  [KEYS.keyEpoch]: AggregationKey;
  [KEYS.keyRegistration]: KeyRegistration;
  [KEYS.masterKey]: MasterKey;
  [KEYS.masterKeyEpoch]: MasterKey;
  [KEYS.masterKeyRegistration]: MasterKeyRegistration;
  [KEYS.query]: Query;
  [KEYS.contribution]: Contribution;
  [KEYS.partial]: PartialShare;
  [KEYS.rejectedPartial]: RejectedPartial;
  [KEYS.queryBudget]: QueryBudget;
  [KEYS.ceremony]: Ceremony;
  [KEYS.ceremonyPost]: CeremonyPost;
  [KEYS.erasureReceipt]: ErasureReceipt;
  [KEYS.erasureCertificate]: ErasureCertificate;
  [KEYS.emergencyOfficers]: EmergencyOfficers;
  [KEYS.emergency]: Emergency;
  [KEYS.notice]: Notice;
  [KEYS.linkCase]: LinkCase;
  [KEYS.unfinishedCeremony]: { readonly ceremonyId: string };
}
export type DocumentPrefix = keyof Documents;

export interface StateAddress {
  readonly prefix: DocumentPrefix;
  readonly attributes: readonly string[];
}

/** What a caller's idempotency key stands for. */
export interface FirstOutcome {
  /** SHA-256 of method and canonical argument. */
  readonly digest: string;
  readonly txId: string;
  readonly response: string | StateAddress;
}

/** Kinds of object that one hospital owns, and whose key-level endorsement policy therefore names it. */
export type OwnedPrefix =
  | typeof KEYS.patient
  | typeof KEYS.grantBook
  | typeof KEYS.recordBatch
  | typeof KEYS.identityEpoch
  | typeof KEYS.custodyConsent
  | typeof KEYS.recovery
  | typeof KEYS.instructions
  | typeof KEYS.suspension
  | typeof KEYS.emergencyOfficers;

/** An empty value would be a deletion. */
const MARK = Buffer.from([0]);

/**
 * The world state as typed documents under composite keys. As in Fabric, a read never sees what the same transaction
 * wrote: keep it in a variable.
 */
export class State {
  constructor(private readonly stub: ChaincodeStub) {}

  key(prefix: KeyPrefix, attributes: readonly string[]): string {
    return this.stub.createCompositeKey(prefix, [...attributes]);
  }

  async read<Prefix extends DocumentPrefix>(
    prefix: Prefix,
    attributes: readonly string[],
  ): Promise<Documents[Prefix] | undefined> {
    const bytes = await this.stub.getState(this.key(prefix, attributes));
    return decode(bytes) as Documents[Prefix] | undefined;
  }

  async exists(prefix: KeyPrefix, attributes: readonly string[]): Promise<boolean> {
    return !isAbsent(await this.stub.getState(this.key(prefix, attributes)));
  }

  async write<Prefix extends DocumentPrefix>(
    prefix: Prefix,
    attributes: readonly string[],
    document: Documents[Prefix],
  ): Promise<void> {
    await this.stub.putState(this.key(prefix, attributes), Buffer.from(canonicalJson(document)));
  }

  /** Writes a key whose existence is the information: an index entry or a used nonce. */
  async mark(prefix: KeyPrefix, attributes: readonly string[]): Promise<void> {
    await this.stub.putState(this.key(prefix, attributes), MARK);
  }

  async remove(prefix: KeyPrefix, attributes: readonly string[]): Promise<void> {
    await this.stub.deleteState(this.key(prefix, attributes));
  }

  /**
   * Writes an object of one hospital under that hospital's endorsement policy. The policy is set when the object is
   * made, and again only when the active members changed since: Fabric invalidates every later write of a key in a
   * block in which its policy changed, and not as a conflict that a client may retry.
   */
  async writeOwned<Prefix extends OwnedPrefix>(
    prefix: Prefix,
    attributes: readonly string[],
    document: Omit<Documents[Prefix], 'membersEpoch'>,
    owner: {
      readonly mspId: string;
      readonly consortium: Consortium;
      readonly previousEpoch: number | undefined;
    },
  ): Promise<Documents[Prefix]> {
    const { mspId, consortium, previousEpoch } = owner;
    const complete = { ...document, membersEpoch: consortium.epoch } as unknown as Documents[Prefix];
    await this.write(prefix, attributes, complete);
    if (previousEpoch !== consortium.epoch) await this.setOwner(prefix, attributes, mspId, consortium);
    return complete;
  }

  async setOwner(
    prefix: KeyPrefix,
    attributes: readonly string[],
    mspId: string,
    consortium: Consortium,
  ): Promise<void> {
    const policy = Buffer.from(ownerPolicy(mspId, consortium.activeMembers));
    await this.stub.setStateValidationParameter(this.key(prefix, attributes), policy);
  }

  /**
   * Attributes of the keys under a partial key, in order. Fabric checks the part that was read for phantoms when the
   * transaction is validated, so the caller stops as soon as it knows enough.
   */
  async *scan(prefix: KeyPrefix, attributes: readonly string[]): AsyncGenerator<string[]> {
    for await (const { key } of this.entries(prefix, attributes))
      yield this.stub.splitCompositeKey(key).attributes;
  }

  /** Documents under a partial key, in order. */
  async *documents<Prefix extends DocumentPrefix>(
    prefix: Prefix,
    attributes: readonly string[],
  ): AsyncGenerator<Documents[Prefix]> {
    for await (const { value } of this.entries(prefix, attributes)) {
      const document = decode(value) as Documents[Prefix] | undefined;
      if (document !== undefined) yield document;
    }
  }

  /** At most `limit` keys from `start` (inclusive) on. For reading transactions only: Fabric checks no phantoms here. */
  async keysFrom(
    prefix: KeyPrefix,
    attributes: readonly string[],
    start: string,
    limit: number,
  ): Promise<string[][]> {
    const { iterator } = await this.stub.getStateByPartialCompositeKeyWithPagination(
      prefix,
      [...attributes],
      limit,
      start,
    );
    const keys: string[][] = [];
    try {
      for (
        let next = await iterator.next();
        !isFinished(next) && keys.length < limit;
        next = await iterator.next()
      ) {
        keys.push(this.stub.splitCompositeKey(next.value.key).attributes);
      }
    } finally {
      await iterator.close();
    }
    return keys;
  }

  private async *entries(
    prefix: KeyPrefix,
    attributes: readonly string[],
  ): AsyncGenerator<{ key: string; value: Uint8Array }> {
    const iterator = await this.stub.getStateByPartialCompositeKey(prefix, [...attributes]);
    try {
      for (let next = await iterator.next(); !isFinished(next); next = await iterator.next())
        yield next.value;
    } finally {
      await iterator.close();
    }
  }
}

/** fabric-shim answers `done` without a value at the end, whatever its types say. */
function isFinished(next: { readonly done: boolean; readonly value?: unknown }): boolean {
  return next.done && next.value === undefined;
}

/** Fabric answers an absent key with no bytes. */
function isAbsent(bytes: Uint8Array | undefined): boolean {
  return bytes === undefined || bytes.length === 0;
}

function decode(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined || bytes.length === 0) return undefined;
  // The contracts are the only writer of their namespace, so the form is what they wrote.
  return JSON.parse(Buffer.from(bytes).toString('utf8'));
}
