import {
  CareLedgerError,
  RECORD_TYPES,
  SENSITIVITIES,
  type RecordType,
  type Sensitivity,
} from '@careledger/protocol';
import { classifyResource } from './classify.js';
import { isObject, type FhirObject, type FhirResource } from './fhir-shapes.js';
import { R4_RESOURCE_TYPES } from './resource-types.js';
import { mostSensitive, sensitivityOf } from './sensitivity.js';

/** The resources of one record type, as one FHIR document of their own. */
export interface FhirPart {
  readonly type: RecordType;
  readonly sensitivity: Sensitivity;
  readonly contentType: 'application/fhir+json';
  /** UTF-8 JSON of a Bundle of type `collection`. */
  readonly content: Uint8Array;
  readonly resources: number;
}

interface Entry {
  readonly fullUrl?: string;
  readonly resource: FhirResource;
}

/** Bundles that carry content. Histories, messages and responses speak about content instead. */
const BUNDLE_TYPES: readonly string[] = ['collection', 'transaction', 'batch', 'document', 'searchset'];
/** https://hl7.org/fhir/R4/datatypes.html#id */
const FHIR_ID = /^[A-Za-z0-9.-]{1,64}$/;
/** FHIR itself nests a dozen levels; beyond this, encoding would exhaust the stack. */
const MAX_DEPTH = 64;

/**
 * Splits a FHIR R4 resource or Bundle (collection, transaction, batch, document, searchset) by record type and sensitivity.
 *
 * Parts come in the order of `RECORD_TYPES` and `SENSITIVITIES`, resources inside a part in input order, with the `fullUrl` by which
 * others refer to them. A contained resource stays inside its parent and shares its type. Numbers are re-encoded
 * from their JavaScript value, so the trailing zeros of a decimal (1.10) are not kept.
 *
 * Checked: every resource is an object with an R4 `resourceType` and, where present, an id in FHIR's form; no
 * bundle inside a bundle; bounded count and depth. Not a validation against R4 profiles (see `fhir-shapes.ts`).
 * @throws CareLedgerError FHIR_INVALID, naming the index of the entry, with `extensions.entryIndex`.
 */
export function splitFhir(document: unknown, limits: { readonly maxResources: number }): FhirPart[] {
  const entries = entriesOf(document, limits.maxResources);
  // What a bundle says of itself holds for everything in it.
  const ofAll = sensitivityOf(document);
  const classified = entries.map((entry) => ({
    entry,
    type: classifyResource(entry.resource),
    sensitivity: mostSensitive(ofAll, sensitivityOf(entry.resource)),
  }));
  return RECORD_TYPES.flatMap((type) =>
    SENSITIVITIES.flatMap((sensitivity) => {
      const group = classified.filter(
        (candidate) => candidate.type === type && candidate.sensitivity === sensitivity,
      );
      if (group.length === 0) return [];
      const part = toPart(
        type,
        group.map(({ entry }) => entry),
      );
      return [{ ...part, sensitivity }];
    }),
  );
}

function toPart(type: RecordType, entry: readonly Entry[]): Omit<FhirPart, 'sensitivity'> {
  const json = JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry });
  return {
    type,
    contentType: 'application/fhir+json',
    content: new TextEncoder().encode(json),
    resources: entry.length,
  };
}

function entriesOf(document: unknown, maxResources: number): Entry[] {
  const top = assertNamed(document, undefined);
  if (top.resourceType !== 'Bundle') return [{ resource: assertResource(document, undefined) }];
  const { type, entry } = top;
  if (typeof type !== 'string' || !BUNDLE_TYPES.includes(type)) {
    throw invalid(undefined, `a Bundle of type ${BUNDLE_TYPES.join(', ')}`, naming(type, 'type'));
  }
  if (!Array.isArray(entry) || entry.length === 0)
    throw invalid(undefined, 'a Bundle with at least one entry', 'none');
  if (entry.length > maxResources) {
    throw invalid(undefined, `at most ${String(maxResources)} entries`, String(entry.length));
  }
  return entry.map((candidate: unknown, index) => toEntry(candidate, index));
}

function toEntry(candidate: unknown, index: number): Entry {
  if (!isObject(candidate)) throw invalid(index, 'an object', kindOf(candidate));
  const { fullUrl, resource } = candidate;
  if (resource === undefined) throw invalid(index, 'a resource in the entry', 'none');
  if (fullUrl !== undefined && typeof fullUrl !== 'string')
    throw invalid(index, 'fullUrl as text', kindOf(fullUrl));
  const checked = assertResource(resource, index);
  if (checked.resourceType === 'Bundle') throw invalid(index, 'a resource', 'a Bundle inside the Bundle');
  return fullUrl === undefined ? { resource: checked } : { fullUrl, resource: checked };
}

function assertResource(value: unknown, index: number | undefined): FhirResource {
  const resource = assertNamed(value, index);
  if (!fitsDepth(value, MAX_DEPTH))
    throw invalid(index, `at most ${String(MAX_DEPTH)} levels of nesting`, 'more');
  if (resource['contained'] !== undefined) assertContained(resource['contained'], index);
  return resource;
}

function assertNamed(value: unknown, index: number | undefined): FhirResource {
  if (!isObject(value)) throw invalid(index, 'a FHIR resource: a JSON object', kindOf(value));
  if (!isNamed(value)) throw invalid(index, 'a resourceType', 'none');
  if (!R4_RESOURCE_TYPES.has(value.resourceType)) {
    throw invalid(index, 'a resource type of FHIR R4', naming(value.resourceType, 'resourceType'));
  }
  const { id } = value;
  if (id !== undefined && (typeof id !== 'string' || !FHIR_ID.test(id))) {
    throw invalid(index, "an id of 1 to 64 letters, digits, '-' and '.'", kindOf(id));
  }
  return value;
}

/** R4 forbids containing inside the contained, so one level is all there is to check. */
function assertContained(contained: unknown, index: number | undefined): void {
  if (!Array.isArray(contained)) throw invalid(index, 'contained as an array', kindOf(contained));
  for (const inner of contained as unknown[]) {
    const resource = assertNamed(inner, index);
    if (resource.resourceType === 'Bundle') throw invalid(index, 'no Bundle among the contained', 'one');
    if (resource['contained'] !== undefined)
      throw invalid(index, 'nothing contained in the contained', 'something');
  }
}

function isNamed(value: FhirObject): value is FhirResource {
  return typeof value['resourceType'] === 'string' && value['resourceType'] !== '';
}

function fitsDepth(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((child) => fitsDepth(child, levels - 1));
}

function invalid(index: number | undefined, expected: string, came: string): CareLedgerError {
  const where = index === undefined ? 'The document' : `Entry ${String(index)} of the Bundle`;
  return new CareLedgerError('FHIR_INVALID', {
    message: `${where} is not FHIR R4 that this gateway can split.`,
    expected,
    came,
    ...(index === undefined ? {} : { extensions: { entryIndex: index } }),
  });
}

/** Kind and length only: a value in the wrong place may be a patient's. */
function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${String(value.length)}`;
  return typeof value === 'string'
    ? `text of ${String(value.length)} characters`
    : `a value of type ${typeof value}`;
}

/** A type name is worth repeating when it looks like one. */
function naming(value: unknown, field: string): string {
  return typeof value === 'string' && /^[A-Za-z-]{1,40}$/.test(value) ? `${field} ${value}` : kindOf(value);
}
