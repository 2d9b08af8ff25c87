import type { EmrRecord } from '@careledger/protocol';

/** How the opening flow asks another hospital's gateway; `gateway/src/release` implements it over mutual TLS. */
export interface ReleaseRequest {
  readonly ownerMspId: string;
  /** The owner's gateway, as its member entry on the ledger names it. */
  readonly gatewayUrl: string;
  readonly accessId: string;
  /** The granted records of that owner. */
  readonly records: readonly EmrRecord[];
  readonly signal?: AbortSignal;
}

/**
 * @returns re-wrapped header by record id.
 * Errors: PEER_GATEWAY_UNAVAILABLE, RELEASE_NOT_AUTHORISED, RELEASE_REPLAYED and what the owner's store answers.
 */
export type RequestRelease = (request: ReleaseRequest) => Promise<ReadonlyMap<string, Uint8Array>>;
