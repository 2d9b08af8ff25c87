import type { IdentityRegistration } from '@careledger/protocol';
import type {
  EdgePartials,
  EdgeView,
  IdentityAt,
  MasterKeyView,
  MasterSharingView,
  PublicEdge,
  RegisteredIdentity,
  SharedHeader,
} from './sharing-custody.js';

/** What an identity's owner keeps of it. */
export interface IdentitySecret {
  /** x, 32 bytes. */
  readonly factor: Uint8Array;
  /** Ed25519, 32 bytes. */
  readonly signingKey: Uint8Array;
}

/** A holder's share of the identity master key. */
export interface MasterShare {
  readonly holder: string;
  /** The x-coordinate, 1 to n. */
  readonly point: number;
  /** s_i, 32 bytes. */
  readonly scalar: Uint8Array;
}

/**
 * The arithmetic of identity keys and re-encryption: bytes in, bytes out, no state. Adapter: worker threads of
 * `@careledger/crypto`; a pairing takes ten milliseconds, which nobody else in the gateway should wait for.
 * Errors are CryptoError.
 */
export interface SharingMachine {
  /** With a random factor, so that the holders of the master key alone open nothing. */
  makeIdentity(
    of: IdentityAt & { readonly masterKey: MasterKeyView },
  ): Promise<IdentitySecret & { readonly registration: IdentityRegistration }>;
  /** d_i = H1(ID)^{s_i}, 48 bytes. */
  partialKey(of: IdentityAt & { readonly share: MasterShare }): Promise<Uint8Array>;
  /** Verifies each part; the key of the identity when enough are right. */
  combine(
    of: IdentityAt & {
      readonly masterKey: MasterKeyView;
      readonly sharing: MasterSharingView;
      readonly factor: Uint8Array;
      readonly partials: ReadonlyMap<string, Uint8Array>;
    },
  ): Promise<{ readonly key?: Uint8Array; readonly bad: readonly string[] }>;
  /**
   * Everything that a proxy checks of the view's last edge before it keeps a share: statement, chain, every value, and
   * the share against them.
   */
  verifyEdgeShare(of: {
    readonly view: EdgeView;
    readonly proxyMspId: string;
    readonly share: Uint8Array;
  }): Promise<{ readonly edgeId: string; readonly point: number }>;
  partials(of: {
    readonly edges: readonly { readonly statement: string; readonly share: Uint8Array }[];
    readonly proxyMspId: string;
    /** Of the proxy's `member/` identity. */
    readonly signingKey: Uint8Array;
    readonly headers: readonly SharedHeader[];
  }): Promise<readonly EdgePartials[]>;
  openShared(of: {
    readonly view: EdgeView;
    /** sk of the identity that the chain ends with, 48 bytes. */
    readonly identityKey: Uint8Array;
    readonly headers: readonly SharedHeader[];
    readonly partials: ReadonlyMap<string, readonly EdgePartials[]>;
    readonly proxyKeys: ReadonlyMap<string, string>;
  }): Promise<{ readonly wrapKeys: readonly Uint8Array[]; readonly badProxies: readonly string[] }>;
  makeOnwardEdge(of: {
    readonly view: EdgeView;
    readonly identityKey: Uint8Array;
    readonly signingKey: Uint8Array;
    readonly to: RegisteredIdentity;
    readonly proxies: readonly string[];
    readonly threshold: number;
    readonly sharable: boolean;
    readonly maxDepth: number;
  }): Promise<{
    readonly edgeId: string;
    readonly edge: PublicEdge;
    /** By proxy, not sealed. */
    readonly shares: ReadonlyMap<string, Uint8Array>;
  }>;
}
