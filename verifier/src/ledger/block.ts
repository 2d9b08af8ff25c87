/**
 * A block as its bytes say, before anything of it is believed.
 *
 *   header bytes   = DER SEQUENCE { INTEGER number, OCTET STRING previous hash, OCTET STRING data hash }
 *   header hash    = SHA-256(header bytes), the next block's previous hash
 *   data hash      = SHA-256(envelope_1 .. envelope_k)
 *   an orderer signs  metadata value || identifier header || header bytes
 *
 * (fabric/protoutil/blockutils.go.) Hashes cover header and envelopes. The validation codes lie in the metadata, which
 * nobody signs: they are what the peer that gave the block says, and `validation.ts` derives its own.
 */
import { common, peer } from '@hyperledger/fabric-protos';
import { sha256 } from './protobuf.js';
import { decodeTransaction, type Transaction } from './transaction.js';

export interface Block {
  readonly number: bigint;
  readonly previousHash: Uint8Array;
  /** As the header states it; `actualDataHash` is that of the envelopes. */
  readonly dataHash: Uint8Array;
  readonly actualDataHash: Uint8Array;
  readonly headerBytes: Uint8Array;
  readonly headerHash: Uint8Array;
  /** What orderers signed besides the header. */
  readonly signedValue: Uint8Array;
  readonly signatures: readonly OrdererSignature[];
  readonly transactions: readonly Transaction[];
}

export interface OrdererSignature {
  /** Number in the consenter list of the channel's configuration; absent when the signature names its maker itself. */
  readonly consenterId?: number;
  readonly headerBytes: Uint8Array;
  readonly signature: Uint8Array;
}

const TAG_INTEGER = 0x02;
const TAG_OCTET_STRING = 0x04;
const TAG_SEQUENCE = 0x30;

/** Errors: protobuf's own when the bytes are not a block. */
export function decodeBlock(bytes: Uint8Array): Block {
  const block = common.Block.deserializeBinary(bytes);
  const header = block.getHeader() ?? new common.BlockHeader();
  const envelopes = block.getData()?.getDataList_asU8() ?? [];
  const metadata = block.getMetadata()?.getMetadataList_asU8() ?? [];
  const codes = metadata[common.BlockMetadataIndex.TRANSACTIONS_FILTER];
  const headerBytes = blockHeaderBytes(header);
  return {
    number: BigInt(header.getNumber()),
    previousHash: header.getPreviousHash_asU8(),
    dataHash: header.getDataHash_asU8(),
    actualDataHash: sha256(...envelopes),
    headerBytes,
    headerHash: sha256(headerBytes),
    ...decodeSignatures(metadata[common.BlockMetadataIndex.SIGNATURES]),
    transactions: envelopes.map((envelope, index) =>
      decodeTransaction(envelope, codes?.[index] ?? peer.TxValidationCode.NOT_VALIDATED),
    ),
  };
}

function decodeSignatures(bytes: Uint8Array | undefined): Pick<Block, 'signedValue' | 'signatures'> {
  const metadata = common.Metadata.deserializeBinary(bytes ?? new Uint8Array());
  return {
    signedValue: metadata.getValue_asU8(),
    signatures: metadata.getSignaturesList().map((signature) => {
      const identifierHeader = signature.getIdentifierHeader_asU8();
      const hasIdentifier = signature.getSignatureHeader_asU8().length === 0 && identifierHeader.length > 0;
      return {
        ...(hasIdentifier
          ? { consenterId: common.IdentifierHeader.deserializeBinary(identifierHeader).getIdentifier() }
          : {}),
        headerBytes: hasIdentifier ? identifierHeader : signature.getSignatureHeader_asU8(),
        signature: signature.getSignature_asU8(),
      };
    }),
  };
}

export function blockHeaderBytes(header: common.BlockHeader): Buffer {
  return derElement(
    TAG_SEQUENCE,
    Buffer.concat([
      derInteger(BigInt(header.getNumber())),
      derElement(TAG_OCTET_STRING, header.getPreviousHash_asU8()),
      derElement(TAG_OCTET_STRING, header.getDataHash_asU8()),
    ]),
  );
}

function derInteger(value: bigint): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  const looksNegative = (bytes[0] ?? 0) >= 0x80;
  return derElement(TAG_INTEGER, looksNegative ? Buffer.concat([Buffer.of(0), bytes]) : bytes);
}

/** Short form: header fields are a number and two hashes. */
function derElement(tag: number, content: Uint8Array): Buffer {
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  return Buffer.concat([Buffer.of(tag, 0x82, content.length >> 8, content.length & 0xff), content]);
}
