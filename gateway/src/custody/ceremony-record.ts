/** What the custody keeps of a ceremony between two steps, as one sealed file: all of it changes at once or not at all. */
import { assertCborMap, decodeCbor, encodeCbor, type CborValue } from '@careledger/crypto';
import type { CeremonyPart } from '../ports/ceremony-custody.js';
import type { KindResult } from './ceremony-kinds.js';

export interface CeremonyRecord extends CeremonyPart {
  /** Of the machine; secret. */
  readonly state: Uint8Array;
  /** Secret. */
  readonly share?: NonNullable<KindResult['share']>;
  /** Sealed messages by round, then by recipient: of this round, and of the one before for who is behind. */
  readonly outbox: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>>;
}

const VERSION = 2;
/** Far above what a batch of candidates of a 4096-bit key takes among ten. */
const MAX_RECORD_BYTES = 256 * 1_048_576;

export function encodeCeremonyRecord({ state, outbox, ...texts }: CeremonyRecord): Uint8Array {
  return encodeCbor({
    version: VERSION,
    state,
    outbox: outbox as CborValue,
    texts: JSON.stringify(texts),
  });
}

/** @throws CryptoError, TypeError: the file was sealed here, so anything but such a record is a defect */
export function decodeCeremonyRecord(bytes: Uint8Array): CeremonyRecord {
  const fields = ['version', 'state', 'outbox', 'texts'];
  const map = assertCborMap('ceremony', decodeCbor(bytes, MAX_RECORD_BYTES), fields);
  const { version, state, outbox, texts } = map;
  if (version !== VERSION || typeof texts !== 'string' || !(state instanceof Uint8Array))
    throw new TypeError('a ceremony record of another version');
  return {
    ...(JSON.parse(texts) as Omit<CeremonyRecord, 'state' | 'outbox'>),
    outbox: outbox as unknown as CeremonyRecord['outbox'],
    state,
  };
}
