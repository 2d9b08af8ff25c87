import { parseArgs } from 'node:util';
import { Supervisor } from './supervisor.js';

/** The supervisor process of one hospital; its standard output is its log. */
const { values } = parseArgs({ options: { home: { type: 'string' }, hospital: { type: 'string' } } });
if (values.home === undefined || values.hospital === undefined) {
  throw new Error('usage: supervisor-main.js --home DIR --hospital ID');
}
const supervisor = new Supervisor(values.home, values.hospital, (text) => {
  console.log(`${new Date().toISOString()} ${text}`);
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    supervisor.stop();
  });
}
await supervisor.run();
