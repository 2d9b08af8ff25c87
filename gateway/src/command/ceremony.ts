/** careledger ceremony: starts, watches and resumes the making of the consortium's keys, through one hospital's gateway. */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { bytesToHex, randomBytes } from '@careledger/crypto';
import { CEREMONY_SCHEMES, CareLedgerError } from '@careledger/protocol';
import type { CeremonyProgressReport } from '../ceremony/ceremony-progress.js';
import { ceremonyLine, ceremonyText } from '../ceremony/ceremony-text.js';
import { openGateway, type AccessOptions, type GatewayAccess } from './ceremony/gateway-access.js';

const USAGE = `usage: careledger ceremony start|status|resume|abandon [options]

  start            make a key of the consortium among its active members, and follow it
    --redistribute   share the key that there is anew: a member came or left
    --holders A,B,C  MSP ids of those who will hold a share (default: every active member)
  status           of both keys: how far it is, who is awaited, who was named
  resume           give the present attempt up for a new one: it stands still, or the ceremony failed
  abandon          end the ceremony without a key, so that another may start

  --scheme S       with start, resume and abandon: paillier, the key of statistics (default), or identity, the
                   master key of identities
  --detach         with start and resume: do not follow; the gateways go on by themselves anyway
  --json           with status: as the gateway tells it

WHERE is one of
  --hospital h1 [--home DIR | --data DIR]
                   a hospital of this machine, as its administrator: of the network in --home, or of the embedded
                   consortium (npm start) in --data; default: the first one that is found
  --gateway URL --token T
                   any gateway, with a token of an administrator; status needs anybody's
                   (CARELEDGER_TOKEN in the place of --token keeps it out of the list of processes)

exit code          0, or 1 when it failed, 2 for wrong usage, 3 from status when no ceremony was ever started
`;

const OPTIONS = {
  redistribute: { type: 'boolean', default: false },
  scheme: { type: 'string', default: 'paillier' },
  holders: { type: 'string' },
  detach: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  hospital: { type: 'string' },
  home: { type: 'string' },
  data: { type: 'string' },
  gateway: { type: 'string' },
  token: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}
interface Streams {
  readonly out: Output;
  readonly err: Output;
}

interface Values extends AccessOptions {
  readonly redistribute: boolean;
  readonly scheme: string;
  readonly holders?: string | undefined;
  readonly detach: boolean;
  readonly json: boolean;
  readonly help: boolean;
}

interface Asked {
  readonly access: GatewayAccess;
  readonly values: Values;
  readonly out: Output;
}

/** @returns the exit code */
type Handler = (asked: Asked) => Promise<number>;

const HANDLERS: Readonly<Record<string, Handler>> = { start, status, resume, abandon };
const NO_CEREMONY = 3;

/** @returns the exit code */
export async function main(
  args: readonly string[],
  { out, err }: Streams = { out: process.stdout, err: process.stderr },
): Promise<number> {
  const request = requestOf(args);
  if (typeof request === 'string') (request === 'help' ? out : err).write(USAGE);
  if (typeof request === 'string') return request === 'help' ? 0 : 2;
  try {
    const { handler, values } = request;
    return await handler({ access: await openGateway(values), values, out });
  } catch (error) {
    err.write(`${inWords(error)}\n`);
    return 1;
  }
}

function requestOf(
  args: readonly string[],
): { readonly handler: Handler; readonly values: Values } | 'help' | 'wrong' {
  const parsed = parsedArgs(args);
  if (parsed === undefined) return 'wrong';
  const { values, positionals } = parsed;
  if (values.help) return 'help';
  const [name = ''] = positionals;
  const handler = Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined;
  const schemes: readonly string[] = CEREMONY_SCHEMES;
  const isRight = handler !== undefined && positionals.length === 1 && schemes.includes(values.scheme);
  return isRight ? { handler, values } : 'wrong';
}

function parsedArgs(args: readonly string[]): { values: Values; positionals: string[] } | undefined {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch {
    return undefined;
  }
}

/** The code, what happened, and what to do; or that nobody answers. */
function inWords(error: unknown): string {
  if (error instanceof CareLedgerError) return `${error.code}: ${error.message}\n${error.entry.action}`;
  if (error instanceof TypeError && error.message === 'fetch failed')
    return 'The gateway does not answer. See: npm run network -- status';
  return error instanceof Error ? error.message : String(error);
}

async function start(asked: Asked): Promise<number> {
  const { access, values, out } = asked;
  const ceremonyId = bytesToHex(randomBytes(16));
  const body = {
    ceremonyId,
    scheme: values.scheme,
    purpose: values.redistribute ? 'redistribute' : 'generate',
    ...(values.holders === undefined ? {} : { holders: values.holders.split(',') }),
  };
  await access.client.post('/v1/ceremonies', body, { token: access.token });
  out.write(`Started ceremony ${ceremonyId}.\n`);
  return values.detach ? 0 : follow(asked, ceremonyId);
}

async function status({ access, values, out }: Asked): Promise<number> {
  const reports = await listed(access);
  if (values.json) out.write(`${JSON.stringify(reports, undefined, 2)}\n`);
  else if (reports.length === 0) out.write('No ceremony was started yet.\n');
  else out.write(`${reports.map(ceremonyText).join('\n')}\n`);
  return reports.length === 0 ? NO_CEREMONY : 0;
}

async function resume(asked: Asked): Promise<number> {
  const { access, values, out } = asked;
  const { ceremony } = await last(asked);
  const { ceremonyId, attempt } = ceremony;
  await access.client.post(`/v1/ceremonies/${ceremonyId}/resumptions`, { attempt }, { token: access.token });
  out.write(`Attempt ${attempt} is given up; attempt ${attempt + 1} begins.\n`);
  return values.detach ? 0 : follow(asked, ceremonyId);
}

async function abandon(asked: Asked): Promise<number> {
  const { access, out } = asked;
  const { ceremonyId } = (await last(asked)).ceremony;
  await access.client.post(`/v1/ceremonies/${ceremonyId}/abandonments`, undefined, { token: access.token });
  out.write(`Ceremony ${ceremonyId} has ended without a key.\n`);
  return 0;
}

async function listed({ client, token }: GatewayAccess): Promise<CeremonyProgressReport[]> {
  return ((await client.get('/v1/ceremonies', token)) as { items: CeremonyProgressReport[] }).items;
}

/** Of the scheme, the one that has not ended, or the latest. @throws CareLedgerError CEREMONY_NOT_FOUND */
async function last({ access, values }: Asked): Promise<CeremonyProgressReport> {
  const reports = (await listed(access)).filter(({ ceremony: { scheme } }) => scheme === values.scheme);
  const open = reports.find(({ ceremony: { status: is } }) => is === 'joining' || is === 'running');
  const latest = [...reports].sort((left, right) =>
    left.ceremony.startedAt < right.ceremony.startedAt ? 1 : -1,
  )[0];
  const found = open ?? latest;
  if (found === undefined) throw new CareLedgerError('CEREMONY_NOT_FOUND', { came: 'none was started yet' });
  return found;
}

const POLL_MS = 500;
const LINE_EVERY_MS = 10_000;

/** Until it has ended. */
async function follow({ access, out }: Asked, ceremonyId: string): Promise<number> {
  const show = lineShower(out);
  for (;;) {
    const path = `/v1/ceremonies/${ceremonyId}`;
    const report = (await access.client.get(path, access.token)) as CeremonyProgressReport;
    show(ceremonyLine(report));
    const { status: is } = report.ceremony;
    if (is === 'finished' || is === 'failed') {
      if (out.isTTY === true) out.write('\n');
      return is === 'finished' ? 0 : 1;
    }
    await pause(POLL_MS);
  }
}

/** A line that is rewritten on a terminal; elsewhere one whenever the step changes, and every few seconds. */
function lineShower(out: Output): (line: string) => void {
  let shown = '';
  let shownAtMs = Number.NEGATIVE_INFINITY;
  const withoutFigures = (line: string): string => line.replace(/\d+/g, '');
  return (line) => {
    if (line === shown) return;
    const isNew = withoutFigures(line) !== withoutFigures(shown);
    const isTerminal = out.isTTY === true;
    if (!isTerminal && !isNew && performance.now() - shownAtMs < LINE_EVERY_MS) return;
    out.write(isTerminal ? `\r\u001b[K${line}` : `${line}\n`);
    shown = line;
    shownAtMs = performance.now();
  };
}
