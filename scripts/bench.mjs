// npm run bench:NAME: compiles, then runs bench/NAME.ts. Prints JSON lines on standard output, progress on standard error.
import { join } from 'node:path';
import { bootstrap, run } from './lib/bootstrap.mjs';

const [name = '', ...options] = process.argv.slice(2);
const BENCHMARKS = { ledger: 20 * 60_000, sharing: 30 * 60_000, paillier: 180 * 60_000, proofs: 20 * 60_000 };
if (!Object.hasOwn(BENCHMARKS, name)) {
  console.error(`Which benchmark? One of: ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exit(2);
}
await bootstrap();
await run(process.execPath, [join('bench', 'dist', `${name}.js`), ...options], { limitMs: BENCHMARKS[name] });
