#!/usr/bin/env node
// careledger COMMAND: the commands of a consortium that runs. Each lives in the package it belongs to and exports
// `main(args)`, which prints its own --help and returns the exit code.
//   npx careledger ceremony status --hospital h1
//   npm run careledger -- ceremony status --hospital h1
import { bootstrap } from './lib/bootstrap.mjs';

const COMMANDS = {
  ceremony: {
    summary: 'make the key of the consortium among its hospitals, or share it anew',
    load: () => import('../gateway/dist/command/ceremony.js'),
  },
  export: {
    summary: 'take blocks and panels away, to check them elsewhere',
    load: () => import('../gateway/dist/command/export.js'),
  },
  patient: {
    summary: 'keys of a patient in a file, and grants, revocations and the log with them',
    load: () => import('../gateway/dist/command/patient.js'),
  },
  verify: {
    summary: 'derive a query or a ceremony again from the ledger, trusting no gateway',
    load: () => import('./lib/verify.mjs'),
  },
};

function usage() {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`);
  return `usage: careledger COMMAND [options]\n\n${lines.join('\n')}\n\ncareledger COMMAND --help says more.\n`;
}

const [name, ...args] = process.argv.slice(2);
const asked = name === '--help' || name === 'help';
if (name === undefined || !Object.hasOwn(COMMANDS, name)) {
  if (name !== undefined && !asked) console.error(`careledger has no command '${name}'.`);
  (asked ? process.stdout : process.stderr).write(usage());
  process.exit(asked ? 0 : 2);
}
// A reader that left early ('| head') is no error of ours.
process.stdout.on('error', () => process.exit());
try {
  await bootstrap();
  const { main } = await COMMANDS[name].load();
  process.exitCode = await main(args);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
