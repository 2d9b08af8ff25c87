import type { Identity, IdentityPublicKey, MasterSharing } from '@careledger/crypto';
import type { Edge, IdentityRegistration, RecordType, Sensitivity } from '@careledger/protocol';

/** The identity master key, as the ledger has it. */
export interface MasterKeyView {
  /** P, 96 bytes. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of P's bytes, hex. */
  readonly keyId: string;
}

/** How the master key is shared at present. */
export type MasterSharingView = MasterSharing;

/** One identity at one epoch of its key. */
export type IdentityAt = Identity;

/** A registration as far as the scheme computes with it. */
export type RegisteredIdentity = IdentityPublicKey;

/** The two labels of a tag, 32 bytes each: keyed by the patient, so that nobody can try out words against them. */
export interface TagLabels {
  readonly type: Uint8Array;
  readonly condition: Uint8Array;
}

/** An edge as it stands on the ledger: statement and W, base64url. */
export type PublicEdge = Pick<Edge, 'statement' | 'w'>;

/** What has to be known of an edge to judge it: all of it from this hospital's own peer. */
export interface EdgeView {
  readonly masterKey: MasterKeyView;
  /** Edges from the owner's first to this one, which is the last. */
  readonly chain: readonly PublicEdge[];
  /** Registrations of the owner and of everybody the chain reaches, in its order: chain.length + 1. */
  readonly identities: readonly RegisteredIdentity[];
}

/** Partials of one proxy for one edge over a list of headers, as crypto's `partialReEncrypt` encodes and signs them. */
export interface EdgePartials {
  /** SHA-256 of the edge, hex. */
  readonly edgeId: string;
  readonly bytes: Uint8Array;
}

/** A header of the record store with what it has to fit. */
export interface SharedHeader {
  readonly bytes: Uint8Array;
  /** `encodeContext` of its record. */
  readonly aad: Uint8Array;
  /** From the ledger, hex. */
  readonly handle: string;
}

/** Which pseudonyms are one patient's. */
export interface LinkedPseudonyms {
  readonly groups: readonly (readonly string[])[];
  /** Links that the right key did not open. */
  readonly unreadable: readonly string[];
  /** Holders whose part was wrong. */
  readonly bad: readonly string[];
}

/**
 * A hospital's secrets in sharing: factors and keys of identities, label keys of its patients, shares of re-keys.
 * Nothing here returns one; the arithmetic runs off the event loop.
 *
 * Errors: CUSTODY_LOCKED, the operation's own, and CryptoError of crypto's `ibe` and `pre`.
 */
export interface SharingCustody {
  /** Makes factor and signing key of one of this hospital's own names at first use; the same ones from then on. */
  registration(of: IdentityAt & { readonly masterKey: MasterKeyView }): Promise<IdentityRegistration>;
  /**
   * Ed25519 by the identity's key: requests for its own key, acknowledgements.
   * @throws CareLedgerError KEY_NOT_FOUND when the identity is not kept here
   */
  signAs(identity: IdentityAt, message: Uint8Array): Promise<Uint8Array>;

  /**
   * Keeps a patient's label key, which came sealed to this hospital's encryption key.
   * @throws CareLedgerError ALREADY_EXISTS for another key than the one that is kept
   */
  putLabelKey(of: { readonly pseudonym: string; readonly sealed: Uint8Array }): Promise<void>;
  /**
   * The label key, sealed to the patient's own encryption key, for a patient who lost it.
   * @throws CareLedgerError KEY_NOT_FOUND
   */
  returnLabelKey(of: {
    readonly pseudonym: string;
    /** X25519, 32 bytes; that it is the patient's is decided by the caller. */
    readonly encryptionKey: Uint8Array;
  }): Promise<Uint8Array>;
  /** @throws CareLedgerError KEY_NOT_FOUND */
  labels(of: {
    readonly pseudonym: string;
    readonly recordType: RecordType;
    readonly sensitivity: Sensitivity;
  }): Promise<TagLabels>;

  /**
   * This hospital's part of an identity's key, d_i = H1(ID)^{s_i}, sealed to the asker's one-time key and bound to
   * name, epoch, sharing and this holder. Whether the asker may have it is decided by the caller.
   * @throws CareLedgerError KEY_NOT_FOUND when this hospital has no share of that sharing
   */
  identityPartialKey(
    of: IdentityAt & {
      readonly keyId: string;
      readonly sharing: MasterSharingView;
      /** X25519, 32 bytes. */
      readonly oneTimeKey: Uint8Array;
    },
  ): Promise<Uint8Array>;
  /**
   * Opens the links of pseudonyms with the holders' parts, and says which are one patient's. The links themselves stay
   * inside.
   * @param of.oneTimeKey of `createRecipientKey`: the parts are sealed to it
   * @throws CareLedgerError KEY_NOT_FOUND when too few parts of a pseudonym are right; `extensions.bad` names the wrong
   * ones. TRANSITION_NOT_ALLOWED when the one-time key is gone
   */
  openLinks(of: {
    readonly masterKey: MasterKeyView;
    readonly sharing: MasterSharingView;
    readonly oneTimeKey: Uint8Array;
    readonly links: readonly {
      readonly pseudonym: string;
      /** As the patient enrolled it. */
      readonly sealed: Uint8Array;
      /** By holder, as `identityPartialKey` gave them. */
      readonly partials: ReadonlyMap<string, Uint8Array>;
    }[];
  }): Promise<LinkedPseudonyms>;
  hasIdentityKey(of: IdentityAt): Promise<boolean>;
  /** One-time key for the partial keys of an identity kept here; its private half stays until they are adopted. */
  extractionKey(of: IdentityAt): Promise<Uint8Array>;
  /**
   * Opens and verifies the partial keys, combines a majority and keeps the key. Idempotent.
   * @returns holders whose part was wrong
   * @throws CareLedgerError KEY_NOT_FOUND when too few are right; `extensions.bad` names the wrong ones
   */
  adoptIdentityKey(
    of: IdentityAt & {
      readonly masterKey: MasterKeyView;
      readonly sharing: MasterSharingView;
      /** By holder, as `identityPartialKey` gave them. */
      readonly partials: ReadonlyMap<string, Uint8Array>;
    },
  ): Promise<{ readonly bad: readonly string[] }>;

  /**
   * Verifies edge and share as a proxy must, keeps the share durably and acknowledges. The same share again gives the
   * same acknowledgement.
   * @returns Ed25519 signature by this hospital's `member/` identity over crypto's `edgeAckMessage`
   * @throws CareLedgerError ALREADY_EXISTS for another share of an edge that is kept
   */
  storeEdgeShare(of: {
    readonly edgeId: string;
    /** HPKE to this hospital's encryption key: enc || ciphertext. */
    readonly sealedShare: Uint8Array;
    readonly view: EdgeView;
    /** Of this hospital's `member/` identity. */
    readonly keyEpoch: number;
  }): Promise<Uint8Array>;
  hasEdgeShare(edgeId: string): Promise<boolean>;
  /** Ids of all edges of which a share is kept. */
  keptEdgeShares(): Promise<readonly string[]>;
  /** Durable when it resolves; idempotent. */
  eraseEdgeShares(edgeIds: readonly string[]): Promise<void>;
  /**
   * D = e(F(i), C1) for every edge and header, one proof per edge, signed. Whether they may be had is decided by the
   * caller.
   * @throws CareLedgerError KEY_NOT_FOUND for an edge of which no share is kept
   */
  partials(of: {
    readonly edges: readonly { readonly edgeId: string; readonly statement: string }[];
    readonly headers: readonly SharedHeader[];
    /** Of this hospital's `member/` identity. */
    readonly keyEpoch: number;
  }): Promise<readonly EdgePartials[]>;

  /**
   * Opens headers that reach one of this hospital's identities along a chain of edges.
   * @param of.partials by proxy, one entry of each edge; wrong ones are left out and named
   * @returns wrap keys of the headers, 32 bytes each, in their order; none at the place of one that does not open while
   * others do
   * @throws CareLedgerError KEY_NOT_FOUND without the identity's key; CryptoError when too few partials are right
   */
  openShared(
    of: IdentityAt & {
      readonly view: EdgeView;
      readonly headers: readonly SharedHeader[];
      readonly partials: ReadonlyMap<string, readonly EdgePartials[]>;
      /** Ed25519 keys of the proxies' `member/` identities, base64url. */
      readonly proxyKeys: ReadonlyMap<string, string>;
    },
  ): Promise<{ readonly wrapKeys: readonly Uint8Array[]; readonly badProxies: readonly string[] }>;

  /**
   * An edge from one of this hospital's identities, the grantee of the view's last edge, to the next. Not stored: the
   * re-key leaves here in shares, each sealed to one proxy's encryption key.
   */
  makeOnwardEdge(
    of: IdentityAt & {
      readonly view: EdgeView;
      readonly to: RegisteredIdentity;
      readonly proxies: readonly { readonly mspId: string; readonly encryptionKey: Uint8Array }[];
      readonly threshold: number;
      readonly sharable: boolean;
      /** Onward hops that the new edge still allows. */
      readonly maxDepth: number;
    },
  ): Promise<OnwardEdge>;
}

export interface OnwardEdge {
  readonly edgeId: string;
  readonly edge: PublicEdge;
  /** By proxy: enc || ciphertext. */
  readonly sealedShares: ReadonlyMap<string, Uint8Array>;
}
