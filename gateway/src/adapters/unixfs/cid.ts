import { CareLedgerError } from '@careledger/protocol';
import { CID } from 'multiformats/cid';
import { sha256 } from '../fabric-protocol/bytes.js';

const SHA2_256 = 0x12;
const RAW = 0x55;
const DAG_PB = 0x70;

/**
 * A CID as this project makes them: version 1, SHA2-256, raw or dag-pb, lower-case base32. Others are refused even
 * where IPFS would read them: an identity CID carries its bytes itself, and another spelling names the same bytes
 * under a second name.
 * @throws CareLedgerError CID_INVALID
 */
export function parseCid(text: string): CID {
  const cid = tryParse(text);
  const isOurs =
    cid?.version === 1 &&
    cid.multihash.code === SHA2_256 &&
    cid.multihash.digest.length === 32 &&
    (cid.code === RAW || cid.code === DAG_PB) &&
    cid.toString() === text;
  if (!isOurs) throw new CareLedgerError('CID_INVALID', { came: `${String(text.length)} characters` });
  return cid;
}

/** @throws CareLedgerError CID_MISMATCH when the bytes are not those the CID names. */
export function assertBlock(cid: CID, bytes: Uint8Array): void {
  if (cid.multihash.code === SHA2_256 && sha256(bytes).equals(cid.multihash.digest)) return;
  throw new CareLedgerError('CID_MISMATCH', { extensions: { cid: cid.toString() } });
}

function tryParse(text: string): CID | undefined {
  try {
    return CID.parse(text);
  } catch {
    return undefined;
  }
}
