/** Standard input: modules and globals, as JSON. Standard output: of each module, in a realm of its own, what it exports, or its error's text. */
import { text } from 'node:stream/consumers';
import { browserRealm } from './browser-realm.js';

export interface BrowserJob {
  readonly given: Readonly<Record<string, unknown>>;
  readonly modules: readonly string[];
}
export type BrowserOutcome = { readonly exported: unknown } | { readonly error: string };

const { given, modules } = JSON.parse(await text(process.stdin)) as BrowserJob;
const outcomes: BrowserOutcome[] = [];
for (const module of modules) {
  try {
    outcomes.push({ exported: await browserRealm(given).run(module) });
  } catch (error) {
    outcomes.push({ error: String(error) });
  }
}
process.stdout.write(JSON.stringify(outcomes));
