import type { SharingRunner } from '@careledger/crypto';

/**
 * The arithmetic of identity keys and re-encryption: bytes in, bytes out, no state. Adapter: worker threads of
 * `@careledger/crypto`, because a pairing takes ten milliseconds, which nobody else in the gateway should wait for.
 */
export type SharingMachine = Pick<SharingRunner, 'run'>;

/** What an identity's owner keeps of it. */
export interface IdentitySecret {
  /** x, 32 bytes. */
  readonly factor: Uint8Array;
  /** Ed25519, 32 bytes. */
  readonly signingKey: Uint8Array;
}
