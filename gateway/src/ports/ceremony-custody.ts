import type {
  CeremonyProgress,
  IdentityDispute,
  SharedMasterKey,
  ThresholdPublicKeyJson,
} from '@careledger/crypto';
import type { AggregationKey, BlameReason, Ceremony, CeremonyScheme, MasterKey } from '@careledger/protocol';

/** Public halves of the keys for the messages of one attempt. */
export interface CeremonyKeys {
  /** X25519, 32 bytes. */
  readonly encryptionKey: Uint8Array;
  /** Ed25519, 32 bytes. */
  readonly signingKey: Uint8Array;
}

/** Where this hospital stands in a ceremony. Nothing of it is secret: messages are sealed to their recipients. */
export interface CeremonyPart {
  readonly scheme: CeremonyScheme;
  readonly attempt: number;
  /** The round whose messages were computed last. */
  readonly round: number;
  /** For the ledger: `PostRoundSchema`. */
  readonly digests: Readonly<Record<string, string>>;
  readonly progress: CeremonyProgress;
  /** Set when there are no more rounds. */
  readonly result?: CeremonyOutcome;
}

export interface CeremonyOutcome {
  readonly key: ThresholdPublicKeyJson | SharedMasterKey;
  readonly sharingDigest: string;
  /** Of an identity key: complaints that the share shown for them did not bear out. */
  readonly disputes?: readonly IdentityDispute[];
}

/** A key in force, of either scheme. */
export type KeyInForce = AggregationKey | MasterKey;

export function keyIdOf(key: KeyInForce): string {
  return 'publicKey' in key ? key.publicKey.keyId : key.masterKey.keyId;
}

/** Why the attempt cannot go on. */
export type CeremonyTrouble =
  | {
      readonly accused: string;
      readonly reason: BlameReason;
      readonly round: number;
      readonly detail: string;
    }
  /** Somebody cheated, and nobody can be named. */
  | { readonly accused?: undefined; readonly round: number; readonly detail: string };

/** The ceremony as it stands on the ledger, and for a redistribution the key as it is shared until then. */
export interface CeremonyView {
  readonly ceremony: Ceremony;
  readonly key?: KeyInForce;
}

/** A sealed message, with what its sender posted on the ledger about it. */
export interface PostedMessage {
  readonly bytes: Uint8Array;
  /** SHA-256 of the message. */
  readonly digest: string;
  /** SHA-256 of the part for all. */
  readonly broadcastDigest: string;
}

/**
 * A hospital's secrets in ceremonies: the state of its machine, its one-time keys, and the share that comes of it. All
 * of it stays here. What a step gives is sealed and durable before anybody sees it, so that after a crash the same
 * messages are sent again and none is computed twice with other randomness.
 */
export interface CeremonyCustody {
  /** Of one attempt: made at first use, the same until the next attempt's are made. */
  keys(ceremonyId: string, attempt: number): Promise<CeremonyKeys>;
  /** Undefined before `begin`. */
  part(ceremonyId: string): Promise<CeremonyPart | undefined>;
  /**
   * Begins the ceremony's present attempt, once; what was left of an earlier one is erased.
   * @throws CareLedgerError TRANSITION_NOT_ALLOWED for an attempt before the one that was begun
   */
  begin(view: CeremonyView, signal: AbortSignal): Promise<CeremonyPart | CeremonyTrouble>;
  /**
   * Takes the messages of every other participant of the present round.
   * @returns the next round, or what keeps the attempt from going on
   */
  step(
    view: CeremonyView,
    received: ReadonlyMap<string, PostedMessage>,
    signal: AbortSignal,
  ): Promise<CeremonyPart | CeremonyTrouble>;
  /** The sealed message of a round to a participant; the present round's and the one before are kept. */
  message(of: {
    readonly ceremonyId: string;
    readonly attempt: number;
    readonly round: number;
    readonly recipient: string;
  }): Promise<Uint8Array | undefined>;
  /** Takes over the share of a finished ceremony, erases those of earlier epochs, then everything else of the ceremony. */
  adopt(ceremonyId: string): Promise<void>;
  /** Erases state, messages and keys. Idempotent. */
  erase(ceremonyId: string): Promise<void>;
  /** Ids of ceremonies of which anything is kept. */
  kept(): Promise<string[]>;
}

export function isTrouble(step: CeremonyPart | CeremonyTrouble): step is CeremonyTrouble {
  return 'detail' in step;
}
