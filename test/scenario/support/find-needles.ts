/**
 * Which of many byte strings occur in a buffer, in one pass: every needle has at least 12 bytes, so each occurrence covers
 * four bytes that begin at a multiple of 8. Those four are looked up among the first eight four-byte pieces of every
 * needle; only a hit is compared in full.
 */
const STRIDE_BYTES = 8;
const PIECE_BYTES = 4;
export const MIN_NEEDLE_BYTES = STRIDE_BYTES + PIECE_BYTES;
const FILTER_BITS = 22;

interface Place<Needle> {
  readonly needle: Needle;
  /** Where in the needle the piece lies. */
  readonly offset: number;
}

/** Spreads a piece over the filter (Knuth's multiplicative hash). */
function slotOf(piece: number): number {
  return Math.imul(piece, 0x9e3779b1) >>> (32 - FILTER_BITS);
}

/** Words in this machine's byte order, of a copy when the buffer does not begin at a multiple of four. */
function wordsOf(bytes: Buffer): Uint32Array {
  const aligned = bytes.byteOffset % PIECE_BYTES === 0 ? bytes : new Uint8Array(bytes);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, Math.floor(bytes.length / PIECE_BYTES));
}

export function createFinder<Needle extends { readonly bytes: Buffer }>(
  needles: readonly Needle[],
): (bytes: Buffer) => Set<Needle> {
  const filter = new Uint8Array(2 ** FILTER_BITS);
  const places = new Map<number, Place<Needle>[]>();
  for (const needle of needles) {
    if (needle.bytes.length < MIN_NEEDLE_BYTES)
      throw new RangeError(`a needle of ${String(needle.bytes.length)} bytes`);
    for (let offset = 0; offset < STRIDE_BYTES; offset++) {
      const [piece = 0] = new Uint32Array(
        new Uint8Array(needle.bytes.subarray(offset, offset + PIECE_BYTES)).buffer,
      );
      filter[slotOf(piece)] = 1;
      places.set(piece, [...(places.get(piece) ?? []), { needle, offset }]);
    }
  }

  return (bytes) => {
    const found = new Set<Needle>();
    const words = wordsOf(bytes);
    for (let index = 0; index < words.length; index += STRIDE_BYTES / PIECE_BYTES) {
      const piece = words[index] ?? 0;
      if (filter[slotOf(piece)] === 0) continue;
      for (const { needle, offset } of places.get(piece) ?? []) {
        const start = index * PIECE_BYTES - offset;
        if (start < 0 || found.has(needle)) continue;
        if (needle.bytes.equals(bytes.subarray(start, start + needle.bytes.length))) found.add(needle);
      }
    }
    return found;
  };
}
