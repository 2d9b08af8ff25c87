import type { ClassicLevel } from 'classic-level';
import type { GatewayModules } from '@careledger/gateway';

/**
 * Flips one bit of a block in every embedded store that has it, behind the store's back, as a failing disk would.
 * @returns how many copies were changed; throws when there was none.
 */
export async function corruptStoredBlocks(
  stores: readonly GatewayModules['store'][],
  cid: string,
): Promise<void> {
  let changed = 0;
  for (const store of stores) {
    const { db } = store as unknown as { readonly db: ClassicLevel<string, Uint8Array> };
    const block = await db.get(`block/${cid}`);
    if (block === undefined) continue;
    const flipped = Uint8Array.from(block);
    const middle = Math.floor(flipped.length / 2);
    flipped[middle] = flipped[middle]! ^ 1;
    await db.put(`block/${cid}`, flipped);
    changed += 1;
  }
  if (changed === 0) throw new Error(`no store has the block ${cid}`);
}
