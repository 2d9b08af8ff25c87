import type { MasterKeyView, RegisteredIdentity, TagLabels } from './sharing-custody.js';

/** A header of re-encryption, and the key that whoever it opens for comes to. */
export interface SealedHeader {
  readonly pre: Uint8Array;
  /** Hex. */
  readonly handle: string;
  /** 32 bytes; the caller wipes it. */
  readonly wrapKey: Uint8Array;
}

/**
 * Seals to a patient's identity under a tag: crypto's `encryptHeader`, off the event loop. Everything that goes in is
 * public but the labels. Errors are CryptoError.
 */
export interface HeaderSealer {
  seal(header: {
    readonly masterKey: MasterKeyView;
    readonly owner: RegisteredIdentity;
    readonly labels: TagLabels;
    readonly tagEpoch: number;
    /** `encodeContext` of the record. */
    readonly aad: Uint8Array;
  }): Promise<SealedHeader>;
}
