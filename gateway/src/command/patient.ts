/** careledger patient: a patient's own keys in a file, and what is signed with them. */
import { describeLog, wholeLog, type PatientLog } from '@careledger/client';
import { UsageError } from './patient/arguments.js';
import { openPatient, parsed, type Asked, type OptionName, type PatientStreams } from './patient/asked.js';
import { backup, enrol, init } from './patient/enrol-commands.js';
import { inWords } from './patient/errors-in-words.js';
import { grant, grants, renew, revoke, sharing } from './patient/grant-commands.js';
import { cancelRecovery, finishRecovery, recover, recovery, rotate } from './patient/key-commands.js';
import { terminalPrompt } from './patient/passphrase.js';

export type { PatientStreams } from './patient/asked.js';

const USAGE = `usage: careledger patient COMMAND [options]

  init             make a key file: keys of a patient, without a pseudonym yet
  enrol            a pseudonym at a hospital; its staff relay, so --gateway and --token are theirs
    --recoverable          a majority of the hospitals can make the key again when it is lost
    --without-identity     hospital-mediated: no re-encryption, nothing is passed on
    --custody hospital     the hospital keeps this file; its office posts the patient's consent first
    --msp MSP --channel C  default: the hospital of the token, and the channel of network/consortium.yaml
  grant            lets somebody open records
    --to person/MSP/ID | role/MSP/ROLE | member/MSP
    --types laboratory,imaging,...   --purposes treatment,...   --sensitivities normal,restricted,very-restricted
    --days 30  --hops 0  --records ID,...  --department NAME
    --consent FILE         instead of these: a FHIR R4 Consent
    --single-proxy         one hospital's help is enough to open, not a majority's
    --allow-recoverable    also to identities that a majority of hospitals can open
  grants           what is granted now, and what of it waits for renewal
  renew GRANT      puts a grant in force again that waits for renewal
  revoke GRANT     ends a grant and all that was passed on under it; others of the same types are renewed at once
  sharing [TAG open|closed]   shows, closes or opens: imaging is every sensitivity of it, imaging/normal that one
    --no-renew             with revoke and sharing: other grants wait until you renew them
  log [--json]     who opened what, through whom, when, what for, and what was done
  backup           what to keep, and what a loss means
  rotate           new keys in place of the present ones; grants that live on are renewed afterwards
  recovery         whether somebody asks for these keys to be replaced as lost
  cancel-recovery  these keys are not lost: ends that
  recover PSEUDONYM   new keys for a pseudonym whose file is lost, if it was enrolled with --recoverable; prints what
                   an officer of a hospital needs, who has to see who you are
    --gateway URL --msp MSP --channel C  of the hospital where the pseudonym is enrolled
  finish-recovery  after the waiting time: registers the new key, and has the lost one made again

  --keys FILE      the key file (default careledger-patient.json)
  --pseudonym P    which of the file's; needed when it has more than one
  --passphrase-file FILE, or CARELEDGER_PASSPHRASE; asked for at the terminal otherwise
  --gateway URL --token T   with enrol (CARELEDGER_TOKEN keeps the token out of the list of processes)

exit code          0, or 1 when it failed, 2 for wrong usage
`;

interface Command {
  readonly run: (asked: Asked) => Promise<void>;
  /** Names of the words after it; those in brackets may be left out. */
  readonly words?: readonly string[];
  /** Options besides those of every command. */
  readonly takes?: readonly OptionName[];
  /** Leaves the key file as it is, and need not have it to itself. */
  readonly reads?: true;
}

const OF_EVERY_COMMAND: readonly OptionName[] = ['keys', 'pseudonym', 'passphrase-file', 'help'];
const OF_EDGES = ['single-proxy', 'allow-recoverable'] as const;
const OF_A_HOSPITAL = ['gateway', 'msp', 'channel', 'custody'] as const;
const OF_A_GRANT = [
  ...(['to', 'types', 'purposes', 'sensitivities', 'days', 'hops', 'records', 'department'] as const),
  'consent',
] as const;

const COMMANDS: Readonly<Record<string, Command>> = {
  init: { run: init },
  enrol: { run: enrol, takes: [...OF_A_HOSPITAL, 'token', 'recoverable', 'without-identity'] },
  grant: { run: grant, takes: [...OF_A_GRANT, ...OF_EDGES] },
  grants: { run: grants, reads: true },
  renew: { run: renew, words: ['GRANT'], takes: OF_EDGES },
  revoke: { run: revoke, words: ['GRANT'], takes: ['no-renew'] },
  sharing: { run: sharing, words: ['[TAG]', '[open|closed]'], takes: ['no-renew'] },
  log: { run: log, takes: ['json'], reads: true },
  backup: { run: backup, reads: true },
  rotate: { run: rotate },
  recovery: { run: recovery, reads: true },
  'cancel-recovery': { run: cancelRecovery },
  recover: { run: recover, words: ['PSEUDONYM'], takes: OF_A_HOSPITAL },
  'finish-recovery': { run: finishRecovery },
};

/** @returns the exit code */
export async function main(
  args: readonly string[],
  streams: PatientStreams = processStreams(),
): Promise<number> {
  const releases: (() => void)[] = [];
  try {
    return await dispatched(args, streams, (release) => void releases.push(release));
  } catch (error) {
    streams.err.write(`${inWords(error)}\n`);
    return error instanceof UsageError ? 2 : 1;
  } finally {
    for (const release of releases) release();
  }
}

async function dispatched(
  args: readonly string[],
  streams: PatientStreams,
  atEnd: Asked['atEnd'],
): Promise<number> {
  const { values, given, positionals } = parsed(args);
  const [name, ...words] = positionals;
  if (values.help || name === undefined) {
    (values.help ? streams.out : streams.err).write(USAGE);
    return values.help ? 0 : 2;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined)
    throw new UsageError(
      `careledger patient has no command '${name}', only ${Object.keys(COMMANDS).join(', ')}. careledger patient --help says more.`,
    );
  assertTakes(name, command, { given, words });
  const say = (line: string): void => {
    streams.out.write(`${line}\n`);
  };
  await command.run({ values, given, words, streams, say, atEnd, writes: command.reads === undefined });
  return 0;
}

/** What a command would leave unread is refused: whoever typed it expects it to be done. @throws UsageError */
function assertTakes(
  name: string,
  { words: names = [], takes = [] }: Command,
  { given, words }: Pick<Asked, 'given' | 'words'>,
): void {
  const needed = names.filter((word) => !word.startsWith('[')).length;
  if (words.length < needed || words.length > names.length)
    throw new UsageError(`usage: careledger patient ${[name, ...names].join(' ')} [options]`);
  const stranger = given.find((option) => ![...OF_EVERY_COMMAND, ...takes].includes(option));
  if (stranger !== undefined)
    throw new UsageError(`careledger patient ${name} takes no --${stranger}: nothing was done.`);
}

function processStreams(): PatientStreams {
  const { stdout: out, stderr: err, env: environment } = process;
  const ask = terminalPrompt();
  return { out, err, environment, ...(ask === undefined ? {} : { ask }) };
}

async function log(asked: Asked): Promise<void> {
  const patient = await openPatient(asked);
  const first = await patient.log();
  const pages: [PatientLog, ...PatientLog[]] = [first];
  for (let { next } = first; next !== undefined;) {
    const page = await patient.log({ next });
    pages.push(page);
    next = page.next;
  }
  for (const line of asked.values.json
    ? pages.map((page) => JSON.stringify(page))
    : describeLog(wholeLog(pages)))
    asked.say(line);
}
