/**
 * careledger export: what an auditor takes away, to check it where no gateway and no peer is. Nothing of it is believed
 * by `careledger verify`.
 */
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { gatewayConfigFile, readGatewayConfig, resolveHome } from '@careledger/network';
import { fabricEvidence } from '../app/fabric-evidence.js';
import type { EvidenceSource } from './export/evidence-source.js';
import { exportBlocks, exportPanels, panelsOfQuery } from './export/export-folder.js';
import { gatewaySource } from './export/gateway-source.js';

const USAGE = `usage: careledger export blocks --to DIR FROM
       careledger export query ID --to DIR FROM
       careledger export panel ID --to DIR FROM

  blocks           every block of the ledger, into DIR/blocks; goes on where it stopped
  query ID         the blocks, and into DIR/records the panels that the query was computed from
  panel ID         the blocks, and into DIR/records that panel

FROM is one of
  --hospital h1 [--home DIR] [--cert FILE --key FILE]
                   straight from the hospital's own peer and Kubo node on Fabric, with your own certificate
                   (default: the hospital's service certificate); no gateway is asked
  --gateway URL --token T
                   through a gateway, with a token of an auditor, data officer or administrator
                   (CARELEDGER_TOKEN in the place of --token keeps it out of the list of processes)
`;

const OPTIONS = {
  to: { type: 'string' },
  hospital: { type: 'string' },
  home: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  gateway: { type: 'string' },
  token: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;
type Values = NonNullable<ReturnType<typeof parsedArgs>>['values'];

interface Request {
  readonly folder: string;
  readonly what: 'blocks' | 'query' | 'panel';
  /** Of query or panel. */
  readonly id: string;
  readonly open: () => Promise<EvidenceSource>;
}

interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/**
 * @param streams default those of the process; progress goes to `err`, where it does not mix with a report
 * @returns the exit code
 */
export async function main(
  args: readonly string[],
  { out, err }: { readonly out: Output; readonly err: Output } = { out: process.stdout, err: process.stderr },
): Promise<number> {
  const request = requestOf(args);
  if (typeof request === 'string') (request === 'help' ? out : err).write(USAGE);
  if (typeof request === 'string') return request === 'help' ? 0 : 2;
  const source = await request.open();
  try {
    await exportTo(source, request, err);
    return 0;
  } finally {
    await source.close();
  }
}

function requestOf(args: readonly string[]): Request | 'help' | 'wrong' {
  const parsed = parsedArgs(args);
  if (parsed === undefined) return 'wrong';
  const { values, positionals } = parsed;
  if (values.help) return 'help';
  const [what = '', id = ''] = positionals;
  const open = sourceOf(values);
  if (!isKind(what) || values.to === undefined || open === undefined) return 'wrong';
  if (positionals.length !== (what === 'blocks' ? 1 : 2)) return 'wrong';
  return { folder: values.to, open, what, id };
}

function isKind(what: string): what is Request['what'] {
  return ['blocks', 'query', 'panel'].includes(what);
}

function parsedArgs(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch {
    return undefined;
  }
}

async function exportTo(source: EvidenceSource, { folder, what, id }: Request, err: Output): Promise<void> {
  const isTerminal = err.isTTY === true;
  const { height, added } = await exportBlocks(source, folder, (blocks) => {
    if (isTerminal) err.write(`\r${String(blocks)} blocks`);
  });
  const summary = `${String(height)} blocks in ${folder}, ${String(added)} new, from ${source.name}`;
  err.write(`${isTerminal ? '\r' : ''}${summary}\n`);
  if (what === 'blocks') return;
  const panelIds = what === 'panel' ? [id] : await panelsOfQuery(source, id);
  const panels = await exportPanels(source, panelIds, folder);
  err.write(`${String(panels)} new of ${String(panelIds.length)} panels\n`);
}

function sourceOf(values: Values): Request['open'] | undefined {
  const { hospital, gateway, token = process.env['CARELEDGER_TOKEN'] } = values;
  if (gateway !== undefined && token !== undefined)
    return () => Promise.resolve(gatewaySource(gateway, token));
  return hospital === undefined ? undefined : () => hospitalSource(hospital, values);
}

async function hospitalSource(hospitalId: string, { home, cert, key }: Values): Promise<EvidenceSource> {
  const folder = resolveHome(home);
  if (!existsSync(gatewayConfigFile(folder, hospitalId)))
    throw new Error(`No hospital ${hospitalId} was started in ${folder}. Run: npm run network -- up`);
  const files = cert === undefined || key === undefined ? undefined : { certFile: cert, keyFile: key };
  return fabricEvidence(readGatewayConfig(folder, hospitalId), files);
}
