import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SecretSearch } from './secret-search.js';

/** What identifies a patient, and what it is. */
export interface IdentifyingFact {
  readonly what: string;
  readonly text: string;
}

const SAMPLES = fileURLToPath(new URL('../../../../samples/fhir', import.meta.url));
/** Shorter texts turn up in ciphertext by chance. */
const LEAST_CHARACTERS = 6;

interface SamplePatient {
  readonly id: string;
  readonly birthDate: string;
  readonly identifier: readonly { readonly value: string }[];
  readonly name: readonly { readonly family: string; readonly given: readonly string[] }[];
}

/** Names, identifiers and dates of birth of every sample patient. */
export function identifyingFacts(): IdentifyingFact[] {
  const files = readdirSync(SAMPLES, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.json'),
  );
  const facts = files.flatMap((file) => {
    const { entry } = JSON.parse(readFileSync(join(SAMPLES, file), 'utf8')) as {
      entry: { resource: { resourceType: string } }[];
    };
    return entry
      .map(({ resource }) => resource)
      .filter(({ resourceType }) => resourceType === 'Patient')
      .flatMap((patient) => factsOf(file, patient as unknown as SamplePatient));
  });
  return facts.filter(({ text }) => text.length >= LEAST_CHARACTERS);
}

function factsOf(file: string, { id, birthDate, identifier, name }: SamplePatient): IdentifyingFact[] {
  const names = name.flatMap(({ family, given }) => [family, ...given]);
  return [
    ...names.map((text) => ({ what: `a name in ${file}`, text })),
    ...[id, ...identifier.map(({ value }) => value)].map((text) => ({
      what: `an identifier in ${file}`,
      text,
    })),
    { what: `the date of birth in ${file}`, text: birthDate },
  ];
}

interface Needle {
  readonly fact: IdentifyingFact;
  readonly form: string;
  readonly bytes: Buffer;
}

/** Looks for texts as they are, as hex, and inside longer base64 and base64url text. */
export function createTextSearch(facts: readonly IdentifyingFact[]): SecretSearch {
  const byPrefix = new Map<number, Needle[]>();
  let overlapBytes = 0;
  for (const fact of facts) {
    for (const [form, text] of formsOf(fact.text)) {
      const bytes = Buffer.from(text, 'utf8');
      overlapBytes = Math.max(overlapBytes, bytes.length);
      const prefix = bytes.readUInt16BE(0);
      byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), { fact, form, bytes }]);
    }
  }
  const filter = new Uint8Array(65_536);
  for (const prefix of byPrefix.keys()) filter[prefix] = 1;

  const search = (where: string, bytes: Buffer) => {
    const found = new Set<Needle>();
    let prefix = bytes[0] ?? 0;
    for (let index = 1; index < bytes.length; index++) {
      prefix = ((prefix << 8) | (bytes[index] ?? 0)) & 0xffff;
      if (filter[prefix] === 0) continue;
      for (const needle of byPrefix.get(prefix) ?? []) {
        const start = index - 1;
        if (needle.bytes.equals(bytes.subarray(start, start + needle.bytes.length))) found.add(needle);
      }
    }
    return [...found].map(({ fact, form }) => ({ secret: fact.what, form, where }));
  };
  return Object.assign(search, { overlapBytes });
}

function formsOf(text: string): Map<string, string> {
  const bytes = Buffer.from(text, 'utf8');
  const forms = new Map([
    ['text', text],
    ['hex', bytes.toString('hex')],
  ]);
  for (const encoding of ['base64', 'base64url'] as const) {
    for (const offset of [0, 1, 2]) {
      const whole = Buffer.concat([Buffer.alloc(offset), bytes]).toString(encoding);
      const inside = whole.slice(Math.ceil((8 * offset) / 6), Math.floor((8 * (offset + bytes.length)) / 6));
      forms.set(`${encoding}+${String(offset)}`, inside);
    }
  }
  return forms;
}
