import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CareLedgerError } from '@careledger/protocol';

/** The disk under a gateway's tables. */
export interface Disk {
  /** @throws CareLedgerError DISK_NOT_WRITABLE with the file system's code */
  assertWritable(): void;
}

const PROBE = '.writable';
/** More than what a file system keeps within the entry of a file. */
const PROBE_BYTES = 8_192;
/** Whoever asks more often hears of the last look: /readyz is public, and a look writes. */
const LOOK_EVERY_MS = 1_000;

export function createDisk(dataDir: string, now: () => number = () => performance.now()): Disk {
  let lookedAtMs = -Infinity;
  let wrong: string | undefined;
  return {
    assertWritable() {
      if (now() - lookedAtMs >= LOOK_EVERY_MS) {
        wrong = whatIsWrong(dataDir);
        lookedAtMs = now();
      }
      if (wrong !== undefined)
        throw new CareLedgerError('DISK_NOT_WRITABLE', {
          expected: 'a disk with room to write',
          came: wrong,
        });
    },
  };
}

function whatIsWrong(dataDir: string): string | undefined {
  try {
    writeProbe(dataDir);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'another failure';
  }
}

/** Writes a little and takes it away. @throws what the file system says, with its code */
export function writeProbe(dataDir: string): void {
  const path = join(dataDir, PROBE);
  try {
    writeFileSync(path, new Uint8Array(PROBE_BYTES), { mode: 0o600, flush: true });
  } finally {
    rmSync(path, { force: true });
  }
}
