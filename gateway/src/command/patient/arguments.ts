/** Words of the command line as the client takes them. */
import { tagsFor, type GrantTerms, type Tag } from '@careledger/client';
import {
  GranteeSchema,
  LIMITS,
  PURPOSES,
  RECORD_TYPES,
  ROLES,
  SENSITIVITIES,
  validate,
  type Grantee,
} from '@careledger/protocol';

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;

/** What was typed is not what the command takes; the message says what it takes. */
export class UsageError extends Error {}

export interface GrantWords {
  readonly to?: string | undefined;
  readonly types?: string | undefined;
  readonly purposes?: string | undefined;
  readonly sensitivities?: string | undefined;
  readonly records?: string | undefined;
  readonly department?: string | undefined;
  readonly days?: string | undefined;
  readonly hops?: string | undefined;
}

/** @throws UsageError */
export function termsFromWords(words: GrantWords, now: Date): GrantTerms {
  const { to, types, purposes = 'treatment', sensitivities = 'normal', days, hops } = words;
  if (to === undefined || types === undefined) throw new UsageError('grant needs --to and --types.');
  const forDays = whole('--days', days ?? String(DEFAULT_DAYS), { min: 1, max: LIMITS.grantMaxDays });
  return {
    grantee: granteeFrom(to),
    recordTypes: listFrom('--types', types, RECORD_TYPES),
    purposes: listFrom('--purposes', purposes, PURPOSES),
    sensitivities: listFrom('--sensitivities', sensitivities, SENSITIVITIES),
    ...conditionFrom(words),
    notAfter: new Date(now.getTime() + forDays * DAY_MS).toISOString(),
    maxHops: whole('--hops', hops ?? '0', { min: 0, max: LIMITS.hops }),
  };
}

function conditionFrom({ records, department }: GrantWords): Pick<GrantTerms, 'condition'> {
  const condition = {
    ...(department === undefined ? {} : { department }),
    ...(records === undefined ? {} : { recordIds: records.split(',') }),
  };
  return Object.keys(condition).length === 0 ? {} : { condition };
}

/** Without a path. @throws UsageError */
export function gatewayFrom(text: string): string {
  const isUrl = /^https?:\/\/\S+$/.test(text) && URL.canParse(text);
  if (isUrl) return text.replace(/\/$/, '');
  throw new UsageError(`--gateway takes the URL of a gateway, such as https://gateway.example, not ${text}.`);
}

/** `person/MSP/id`, `role/MSP/role` or `member/MSP`, as identities are named. @throws UsageError */
export function granteeFrom(text: string): Grantee {
  const [kind, mspId, third, ...more] = text.split('/');
  const named = kind === 'person' ? { enrolmentId: third } : kind === 'role' ? { role: third } : {};
  const isWhole = more.length === 0 && (third === undefined) === (kind === 'member');
  try {
    if (isWhole) return validate(GranteeSchema, { kind, mspId, ...named });
  } catch {
    // Told below, in the words of the command line.
  }
  const roles = kind === 'role' ? ` ROLE is one of ${ROLES.join(', ')}.` : '';
  throw new UsageError(
    `--to takes person/MSP/ENROLMENTID, role/MSP/ROLE or member/MSP, not ${text}.${roles}`,
  );
}

/** `laboratory/normal` is one; `laboratory` is the type with every sensitivity. @throws UsageError */
export function tagsFrom(text: string): Tag[] {
  const [type = '', sensitivity, ...more] = text.split('/');
  if (more.length > 0) throw new UsageError(`A tag is TYPE or TYPE/SENSITIVITY, not ${text}.`);
  const known = listFrom('the sensitivity', sensitivity ?? SENSITIVITIES.join(','), SENSITIVITIES);
  return tagsFor(listFrom('the type', type, RECORD_TYPES), known);
}

function listFrom<Word extends string>(option: string, text: string, known: readonly Word[]): Word[] {
  return text.split(',').map((word) => {
    const found = known.find((candidate) => candidate === word);
    if (found === undefined) throw new UsageError(`${option}: ${word} is none of ${known.join(', ')}.`);
    return found;
  });
}

function whole(
  option: string,
  text: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const value = Number(text);
  if (/^\d{1,6}$/.test(text) && value >= min && value <= max) return value;
  throw new UsageError(`${option} takes a whole number from ${String(min)} to ${String(max)}, not ${text}.`);
}
