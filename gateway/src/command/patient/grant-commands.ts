/** careledger patient: what is granted, renewed, ended and closed. */
import { readFile } from 'node:fs/promises';
import type { PatientClient, Tag, WaitingGrant } from '@careledger/client';
import { granteeName, tagName, type PatientGrant, type SharingState } from '@careledger/protocol';
import { UsageError, tagsFrom, termsFromWords } from './arguments.js';
import { openPatient, type Asked, type OptionName, type Values } from './asked.js';
import { atFile, inWords } from './errors-in-words.js';

/** What a Consent says itself. */
const TERMS: readonly OptionName[] = [
  ...(['to', 'types', 'purposes', 'sensitivities', 'days', 'hops', 'records', 'department'] as const),
];

export async function grant(asked: Asked): Promise<void> {
  const { values, given, say } = asked;
  const both = values.consent === undefined ? undefined : TERMS.find((option) => given.includes(option));
  if (both !== undefined)
    throw new UsageError(`--consent says the terms itself: leave out --${both}, or grant without --consent.`);
  const fromWords = values.consent === undefined ? termsFromWords(values, new Date()) : undefined;
  const consent = values.consent === undefined ? undefined : await readConsent(values.consent);
  const patient = await openPatient(asked);
  const terms = fromWords ?? (await patient.termsOfConsent(consent));
  say(grantLine(await patient.grant({ ...terms, ...choiceOf(values) })));
}

function readConsent(path: string): Promise<unknown> {
  return atFile('--consent', path, async () => JSON.parse(await readFile(path, 'utf8')) as unknown);
}

export async function grants(asked: Asked): Promise<void> {
  const patient = await openPatient(asked);
  const live = await patient.grants();
  const waiting = live.length === 0 ? [] : await patient.waiting();
  for (const one of live) {
    asked.say(grantLine(one));
    const found = waiting.find(({ grant: { grantId } }) => grantId === one.grantId);
    if (found !== undefined) sayWhatWaits(found, asked);
  }
  if (live.length === 0) asked.say('Nothing is granted.');
}

export async function renew(asked: Asked): Promise<void> {
  const [grantId = ''] = asked.words;
  asked.say(grantLine(await (await openPatient(asked)).renew(grantId, choiceOf(asked.values))));
}

export async function revoke(asked: Asked): Promise<void> {
  const [grantId = ''] = asked.words;
  const patient = await openPatient(asked);
  const ended = await patient.revoke(grantId);
  asked.say(
    `${grantLine(ended)}\nWhat was passed on under it ended with it. Who opened records keeps what was read.`,
  );
  await renewOthers(asked, patient, ended.edges ?? []);
}

export async function sharing(asked: Asked): Promise<void> {
  const { words, say } = asked;
  const [tag, state] = words;
  const isAsked = tag === undefined;
  if (!isAsked && state !== 'open' && state !== 'closed')
    throw new UsageError('sharing takes nothing, or TYPE or TYPE/SENSITIVITY and open or closed.');
  const tags = isAsked ? [] : tagsFrom(tag);
  const patient = await openPatient(asked);
  const after = await setAll(asked, patient, { tags, sharable: state === 'open' });
  for (const [name, { epoch, sharable }] of Object.entries(after.tags ?? {}))
    say(`${name.padEnd(30)} ${sharable ? 'open' : 'closed'}, epoch ${String(epoch)}`);
  say('Every other type and sensitivity is open to grants.');
  if (!isAsked) await renewOthers(asked, patient, tags);
}

/** Those that are so already are left: a repetition goes on where it broke off. */
async function setAll(
  { say }: Asked,
  patient: PatientClient,
  { tags, sharable }: { readonly tags: readonly Tag[]; readonly sharable: boolean },
): Promise<SharingState> {
  let state = await patient.sharing();
  for (const tag of tags) {
    const name = tagName(tag.recordType, tag.sensitivity);
    const isSo = (state.tags?.[name]?.sharable ?? true) === sharable;
    if (!isSo) state = await patient.setSharing({ ...tag, sharable });
    say(`${isSo ? 'Already' : 'Now'} ${sharable ? 'open' : 'closed'}: ${name}`);
  }
  return state;
}

/** Ending one grant, or closing a tag, stops the edges of every grant of the tag. */
async function renewOthers(asked: Asked, patient: PatientClient, tags: readonly Tag[]): Promise<void> {
  const { say, values } = asked;
  if (tags.length === 0) return;
  if (!values['no-renew']) {
    const { renewed, failed } = await patient.renewWaiting(tags, choiceOf(values));
    if (renewed.length > 0) say('Other grants of the same types had stopped with it, and were renewed:');
    for (const one of renewed) say(`  ${grantLine(one)}`);
    for (const { grant: one, error } of failed) say(`Not renewed: ${one.grantId}: ${inWords(error)}`);
  }
  for (const one of await patient.waiting()) {
    if (![...one.stale, ...one.closed].some((tag) => tags.some((other) => isSame(tag, other)))) continue;
    say(grantLine(one.grant));
    sayWhatWaits(one, asked);
  }
}

function isSame(one: Tag, other: Tag): boolean {
  return one.recordType === other.recordType && one.sensitivity === other.sensitivity;
}

function sayWhatWaits({ grant: { grantId }, stale, closed, renewedBy }: WaitingGrant, { say }: Asked): void {
  const named = (tags: readonly Tag[]) =>
    tags.map(({ recordType, sensitivity }) => tagName(recordType, sensitivity)).join(', ');
  if (stale.length > 0) {
    const how =
      renewedBy === undefined
        ? `careledger patient renew ${grantId}`
        : `${renewedBy}, which passed it on, renews it`;
    say(`  waits for renewal: ${named(stale)}; opens nothing of it until then: ${how}`);
  }
  if (closed.length > 0) say(`  closed by you: ${named(closed)}; opens nothing of it`);
}

/** What is not named is the default of a grant, and as it was of a renewal. */
function choiceOf(values: Values): { readonly proxies?: 'single'; readonly allowsRecoverable?: true } {
  return {
    ...(values['single-proxy'] ? { proxies: 'single' } : {}),
    ...(values['allow-recoverable'] ? { allowsRecoverable: true } : {}),
  };
}

function grantLine({
  grantId,
  grantee,
  recordTypes,
  purposes,
  notAfter,
  maxHops,
  status,
}: PatientGrant): string {
  const hops =
    maxHops === 0
      ? 'not passed on'
      : `passed on ${maxHops === 1 ? 'once' : `up to ${String(maxHops)} times`}`;
  return `${grantId}  ${status}  ${granteeName(grantee)}: ${recordTypes.join(', ')} for ${purposes.join(', ')}, until ${notAfter}, ${hops}`;
}
