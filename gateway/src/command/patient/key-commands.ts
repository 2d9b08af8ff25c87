/** careledger patient: keys that are replaced, because they are to be or because they are lost. */
import {
  finishRecovery as finish,
  prepareRecovery,
  recoveryDigest,
  recoveryRequest,
  rotateKeys,
  withPseudonym,
  type PseudonymKeys,
} from '@careledger/client';
import { DEFAULT_TOPOLOGY_FILE, loadTopology } from '@careledger/network';
import type { Recovery } from '@careledger/protocol';
import { UsageError, gatewayFrom } from './arguments.js';
import { assertEnrolled, openFile, openPatient, openPseudonym, type Asked } from './asked.js';

export async function rotate(asked: Asked): Promise<void> {
  const { say } = asked;
  const { keys, onKeysChanged } = await openPseudonym(asked);
  assertEnrolled(keys);
  if (keys.recovering)
    throw new Error('The recovery of these keys is not finished: careledger patient finish-recovery');
  const rotated = await rotateKeys(keys, { onKeysChanged });
  say('The new keys are in force, and in the file. The keys before sign nothing any more.');
  sayWhatOpens(rotated, say);
  say('Grants that live on: careledger patient grants, and renew each. Make a new copy of the file.');
}

export async function recovery(asked: Asked): Promise<void> {
  asked.say(recoveryLine(await (await openPatient(asked)).recovery()));
}

export async function cancelRecovery(asked: Asked): Promise<void> {
  const cancelled = await (await openPatient(asked)).cancelRecovery();
  asked.say(recoveryLine(cancelled));
  asked.say('If it was not you who asked: careledger patient rotate, and tell the hospital that opened it.');
}

/** Once begun, it prints the same again: the keys have to stay those that the officer was given. */
export async function recover(asked: Asked): Promise<void> {
  const { values, say } = asked;
  const [pseudonym = ''] = asked.words;
  const file = await openFile(asked);
  const before = file.keys.pseudonyms.find((candidate) => candidate.pseudonym === pseudonym);
  if (before !== undefined && before.recovering === undefined)
    throw new Error(`${values.keys} has the keys of ${pseudonym}: they are not lost.`);
  const keys = before ?? recoveryKeysFrom(asked, pseudonym);
  await file.save(withPseudonym(file.keys, keys));
  const request = recoveryRequest(keys);
  say('The file has new keys. Give this to an officer of a hospital, who has to see proof of who you are:');
  say(JSON.stringify(request));
  say(`and compare this digest of it with the officer: ${await recoveryDigest(request)}`);
  say(
    'Officers of a majority of the hospitals approve; then a waiting time gives whoever has the lost key the time',
  );
  say('to object. After it: careledger patient finish-recovery. For a pseudonym that was enrolled without');
  say('--recoverable the officer is refused: that loss is FINAL for the old records.');
}

function recoveryKeysFrom({ values }: Asked, pseudonym: string): PseudonymKeys {
  const { gateway, msp: mspId, custody = 'patient' } = values;
  if (gateway === undefined || mspId === undefined)
    throw new UsageError(
      'recover needs --gateway and --msp of the hospital where the pseudonym is enrolled.',
    );
  if (custody !== 'patient' && custody !== 'hospital')
    throw new UsageError('--custody takes patient or hospital.');
  const channel = values.channel ?? loadTopology(DEFAULT_TOPOLOGY_FILE).channel;
  return prepareRecovery({ pseudonym, mspId, custody, channel, gatewayUrl: gatewayFrom(gateway) });
}

export async function finishRecovery(asked: Asked): Promise<void> {
  const { say } = asked;
  const { keys, onKeysChanged } = await openPseudonym(asked);
  if (keys.recovering === undefined && keys.earlier === undefined)
    throw new Error('These keys are not of a recovery: careledger patient recover PSEUDONYM begins one.');
  const found = await finish(keys, { onKeysChanged });
  say('The new keys are in force. Nobody has a grant of the lost ones any more: grant anew.');
  sayWhatOpens(found, say);
  say('Make a copy of the file: careledger patient backup says how.');
}

function sayWhatOpens({ identity, earlier = [] }: PseudonymKeys, say: Asked['say']): void {
  if (identity === undefined) return;
  const made = earlier.filter(({ key }) => key !== undefined).length;
  const of = `${String(made)} of ${String(identity.registration.keyEpoch)}`;
  say(`Keys of earlier epochs in the file, for what was sealed before: ${of}.`);
}

function recoveryLine({ recoveryId, status, openedAt, openedBy, approvals, notBefore }: Recovery): string {
  const by = approvals.map(({ mspId }) => mspId).join(', ');
  const approved = by === '' ? 'approved by nobody else' : `approved by ${by}`;
  const until = notBefore === undefined ? '' : `, takes effect from ${notBefore}`;
  return `${recoveryId}  ${status}  opened ${openedAt} at ${openedBy.mspId}, ${approved}${until}`;
}
