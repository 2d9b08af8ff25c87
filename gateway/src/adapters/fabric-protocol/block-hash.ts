import type { common } from '@hyperledger/fabric-protos';
import { sha256 } from './bytes.js';

/**
 * Fabric's block header in ASN.1 DER, the bytes that are hashed into the chain and signed by orderers:
 * SEQUENCE { INTEGER number, OCTET STRING previous hash, OCTET STRING data hash }
 * (fabric/protoutil/blockutils.go, BlockHeaderBytes).
 */
export function blockHeaderBytes(header: common.BlockHeader): Buffer {
  const body = Buffer.concat([
    derInteger(BigInt(header.getNumber())),
    derElement(0x04, Buffer.from(header.getPreviousHash_asU8())),
    derElement(0x04, Buffer.from(header.getDataHash_asU8())),
  ]);
  return derElement(0x30, body);
}

export function blockHeaderHash(header: common.BlockHeader): Buffer {
  return sha256(blockHeaderBytes(header));
}

/** SHA-256 over the concatenated envelopes (BlockDataHash). */
export function blockDataHash(envelopes: readonly Uint8Array[]): Buffer {
  return sha256(...envelopes);
}

function derInteger(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  const isNegativeLooking = (bytes[0] ?? 0) >= 0x80;
  return derElement(0x02, isNegativeLooking ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

function derElement(tag: number, content: Buffer): Buffer {
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  if (content.length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, content.length), content]);
  return Buffer.concat([Buffer.of(tag, 0x82, content.length >> 8, content.length & 0xff), content]);
}
