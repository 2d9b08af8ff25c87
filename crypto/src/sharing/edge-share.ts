/**
 * A share of a re-key on its way from its maker to a proxy, and the proxy's word that it has it.
 *
 *   sealed share = HPKE(encryption key of the proxy's hospital, info = encodeParts('careledger/edge-share/v1',
 *                  edge id, proxy), share)
 *   ack message  = encodeParts('careledger/edge-ack/v1', edge id, SHA-256(statement), point)
 *   ack          = Ed25519(key of the identity member/<proxy>, ack message)
 *
 * Edge id: 32 bytes, SHA-256 of the edge. Point: the x-coordinate of the share, 1 to n. The statement holds the value to
 * which the share is compared, so an acknowledgement says which share it is.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { assertBytes } from '../core/bytes.js';
import { assertContextText } from '../core/context.js';
import { encodeParts } from '../core/encode.js';
import { invalidInput } from '../core/errors.js';
import { openSealed, sealTo } from './sealed.js';

const EDGE_ID_BYTES = 32;

/** Whose share of which edge. */
export interface EdgeShareAddress {
  readonly edgeId: Uint8Array;
  readonly proxyMspId: string;
}

/** @param options.encryptionKey X25519 key of the proxy's hospital, 32 bytes, from its member entry */
export async function sealEdgeShare(
  options: EdgeShareAddress & { readonly encryptionKey: Uint8Array; readonly share: Uint8Array },
): Promise<Uint8Array> {
  return sealTo(options.encryptionKey, infoOf(options), options.share);
}

/** @throws CRYPTO_INVALID_INPUT; CRYPTO_AUTHENTICATION_FAILED for another edge, proxy or key */
export async function openEdgeShare(
  options: EdgeShareAddress & { readonly privateKey: Uint8Array; readonly sealed: Uint8Array },
): Promise<Uint8Array> {
  return openSealed(options.privateKey, infoOf(options), options.sealed);
}

/** What a proxy signs when it keeps a share that fits the statement. */
export function edgeAckMessage(options: {
  readonly edgeId: Uint8Array;
  readonly statement: Uint8Array;
  /** Of the proxy's share: 1 to n. */
  readonly point: number;
}): Uint8Array {
  const { edgeId, statement, point } = options;
  assertBytes('edgeId', edgeId, EDGE_ID_BYTES);
  assertBytes('statement', statement);
  if (!Number.isInteger(point) || point < 1) throw invalidInput('point', 'an integer from 1', String(point));
  return encodeParts('careledger/edge-ack/v1', edgeId, sha256(statement), BigInt(point));
}

function infoOf({ edgeId, proxyMspId }: EdgeShareAddress): Uint8Array {
  assertBytes('edgeId', edgeId, EDGE_ID_BYTES);
  assertContextText('proxyMspId', proxyMspId);
  return encodeParts('careledger/edge-share/v1', edgeId, proxyMspId);
}
