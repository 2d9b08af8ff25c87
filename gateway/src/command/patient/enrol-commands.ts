/** careledger patient: the key file, and the pseudonyms in it. */
import { existsSync } from 'node:fs';
import {
  Connection,
  enrol as enrolPseudonym,
  lossInWords,
  makePatientKeys,
  preparePseudonym,
  pseudonymKeys,
  withPseudonym,
  type NewPseudonym,
  type PatientKeys,
  type PseudonymKeys,
} from '@careledger/client';
import { writePatientKeys } from '@careledger/client/node';
import { DEFAULT_TOPOLOGY_FILE, loadTopology } from '@careledger/network';
import { decodeJwt } from 'jose';
import { UsageError, gatewayFrom } from './arguments.js';
import {
  keyFilePath,
  lockKeyFile,
  openFile,
  passphrase,
  pseudonymLine,
  type Asked,
  type Values,
} from './asked.js';
import { atFile } from './errors-in-words.js';

/** Of crypto's key files. */
const MIN_PASSPHRASE_BYTES = 8;

export async function init(asked: Asked): Promise<void> {
  const { values, say } = asked;
  const assertAbsent = (): void => {
    if (existsSync(values.keys)) throw new Error(`${values.keys} exists already: it is not replaced.`);
  };
  assertAbsent();
  const secret = await passphrase(asked, true);
  if (Buffer.byteLength(secret) < MIN_PASSPHRASE_BYTES)
    throw new Error(`The passphrase is too short: it needs at least ${String(MIN_PASSPHRASE_BYTES)} bytes.`);
  const path = await keyFilePath(asked);
  await lockKeyFile(asked, path);
  assertAbsent();
  await atFile('--keys', path, () => writePatientKeys(path, secret, makePatientKeys()));
  say(`Keys are in ${values.keys}, protected by the passphrase.`);
  say(
    'Nobody can open the file without its passphrase, or make it again: a loss of either, without a backup, is final',
  );
  say('for what is shared with these keys, unless you enrol with --recoverable.');
  say('Next: careledger patient enrol, at the desk of a hospital.');
}

export async function enrol(asked: Asked): Promise<void> {
  const { say } = asked;
  const { connection, wanted } = enrolmentFrom(asked);
  const file = await openFile(asked);
  const before = preparedBefore(asked, file.keys, wanted);
  const prepared =
    before === undefined
      ? await preparePseudonym(connection, file.keys, wanted)
      : { keys: withPseudonym(file.keys, before), pseudonym: before.pseudonym };
  await file.save(prepared.keys);
  const own = pseudonymKeys(prepared.keys, prepared.pseudonym);
  const { identity: secrets, custody } = own;
  if (secrets !== undefined) say(lossInWords(secrets.registration.recoverable, custody));
  say(
    `The file has the keys of pseudonym ${own.pseudonym}. If enrolling fails, the same command goes on with it.`,
  );
  const { patient, identity, keys } = await enrolPseudonym(connection, prepared.keys, prepared.pseudonym);
  await file.save(keys);
  const kept =
    identity === undefined ? 'hospital-mediated' : `own key, in custody of the ${identity.custody}`;
  say(`Enrolled at ${patient.mspId}: ${kept}.`);
  if (custody === 'patient') say('Make a copy of the file: careledger patient backup says how.');
}

/** One that did not get through is enrolled again, with the same keys: the one that is named, or one like that wanted. */
function preparedBefore(
  { values }: Asked,
  keys: PatientKeys,
  wanted: NewPseudonym & Pick<PseudonymKeys, 'gatewayUrl'>,
): PseudonymKeys | undefined {
  const { gatewayUrl, channel } = wanted;
  const found =
    values.pseudonym === undefined
      ? keys.pseudonyms.find((one) => one.pending && differenceFrom(one, wanted) === undefined)
      : namedFrom(values, pseudonymKeys(keys, values.pseudonym), wanted);
  return found?.pending ? { ...found, gatewayUrl, channel } : found;
}

/** @throws UsageError for choices that are not those the keys were made with */
function namedFrom(values: Values, own: PseudonymKeys, wanted: NewPseudonym): PseudonymKeys {
  const { pseudonym, identity, recovering } = own;
  if (recovering) throw new Error(`${pseudonym} is enrolled: careledger patient finish-recovery`);
  const wasRecoverable = identity?.registration.recoverable ?? false;
  const difference = differenceFrom(own, {
    mspId: wanted.mspId,
    custody: values.custody === undefined ? own.custody : wanted.custody,
    recoverable: wanted.recoverable || wasRecoverable,
    identity: values['without-identity'] || identity === undefined ? 'none' : 'own',
  });
  if (difference === undefined) return own;
  throw new UsageError(
    `${pseudonym} was made with other choices, which stand: ${difference} does not fit. Enrol another pseudonym, without --pseudonym.`,
  );
}

/** The option by which keys are not those wanted. */
function differenceFrom(own: PseudonymKeys, wanted: Omit<NewPseudonym, 'channel'>): string | undefined {
  const { mspId, custody, identity } = own;
  if (mspId !== wanted.mspId) return '--msp, or the hospital of the token';
  if (custody !== wanted.custody) return '--custody';
  if ((identity === undefined) !== (wanted.identity === 'none')) return '--without-identity';
  const isRecoverable = identity?.registration.recoverable ?? wanted.recoverable;
  return isRecoverable === wanted.recoverable ? undefined : '--recoverable';
}

function enrolmentFrom({ values, streams }: Asked): {
  readonly connection: Connection;
  readonly wanted: NewPseudonym & Pick<PseudonymKeys, 'gatewayUrl'>;
} {
  const {
    gateway,
    token = streams.environment['CARELEDGER_TOKEN'],
    recoverable,
    custody = 'patient',
  } = values;
  if (gateway === undefined || token === undefined)
    throw new UsageError('enrol needs --gateway and --token (or CARELEDGER_TOKEN) of staff of the hospital.');
  if (custody !== 'patient' && custody !== 'hospital')
    throw new UsageError('--custody takes patient or hospital.');
  const gatewayUrl = gatewayFrom(gateway);
  return {
    connection: new Connection({ url: gatewayUrl, token: () => token }),
    wanted: {
      gatewayUrl,
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

export async function backup(asked: Asked): Promise<void> {
  const { keys } = await openFile(asked);
  const { say, values } = asked;
  say(`Copy ${values.keys} to a place that does not burn, drown or go missing with this device.`);
  say('It is useless without its passphrase: keep that apart from it. Copy it again after every enrolment.');
  for (const own of keys.pseudonyms) {
    const { identity, custody } = own;
    const loss =
      identity === undefined ? 'Hospital-mediated.' : lossInWords(identity.registration.recoverable, custody);
    say(`\n${pseudonymLine(own)}: ${loss}`);
  }
}
