import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { decodeBlock } from '@careledger/gateway/adapters';
import { blockDataHashOf } from '../support/block-data-hash.js';
import { makeConsortium, MSP_IDS, type EmbeddedConsortium } from '../support/embedded-consortium.js';
import { enrolPerson } from '../support/identities.js';
import { take } from '../support/scenario.js';
import { SCRATCH_CONTRACTS } from '../support/scratch-contract.js';

const WRITER = fileURLToPath(new URL('../support/crash-writer.js', import.meta.url));
const ROUNDS = 4;

describe('embedded ledger: SIGKILL under load', function () {
  this.timeout(60_000);
  let consortium: EmbeddedConsortium;
  const acknowledged = new Map<string, string>();

  before(async () => {
    consortium = await makeConsortium();
  });
  after(() => consortium.remove());

  /** Lets the writer run, kills it at a random moment, and keeps what it said was written. */
  async function writeAndKill(round: string): Promise<number> {
    const child = spawn(process.execPath, [WRITER, consortium.directory, round], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<NodeJS.Signals | null>((resolve) =>
      child.once('exit', (_code, signal) => {
        resolve(signal);
      }),
    );
    let count = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const [key = '', txId] = line.split(' ');
      if (txId === undefined) continue;
      // From the first acknowledgement, not from the start: on a busy machine nothing would have been written yet.
      if (count === 0) setTimeout(() => child.kill('SIGKILL'), randomInt(0, 700));
      acknowledged.set(key, txId);
      count += 1;
    }
    expect(await ended).to.equal('SIGKILL');
    return count;
  }

  for (let round = 1; round <= ROUNDS; round += 1) {
    it(`loses no acknowledged write and writes none twice (round ${String(round)})`, async () => {
      const count = await writeAndKill(String(round));
      const caller = await enrolPerson(consortium.authority(MSP_IDS[0]), MSP_IDS[0], 'auditor');
      const ledger = await consortium.open({ contracts: SCRATCH_CONTRACTS });
      try {
        const height = Number(await ledger.height());
        const bytes = await take(height, (signal) => ledger.blocks(caller, 0n, signal));
        const blocks = bytes.map(decodeBlock);
        blocks.forEach((block, index) => {
          const at = `block ${String(index)}`;
          expect(block.number, at).to.equal(BigInt(index));
          if (index > 0)
            expect(Buffer.compare(block.previousHash, blocks[index - 1]!.headerHash), at).to.equal(0);
          expect(Buffer.compare(block.dataHash, blockDataHashOf(bytes[index]!)), at).to.equal(0);
        });
        const transactions = blocks.slice(1).flatMap((block) => block.transactions);
        expect(new Set(transactions.map(({ txId }) => txId)).size).to.equal(transactions.length);
        const events = transactions.flatMap(({ call, txId }) =>
          call?.event === undefined ? [] : [[call.event.name, txId] as const],
        );
        expect(new Set(events.map(([key]) => key)).size).to.equal(events.length);
        const written = new Map(events);
        for (const [key, txId] of acknowledged) expect(written.get(key), key).to.equal(txId);
        const keys = [...acknowledged.keys()];
        const values = await ledger.evaluate(caller, 'members', 'Get', {
          steps: keys.map((key) => ({ get: key })),
        });
        expect(values).to.deep.equal(keys);
        for (const [key, txId] of written)
          expect(await ledger.transaction(caller, txId), key).to.include({ code: 'VALID' });
        expect(count).to.be.above(0);
      } finally {
        await ledger.close();
      }
    });
  }

  it('had something to lose', () => {
    expect(acknowledged.size).to.be.above(20);
  });
});
