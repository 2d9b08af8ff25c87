// careledger verify, and what it needs first: without --from, the evidence is exported into a folder that is kept, so
// that the next check fetches only what is new. Verifier and gateway know nothing of one another; they meet in files.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { main as exportMain } from '../../gateway/dist/command/export.js';
import { main as verifyMain } from '../../verifier/dist/command/verify.js';
import { ROOT } from './bootstrap.mjs';

const SOURCE_OPTIONS = ['to', 'hospital', 'home', 'cert', 'key', 'gateway', 'token'];
const CHECK_OPTIONS = ['from', 'opening', 'audit', 'asked', 'records', 'genesis'];
const text = (names) => Object.fromEntries(names.map((name) => [name, { type: 'string' }]));
const OPTIONS = {
  ...text([...SOURCE_OPTIONS, ...CHECK_OPTIONS]),
  json: { type: 'boolean' },
  help: { type: 'boolean' },
};

const USAGE = `usage: careledger verify query|ceremony|panel ID FROM [options]

FROM is --from DIR, or as for 'careledger export': --hospital H, or --gateway URL --token T. Then what is needed is
fetched first, into --to DIR (default .careledger/audit).

`;

/** @returns the exit code */
export async function main(args) {
  const { source, rest, folder, positionals } = split(args);
  if (args.includes('--help')) process.stdout.write(USAGE);
  if (source.length === 0 || args.includes('--help')) return verifyMain(rest);
  const [kind = '', id = ''] = positionals;
  const what = kind === 'ceremony' ? ['blocks'] : [kind, id];
  const code = await exportMain([...what, '--to', folder, ...source]);
  return code === 0 ? verifyMain([...rest, '--from', folder]) : code;
}

/** The export's part of the arguments, and the verifier's. */
function split(args) {
  const source = [];
  const rest = [];
  let folder = join(ROOT, '.careledger', 'audit');
  let parsed;
  try {
    parsed = parseArgs({ args, options: OPTIONS, allowPositionals: true, tokens: true });
  } catch {
    return { source, rest: args, folder, positionals: [] };
  }
  for (const { kind, name, value } of parsed.tokens) {
    const words = kind === 'positional' ? [value] : [`--${name}`, ...(value === undefined ? [] : [value])];
    if (name === 'to') folder = value;
    else if (SOURCE_OPTIONS.includes(name)) source.push(...words);
    else rest.push(...words);
  }
  return { source, rest, folder, positionals: parsed.positionals };
}
