/**
 * Cuts a stream of chunks of any size into pieces of exactly `pieceBytes`, the last one marked and possibly shorter
 * (empty only when the whole stream is empty). Holds at most one piece and one incoming chunk.
 */
import { joinBytes, assertBytes } from './bytes.js';

export interface Piece {
  readonly bytes: Uint8Array;
  readonly last: boolean;
}

/** First-in first-out bytes without copying whole chunks. */
class ByteQueue {
  private readonly chunks: Uint8Array[] = [];
  sizeBytes = 0;

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.chunks.push(chunk);
    this.sizeBytes += chunk.length;
  }

  take(wantedBytes: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let missing = wantedBytes;
    while (missing > 0) {
      const first = this.chunks[0] as Uint8Array;
      const part = first.subarray(0, missing);
      parts.push(part);
      missing -= part.length;
      if (part.length === first.length) this.chunks.shift();
      else this.chunks[0] = first.subarray(part.length);
    }
    this.sizeBytes -= wantedBytes;
    return parts.length === 1 ? (parts[0] as Uint8Array) : joinBytes(parts);
  }
}

/**
 * @param firstBytes size of the first piece when it differs (a file header); must be present in full or becomes last
 */
export async function* cutPieces(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  pieceBytes: number,
  firstBytes: number = pieceBytes,
): AsyncGenerator<Piece> {
  const queue = new ByteQueue();
  let wanted = firstBytes;
  for await (const chunk of source) {
    assertBytes('chunk', chunk);
    queue.push(chunk);
    while (queue.sizeBytes > wanted) {
      yield { bytes: queue.take(wanted), last: false };
      wanted = pieceBytes;
    }
  }
  yield { bytes: queue.take(queue.sizeBytes), last: true };
}
