/**
 * careledger verify: an auditor's check on an exported folder. It opens no connection but to a record store that it is
 * given, and believes nobody.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { common } from '@hyperledger/fabric-protos';
import { verifyRowAudit } from '../audit/verify-row-audit.js';
import { verifyCeremony } from '../ceremony/verify-ceremony.js';
import { blockHeaderBytes } from '../ledger/block.js';
import { readBlockFolder } from '../ledger/block-folder.js';
import { replayLedger, type Replay } from '../ledger/replay.js';
import { verifyQuery } from '../query/verify-query.js';
import { folderRecords, kuboRecords, type RecordSource } from '../records/record-source.js';
import { reportText, type Report } from '../report/text.js';

export const VERIFY_USAGE = `usage: careledger verify query ID --from DIR [options]
       careledger verify ceremony ID --from DIR [options]
       careledger verify panel ID --audit FILE --from DIR [options]

  query ID         re-derives a query's result from the blocks, every proof included
  ceremony ID      who made the key: digests posted, faults named, acceptance by every holder
  panel ID         the rows that its hospital proved to be well-formed are those that it anchored

  --from DIR       what 'careledger export' wrote: DIR/blocks and DIR/records
  --opening FILE   a hospital's opening of its contribution; re-derives it from its anchored rows (repeatable)
  --audit FILE     a hospital's answer to an audit of rows; --asked FILE the request that it answers
  --records WHERE  where rows come from instead of DIR/records: a Kubo node's RPC URL, or a folder of files by CID
  --genesis WHAT   block 0 that you expect: its hash, or a file of the block that you had before
  --json           the report as JSON

  exit code        0 everything verifies, 1 something does not, 2 wrong usage
`;

const OPTIONS = {
  from: { type: 'string' },
  opening: { type: 'string', multiple: true, default: [] as string[] },
  audit: { type: 'string' },
  asked: { type: 'string' },
  records: { type: 'string' },
  genesis: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

const KINDS = ['query', 'ceremony', 'panel'];

interface Request {
  readonly kind: string;
  readonly id: string;
  readonly from: string;
  readonly openings: readonly string[];
  readonly audit: string | undefined;
  readonly asked: string | undefined;
  readonly records: string | undefined;
  readonly genesis: string | undefined;
  readonly isJson: boolean;
}

interface Output {
  write(text: string): unknown;
}

/**
 * @param streams default those of the process
 * @returns the exit code
 */
export async function main(
  args: readonly string[],
  { out, err }: { readonly out: Output; readonly err: Output } = { out: process.stdout, err: process.stderr },
): Promise<number> {
  const request = requestOf(args);
  if (typeof request === 'string') (request === 'help' ? out : err).write(VERIFY_USAGE);
  if (typeof request === 'string') return request === 'help' ? 0 : 2;
  const report = await reportOn(request);
  const text = request.isJson ? JSON.stringify(report, undefined, 2) : reportText(report);
  out.write(`${text}\n`);
  return report.findings.length === 0 ? 0 : 1;
}

function requestOf(args: readonly string[]): Request | 'help' | 'wrong' {
  const parsed = parsedArgs(args);
  if (parsed === undefined) return 'wrong';
  const { values, positionals } = parsed;
  if (values.help) return 'help';
  const [kind = '', id = ''] = positionals;
  const { from, opening: openings, audit, asked, records, genesis, json: isJson } = values;
  const isWhole = positionals.length === 2 && from !== undefined;
  if (!isWhole || !KINDS.includes(kind) || (kind === 'panel') !== (audit !== undefined)) return 'wrong';
  return { kind, id, from, openings, audit, asked, records, genesis, isJson };
}

function parsedArgs(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch {
    return undefined;
  }
}

async function reportOn({ kind, id, from, genesis, ...request }: Request): Promise<Report> {
  const genesisHash = genesis === undefined ? {} : { genesisHash: await hashOfGenesis(genesis) };
  const replay: Replay = await replayLedger(readBlockFolder(join(from, 'blocks')), genesisHash);
  if (kind === 'ceremony') return verifyCeremony(replay, id);
  const records = sourceOf(request.records ?? join(from, 'records'));
  if (kind === 'panel') {
    const audit = await readJson(request.audit);
    const asked = request.asked === undefined ? {} : { asked: await readJson(request.asked) };
    return verifyRowAudit(replay, id, { audit, ...asked, records });
  }
  return verifyQuery(replay, id, { openings: await Promise.all(request.openings.map(readJson)), records });
}

function sourceOf(where: string): RecordSource {
  return /^https?:\/\//.test(where) ? kuboRecords(where) : folderRecords(where);
}

/** A hash, or the file of a block. */
async function hashOfGenesis(what: string): Promise<string> {
  if (/^[0-9a-f]{64}$/.test(what)) return what;
  const header = common.Block.deserializeBinary(await readFile(what)).getHeader() ?? new common.BlockHeader();
  return createHash('sha256').update(blockHeaderBytes(header)).digest('hex');
}

async function readJson(file = ''): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch (cause) {
    throw new Error(`${file} cannot be read as JSON.`, { cause });
  }
}
