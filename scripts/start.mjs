// npm start: install and compile what is missing, then run the demonstration (gateway/src/start.ts).
//   npm start                               four hospitals in one process; stays up
//   npm start -- --once                     load, compare statistics, exit
//   npm start -- --ledger fabric --once     the same on the network that `npm run network -- up` started
import { bootstrap } from './lib/bootstrap.mjs';

try {
  await bootstrap();
  const { main } = await import('../gateway/dist/start.js');
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
