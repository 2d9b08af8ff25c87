/** Four hospitals in a process of their own, which says on standard output what they do about the keys, until both are there. */
import { startEmbeddedConsortium } from '@careledger/gateway';
import { CEREMONY_SCHEMES } from '@careledger/protocol';
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
  if (items.filter(({ status }) => status === 'finished').length === CEREMONY_SCHEMES.length) {
    process.stdout.write(`${JSON.stringify({ msg: 'KEYS', ceremonies: items })}\n`);
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
}
await consortium.stop();
