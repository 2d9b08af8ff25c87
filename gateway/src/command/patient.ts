/** careledger patient: a patient's own keys in a file, and what is signed with them. */
import { existsSync } from 'node:fs';
import {
  Connection,
  describeLog,
  enrol as enrolPseudonym,
  lossInWords,
  makePatientKeys,
  preparePseudonym,
  pseudonymKeys,
  type NewPseudonym,
} from '@careledger/client';
import { writePatientKeys } from '@careledger/client/node';
import { DEFAULT_TOPOLOGY_FILE, loadTopology } from '@careledger/network';
import { decodeJwt } from 'jose';
import { UsageError } from './patient/arguments.js';
import {
  keyFilePath,
  lockKeyFile,
  openFile,
  openPatient,
  parsed,
  passphrase,
  type Asked,
  type PatientStreams,
} from './patient/asked.js';
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

const HANDLERS: Readonly<Record<string, (asked: Asked) => Promise<void>>> = {
  init,
  enrol,
  grant,
  grants,
  renew,
  revoke,
  sharing,
  log,
  backup,
  rotate,
  recovery,
  'cancel-recovery': cancelRecovery,
  recover,
  'finish-recovery': finishRecovery,
};

/** Commands that leave the key file as it is, and need not have it to themselves. */
const READERS: readonly string[] = ['grants', 'log', 'backup', 'recovery'];

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
  const { values, positionals } = parsed(args);
  const [name = '', ...words] = positionals;
  const handler = Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined;
  if (values.help || handler === undefined) {
    (values.help ? streams.out : streams.err).write(USAGE);
    return values.help ? 0 : 2;
  }
  const say = (line: string): void => {
    streams.out.write(`${line}\n`);
  };
  await handler({ values, words, streams, say, atEnd, writes: !READERS.includes(name) });
  return 0;
}

function processStreams(): PatientStreams {
  const { stdout: out, stderr: err, env: environment } = process;
  const ask = terminalPrompt();
  return { out, err, environment, ...(ask === undefined ? {} : { ask }) };
}

async function init(asked: Asked): Promise<void> {
  const { values, say } = asked;
  const assertAbsent = (): void => {
    if (existsSync(values.keys)) throw new Error(`${values.keys} exists already: it is not replaced.`);
  };
  assertAbsent();
  const secret = await passphrase(asked, true);
  const path = keyFilePath(asked);
  await lockKeyFile(asked, path);
  assertAbsent();
  await writePatientKeys(path, secret, makePatientKeys());
  say(`Keys are in ${values.keys}, protected by the passphrase.`);
  say('Next: careledger patient enrol, at the desk of a hospital.');
}

async function enrol(asked: Asked): Promise<void> {
  const { values, say } = asked;
  const { connection, wanted } = enrolmentFrom(asked);
  const file = await openFile(asked);
  // One that was prepared and did not get through is enrolled again, with the same keys.
  const prepared =
    values.pseudonym === undefined
      ? await preparePseudonym(connection, file.keys, wanted)
      : { keys: file.keys, pseudonym: values.pseudonym };
  await file.save(prepared.keys);
  const own = pseudonymKeys(prepared.keys, prepared.pseudonym);
  if (own.identity !== undefined) say(lossInWords(own.identity.registration.recoverable));
  say(`The file has the keys of pseudonym ${own.pseudonym}. If enrolling fails: again, with --pseudonym.`);
  const { patient, identity } = await enrolPseudonym(connection, prepared.keys, prepared.pseudonym);
  const kept =
    identity === undefined ? 'hospital-mediated' : `own key, in custody of the ${identity.custody}`;
  say(`Enrolled at ${patient.mspId}: ${kept}.`);
  say('Make a copy of the file: careledger patient backup says how.');
}

function enrolmentFrom({ values, streams }: Asked): { connection: Connection; wanted: NewPseudonym } {
  const { gateway, token = streams.environment['CARELEDGER_TOKEN'], recoverable, custody } = values;
  if (gateway === undefined || token === undefined)
    throw new UsageError('enrol needs --gateway and --token (or CARELEDGER_TOKEN) of staff of the hospital.');
  if (custody !== 'patient' && custody !== 'hospital')
    throw new UsageError('--custody takes patient or hospital.');
  return {
    connection: new Connection({ url: gateway.replace(/\/$/, ''), token: () => token }),
    wanted: {
      mspId: values.msp ?? hospitalOfToken(token),
      channel: values.channel ?? loadTopology(DEFAULT_TOPOLOGY_FILE).channel,
      identity: values['without-identity'] ? 'none' : 'own',
      ...{ recoverable, custody },
    },
  };
}

/** Convenience only: the gateway checks the token, and the ledger the hospital. */
function hospitalOfToken(token: string): string {
  try {
    const { iss } = decodeJwt(token);
    if (iss !== undefined) return iss;
  } catch {
    // Told below.
  }
  throw new UsageError('The token does not say which hospital it is of: name it with --msp.');
}

async function log(asked: Asked): Promise<void> {
  const patient = await openPatient(asked);
  let next;
  do {
    const page = await patient.log(next === undefined ? {} : { next });
    for (const line of asked.values.json ? [JSON.stringify(page)] : describeLog(page)) asked.say(line);
    next = page.next;
  } while (next !== undefined);
}

async function backup(asked: Asked): Promise<void> {
  const { keys } = await openFile(asked);
  const { say, values } = asked;
  say(`Copy ${values.keys} to a place that does not burn, drown or go missing with this device.`);
  say('It is useless without its passphrase: keep that apart from it. Copy it again after every enrolment.');
  for (const { pseudonym, mspId, identity } of keys.pseudonyms) {
    const loss =
      identity === undefined ? 'Hospital-mediated.' : lossInWords(identity.registration.recoverable);
    say(`\n${pseudonym} at ${mspId}: ${loss}`);
  }
}
