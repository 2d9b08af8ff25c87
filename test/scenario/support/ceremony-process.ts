/** Four hospitals in a process of their own, which says on standard output what they do about the key, until it is there. */
import { startEmbeddedConsortium } from '@careledger/gateway';
import { TEST_KEY } from './consortium.js';

const [, , dataDir = ''] = process.argv;
const consortium = await startEmbeddedConsortium({
  dataDir,
  ports: 'free',
  aggregation: TEST_KEY,
  log: { level: 'info', stream: { write: (line) => process.stdout.write(line) } },
});
const { contracts, identity } = consortium.gateways[0]!.services;
for (;;) {
  const { items } = await contracts.evaluate(identity, 'ceremonies', 'List', {});
  const [ceremony] = items;
  if (ceremony?.status === 'finished') {
    process.stdout.write(`${JSON.stringify({ msg: 'KEY', ceremony })}\n`);
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
}
await consortium.stop();
