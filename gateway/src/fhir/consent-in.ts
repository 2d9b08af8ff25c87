import {
  GranteeSchema,
  LIMITS,
  PURPOSES,
  RECORD_TYPES,
  SENSITIVITIES,
  validate,
  type Grantee,
  type RecordType,
} from '@careledger/protocol';
import {
  CONFIDENTIALITY_CODES,
  CONSENT_CATEGORY,
  CONSENT_EXTENSIONS,
  CONSENT_POLICY,
  CONSENT_SYSTEMS,
  IDENTIFIER_SYSTEMS,
  PURPOSE_CODES,
  RECIPIENT_ROLE,
  notMappable,
  type ConsentTerms,
} from './consent-codes.js';
import { code, concept, identified, instant, items, only, required, text } from './consent-reader.js';
import { LOINC, UCUM, isObject, type FhirObject } from './fhir-shapes.js';

const OBJECT_ID = /^[0-9a-f]{32}$/;
const RECORD_ID = /^[0-9a-f]{32}\.(?:0|[1-9][0-9]{0,2})$/;
/** Says nothing about what is permitted: the document's own name, version, language and time. */
const ABOUT_THE_DOCUMENT = ['resourceType', 'id', 'meta', 'language', 'text', 'dateTime'];
const CONSENT = [
  ...ABOUT_THE_DOCUMENT,
  'identifier',
  'status',
  'scope',
  'category',
  'patient',
  'performer',
  'policyRule',
  'provision',
];
const PROVISION = [
  'id',
  'extension',
  'type',
  'period',
  'actor',
  'action',
  'securityLabel',
  'purpose',
  'class',
  'code',
  'data',
];
/** What the patient may still sign. */
const OPEN_STATUSES = ['draft', 'proposed', 'active'];

/**
 * The terms of the grant that a FHIR R4 Consent asks for. Everything that it says is in them, or it is refused.
 * @throws CareLedgerError CONSENT_NOT_MAPPABLE with `extensions.element` and `reason`
 */
export function termsFromConsent(document: unknown): ConsentTerms {
  if (!isObject(document) || document['resourceType'] !== 'Consent')
    throw notMappable('Consent', 'form', 'a resource of type Consent');
  const consent = only('Consent', document, CONSENT);
  assertFrame(consent);
  const pseudonym = identified(
    'Consent.patient',
    consent['patient'],
    IDENTIFIER_SYSTEMS.pseudonym,
    OBJECT_ID,
  );
  for (const [index, performer] of items('Consent.performer', consent['performer'], { max: 1 }).entries()) {
    const path = `Consent.performer[${String(index)}]`;
    if (identified(path, performer, IDENTIFIER_SYSTEMS.pseudonym, OBJECT_ID) !== pseudonym)
      throw notMappable(path, 'form', 'the patient');
  }
  return { ...grantIdOf(consent), pseudonym, ...provisionTerms(consent['provision']) };
}

function assertFrame(consent: FhirObject): void {
  assertDocument(consent);
  text('Consent.status', consent['status'], /^(?:draft|proposed|active)$/, OPEN_STATUSES.join(', '));
  concept('Consent.scope', consent['scope'], CONSENT_SYSTEMS.scope, ['patient-privacy']);
  const categories = required('Consent.category', items('Consent.category', consent['category'], { max: 1 }));
  concept('Consent.category[0]', categories[0], LOINC, [CONSENT_CATEGORY]);
  concept('Consent.policyRule', consent['policyRule'], CONSENT_SYSTEMS.policy, [CONSENT_POLICY]);
}

function assertDocument({ meta, text: narrative }: FhirObject): void {
  if (meta !== undefined) only('Consent.meta', meta, ['versionId', 'lastUpdated', 'profile']);
  if (narrative === undefined) return;
  // A narrative of another status says more than the elements do.
  const { status } = only('Consent.text', narrative, ['id', 'status', 'div']);
  text('Consent.text.status', status, /^(?:generated|empty)$/, 'generated or empty');
}

function grantIdOf(consent: FhirObject): { grantId?: string } {
  const [identifier] = items('Consent.identifier', consent['identifier'], { max: 1 });
  if (identifier === undefined) return {};
  const path = 'Consent.identifier[0]';
  const { system, value } = only(path, identifier, ['id', 'use', 'system', 'value']);
  if (system !== IDENTIFIER_SYSTEMS.grant)
    throw notMappable(`${path}.system`, 'form', IDENTIFIER_SYSTEMS.grant);
  return { grantId: text(`${path}.value`, value, OBJECT_ID, 'a grant id') };
}

function provisionTerms(value: unknown): Omit<ConsentTerms, 'grantId' | 'pseudonym'> {
  const path = 'Consent.provision';
  const provision = only(path, value, PROVISION);
  text(`${path}.type`, provision['type'], /^permit$/, 'permit');
  const time = timeOf(`${path}.period`, provision['period']);
  const { maxHops, department, receiptDueWithinMs } = extensionsOf(provision['extension']);
  assertActions(provision['action'], maxHops);
  const recordIds = recordIdsOf(provision['data']);
  const condition = {
    ...(department === undefined ? {} : { department }),
    ...(recordIds.length === 0 ? {} : { recordIds }),
  };
  const purposes = codesOf(`${path}.purpose`, provision['purpose'], CONSENT_SYSTEMS.purpose, PURPOSE_CODES);
  const labels = codesOf(
    `${path}.securityLabel`,
    provision['securityLabel'],
    CONSENT_SYSTEMS.confidentiality,
    CONFIDENTIALITY_CODES,
  );
  return {
    grantee: granteeOf(provision['actor']),
    recordTypes: recordTypesOf(provision),
    sensitivities: SENSITIVITIES.filter((sensitivity) => labels.includes(sensitivity)),
    purposes: PURPOSES.filter((purpose) => purposes.includes(purpose)),
    ...(Object.keys(condition).length === 0 ? {} : { condition }),
    ...time,
    maxHops,
    ...(receiptDueWithinMs === undefined ? {} : { receiptDueWithinMs }),
  };
}

/** An end at or before its start would be a grant that never is in force. */
function timeOf(path: string, value: unknown): Pick<ConsentTerms, 'notBefore' | 'notAfter'> {
  const { start, end } = only(path, value, ['id', 'start', 'end']);
  const notBefore = instant(`${path}.start`, start);
  const notAfter = instant(`${path}.end`, end);
  if (Date.parse(notAfter) <= Date.parse(notBefore))
    throw notMappable(path, 'form', 'an end after the start');
  return { notBefore, notAfter };
}

/** Codings, each once, as the words that the table has for them. */
function codesOf<Word extends string>(
  path: string,
  value: unknown,
  system: string,
  table: Readonly<Record<Word, string>>,
): Word[] {
  const words = Object.keys(table) as Word[];
  const codes = words.map((word) => table[word]);
  return required(path, items(path, value, { max: words.length })).map((coding, index) => {
    const found = code(`${path}[${String(index)}]`, coding, system, codes);
    return words[codes.indexOf(found)] as Word;
  });
}

function recordTypesOf(provision: FhirObject): RecordType[] {
  const bounds = { max: LIMITS.recordTypesPerGrant };
  const { recordType: system } = CONSENT_SYSTEMS;
  const path = 'Consent.provision';
  const classes = items(`${path}.class`, provision['class'], bounds).map((coding, index) =>
    code(`${path}.class[${String(index)}]`, coding, system, RECORD_TYPES),
  );
  const codes = items(`${path}.code`, provision['code'], bounds).map((coded, index) =>
    concept(`${path}.code[${String(index)}]`, coded, system, RECORD_TYPES),
  );
  required(`${path}.class`, [...classes, ...codes]);
  // The elements of one provision narrow each other: what both name is permitted, and nothing that only one does.
  const isNamed = (type: string): boolean =>
    [classes, codes].every((named) => named.length === 0 || named.includes(type));
  const permitted = RECORD_TYPES.filter(isNamed);
  if (permitted.length > 0) return permitted;
  throw notMappable(`${path}.code`, 'form', 'a record type that class has too');
}

const ACTORS: Readonly<Record<string, readonly [kind: Grantee['kind'], system: string]>> = {
  Practitioner: ['person', IDENTIFIER_SYSTEMS.person],
  PractitionerRole: ['role', IDENTIFIER_SYSTEMS.role],
  Organization: ['member', IDENTIFIER_SYSTEMS.member],
};

function granteeOf(value: unknown): Grantee {
  const path = 'Consent.provision.actor';
  const [first] = required(path, items(path, value, { max: 1 }));
  const actor = only(`${path}[0]`, first, ['id', 'role', 'reference']);
  concept(`${path}[0].role`, actor['role'], CONSENT_SYSTEMS.participation, [RECIPIENT_ROLE]);
  const { reference } = actor;
  const type = isObject(reference) ? reference['type'] : undefined;
  const found = typeof type === 'string' && Object.hasOwn(ACTORS, type) ? ACTORS[type] : undefined;
  if (found === undefined)
    throw notMappable(`${path}[0].reference.type`, 'form', Object.keys(ACTORS).join(', '));
  const [kind, system] = found;
  const name = identified(`${path}[0].reference`, reference, system, /^[A-Za-z0-9._/-]{1,129}$/);
  const [mspId, second, ...more] = name.split('/');
  const fields = { person: { enrolmentId: second }, role: { role: second }, member: {} }[kind];
  const isWhole = more.length === 0 && (second === undefined) === (kind === 'member');
  try {
    if (isWhole) return validate(GranteeSchema, { kind, mspId, ...fields });
  } catch {
    // Told below, by the element's name.
  }
  throw notMappable(`${path}[0].reference.identifier.value`, 'form', `a value of ${system}`);
}

/** Seeing is `access`; passing on is `disclose`, and goes with a number of hops. */
function assertActions(value: unknown, maxHops: number): void {
  const path = 'Consent.provision.action';
  const actions = required(path, items(path, value, { max: 2 })).map((action, index) =>
    concept(`${path}[${String(index)}]`, action, CONSENT_SYSTEMS.action, ['access', 'disclose']),
  );
  if (!actions.includes('access')) throw notMappable(path, 'missing', 'access');
  if (actions.includes('disclose') === maxHops > 0) return;
  throw notMappable(
    path,
    'form',
    `disclose together with ${CONSENT_EXTENSIONS.maxHops} of 1 to ${String(LIMITS.hops)}, or neither`,
  );
}

function recordIdsOf(value: unknown): string[] {
  const path = 'Consent.provision.data';
  return items(path, value, { max: LIMITS.recordIdsPerCondition }).map((element, index) => {
    const at = `${path}[${String(index)}]`;
    const { meaning, reference } = only(at, element, ['id', 'meaning', 'reference']);
    text(`${at}.meaning`, meaning, /^instance$/, 'instance');
    return identified(`${at}.reference`, reference, IDENTIFIER_SYSTEMS.record, RECORD_ID);
  });
}

interface Extensions {
  readonly maxHops: number;
  readonly department?: string;
  readonly receiptDueWithinMs?: number;
}

function extensionsOf(value: unknown): Extensions {
  const path = 'Consent.provision.extension';
  const known = Object.values(CONSENT_EXTENSIONS) as readonly string[];
  const found = new Map<string, readonly [path: string, extension: FhirObject]>();
  for (const [index, element] of items(path, value, { max: known.length }).entries()) {
    const at = `${path}[${String(index)}]`;
    const url = isObject(element) ? element['url'] : undefined;
    if (typeof url !== 'string' || !known.includes(url) || found.has(url))
      throw notMappable(at, 'element-not-supported', `each once: ${known.join(', ')}`);
    found.set(url, [at, element as FhirObject]);
  }
  const hops = found.get(CONSENT_EXTENSIONS.maxHops);
  const department = found.get(CONSENT_EXTENSIONS.department);
  const due = found.get(CONSENT_EXTENSIONS.receiptDueWithin);
  return {
    maxHops: hops === undefined ? 0 : whole(...hops, { name: 'valueUnsignedInt', max: LIMITS.hops }),
    ...(department === undefined ? {} : { department: departmentOf(...department) }),
    ...(due === undefined ? {} : { receiptDueWithinMs: durationOf(...due) }),
  };
}

function whole(
  path: string,
  extension: FhirObject,
  { name, max }: { readonly name: string; readonly max: number },
): number {
  const value = only(path, extension, ['url', name])[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw notMappable(`${path}.${name}`, 'form', `an integer from 0 to ${String(max)}`);
}

function departmentOf(path: string, extension: FhirObject): string {
  const value = only(path, extension, ['url', 'valueCode'])['valueCode'];
  return text(`${path}.valueCode`, value, /^[a-z0-9-]{1,40}$/, 'a department');
}

function durationOf(path: string, extension: FhirObject): number {
  const at = `${path}.valueDuration`;
  const duration = only(at, only(path, extension, ['url', 'valueDuration'])['valueDuration'], [
    'value',
    'unit',
    'system',
    'code',
  ]);
  const { value } = duration;
  const isMs = duration['system'] === UCUM && duration['code'] === 'ms';
  if (
    isMs &&
    typeof value === 'number' &&
    Number.isInteger(value) &&
    value >= 60_000 &&
    value <= 31_536_000_000
  )
    return value;
  throw notMappable(at, 'form', 'a whole number of milliseconds (UCUM ms), from a minute to a year');
}
