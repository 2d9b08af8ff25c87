// careledger verify, and what it needs first: without --from, the evidence is exported into a folder that is kept, so
// that the next check fetches only what is new. Verifier and gateway know nothing of one another; they meet in files.
import { join } from 'node:path';
import { main as exportMain } from '../../gateway/dist/command/export.js';
import { main as verifyMain } from '../../verifier/dist/command/verify.js';
import { ROOT } from './bootstrap.mjs';

/** Options of the export, each with a value; the others are the verifier's. */
const SOURCE_OPTIONS = ['--hospital', '--home', '--cert', '--key', '--gateway', '--token'];

const USAGE = `usage: careledger verify query|ceremony ID [options]

Without --from, what is needed is fetched first: --hospital H or --gateway URL --token T, as 'careledger export' takes
them, into --to DIR (default .careledger/audit).

`;

/** @returns the exit code */
export async function main(args) {
  if (args.includes('--help')) process.stdout.write(USAGE);
  if (args.includes('--from') || args.includes('--help')) return verifyMain(args);
  const { source, rest, folder } = split(args);
  if (source.length === 0) {
    process.stderr.write(USAGE);
    return verifyMain(args);
  }
  const [kind = '', id = ''] = rest;
  const what = kind === 'query' ? ['query', id] : ['blocks'];
  const code = await exportMain([...what, '--to', folder, ...source]);
  return code === 0 ? verifyMain([...rest, '--from', folder]) : code;
}

function split(args) {
  const source = [];
  const rest = [];
  let folder = join(ROOT, '.careledger', 'audit');
  for (let at = 0; at < args.length; at += 1) {
    const [name, inline] = args[at].split(/=(.*)/s, 2);
    const takesValue = name === '--to' || SOURCE_OPTIONS.includes(name);
    if (!takesValue) {
      rest.push(args[at]);
      continue;
    }
    const value = inline ?? args[(at += 1)] ?? '';
    if (name === '--to') folder = value;
    else source.push(name, value);
  }
  return { source, rest, folder };
}
