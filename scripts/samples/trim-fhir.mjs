#!/usr/bin/env node
/**
 * Trims Synthea's FHIR R4 bundles to samples that fit a repository. Deterministic: same input, same bytes.
 *
 *   node scripts/samples/trim-fhir.mjs INPUT_FOLDER OUTPUT_FOLDER
 *
 * Chosen are the eight living patients with the most laboratory results, two per hospital h1..h4. Of each
 * stay the Patient and, per kind, the newest resource of each code first, up to the limits below. A
 * reference that no longer resolves inside the bundle loses its target and keeps its display; without a
 * display the element that held it goes too. Narratives and profile claims go: a trimmed resource does not
 * promise US Core any more, only FHIR R4.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HOSPITALS = ['h1', 'h2', 'h3', 'h4'];
const PATIENTS_PER_HOSPITAL = 2;
const MAX_RESOURCES = 60;
const MAX_BYTES = 100_000;

/** The kinds kept, in the order they stand in the bundle, and how many of each. */
const LIMITS = {
  Encounter: 8,
  Condition: 10,
  AllergyIntolerance: 4,
  MedicationRequest: 7,
  Immunization: 4,
  Procedure: 4,
  laboratory: 12,
  'vital-signs': 7,
  DiagnosticReport: 1,
  ImagingStudy: 2,
};
const NEWEST_ENCOUNTERS = 4;

/** LOINC of the reports worth a bundle's one place, best first: lipids, then metabolic panels. */
const PREFERRED_REPORTS = ['57698-3', '24323-8', '51990-0'];

/** LOINC of the results kept before any other: HbA1c, lipids, glucose, creatinine, GFR, potassium, blood count. */
const PREFERRED_RESULTS = new Set([
  '4548-4',
  '2093-3',
  '18262-6',
  '2085-9',
  '2571-8',
  '2339-0',
  '2345-7',
  '38483-4',
  '2160-0',
  '33914-3',
  '6298-4',
  '718-7',
  '777-3',
]);

function kindOf(resource) {
  if (resource.resourceType !== 'Observation') return resource.resourceType;
  return resource.category?.[0]?.coding?.[0]?.code;
}

function dateOf(resource) {
  const date =
    resource.period?.start ??
    resource.performedPeriod?.start ??
    resource.effectiveDateTime ??
    resource.occurrenceDateTime ??
    resource.authoredOn ??
    resource.started ??
    resource.recordedDate;
  return date === undefined ? 0 : Date.parse(date);
}

function codeOf(resource) {
  const concept =
    resource.code ??
    resource.vaccineCode ??
    resource.medicationCodeableConcept ??
    resource.procedureCode?.[0];
  return concept?.coding?.[0]?.code ?? '';
}

/** Active illness and treatment before what is over, disorders before social findings. */
function importanceByStatus(resource) {
  const status = resource.clinicalStatus?.coding?.[0]?.code ?? resource.status;
  const display = resource.code?.coding?.[0]?.display ?? '';
  return (status === 'active' ? 1 : 0) + (display.endsWith('(disorder)') ? 2 : 0);
}

/** How much a resource tells, among those of its kind, as a number: more is better. */
const IMPORTANCE = {
  laboratory: (resource) => (PREFERRED_RESULTS.has(codeOf(resource)) ? 1 : 0),
  // What was done once (a stent, an X-ray) tells more than what every visit repeats (a questionnaire).
  Procedure: (resource, times) => -times.get(codeOf(resource)),
  ImagingStudy: (resource) => (/dental/i.test(resource.procedureCode?.[0]?.text ?? '') ? 0 : 1),
};

function compareText(left, right) {
  if (left === right) return 0;
  return left < right ? -1 : 1;
}

function newestFirst(left, right) {
  return dateOf(right) - dateOf(left) || compareText(left.id, right.id);
}

/** The newest of every code, most important first; then the second newest of every code, and so on. */
function choose(resources, kind, limit = LIMITS[kind]) {
  const importanceOf = IMPORTANCE[kind] ?? importanceByStatus;
  const times = new Map();
  const ranked = [...resources].sort(newestFirst).map((resource) => {
    const code = codeOf(resource);
    const repeat = times.get(code) ?? 0;
    times.set(code, repeat + 1);
    return { resource, repeat };
  });
  const important = new Map(ranked.map(({ resource }) => [resource, importanceOf(resource, times)]));
  ranked.sort(
    (left, right) =>
      left.repeat - right.repeat ||
      important.get(right.resource) - important.get(left.resource) ||
      newestFirst(left.resource, right.resource),
  );
  const wanted = kind === 'Condition' ? ranked.filter(({ repeat }) => repeat === 0) : ranked;
  return wanted.slice(0, limit).map(({ resource }) => resource);
}

function compareReports(left, right) {
  const rankOf = (report) => {
    const rank = PREFERRED_REPORTS.indexOf(codeOf(report));
    return rank === -1 ? PREFERRED_REPORTS.length : rank;
  };
  return rankOf(left) - rankOf(right) || right.result.length - left.result.length || newestFirst(left, right);
}

/** Laboratory results with one report's panel first and whole, so that the report stays true. */
function chooseLaboratory(observations, reports) {
  const byUrl = new Map(observations.map((observation) => [`urn:uuid:${observation.id}`, observation]));
  const resultsOf = (report) => (report.result ?? []).map(({ reference }) => byUrl.get(reference));
  const whole = reports.filter((report) => {
    const results = resultsOf(report);
    return results.length > 0 && results.length <= LIMITS.laboratory && !results.includes(undefined);
  });
  whole.sort(compareReports);
  const report = whole.slice(0, LIMITS.DiagnosticReport);
  const results = report.flatMap(resultsOf);
  const others = observations.filter((observation) => !results.includes(observation));
  const codes = new Set(results.map(codeOf));
  const newCodes = others.filter((observation) => !codes.has(codeOf(observation)));
  const room = LIMITS.laboratory - results.length;
  const added = choose(newCodes, 'laboratory', room);
  const rest = choose(
    others.filter((observation) => !added.includes(observation)),
    'laboratory',
    room - added.length,
  );
  return { report, laboratory: [...results, ...added, ...rest] };
}

/** The newest encounters, then those in which most of the kept resources arose. */
function chooseEncounters(encounters, kept) {
  const uses = new Map();
  for (const resource of kept) {
    const url = resource.encounter?.reference;
    if (url !== undefined) uses.set(url, (uses.get(url) ?? 0) + 1);
  }
  const usesOf = (encounter) => uses.get(`urn:uuid:${encounter.id}`) ?? 0;
  const sorted = [...encounters].sort(newestFirst);
  const newest = sorted.slice(0, NEWEST_ENCOUNTERS);
  const others = sorted.slice(NEWEST_ENCOUNTERS).sort((left, right) => usesOf(right) - usesOf(left));
  return [...newest, ...others].slice(0, LIMITS.Encounter).sort(newestFirst);
}

const DROPPED = Symbol('dropped');

function cleanArray(items, urls) {
  const kept = items.map((item) => clean(item, urls)).filter((item) => item !== DROPPED);
  return kept.length === 0 ? DROPPED : kept;
}

function cleanReference(value, urls) {
  if (urls.has(value.reference)) return value;
  return value.display === undefined ? DROPPED : { display: value.display };
}

/** A copy without unresolved references, narratives and profile claims; FHIR allows no empty element. */
function clean(value, urls) {
  if (Array.isArray(value)) return cleanArray(value, urls);
  if (value === null || typeof value !== 'object') return value;
  if (typeof value.reference === 'string') return cleanReference(value, urls);
  const copy = {};
  for (const [key, inner] of Object.entries(value)) {
    const cleaned = clean(inner, urls);
    if (cleaned !== DROPPED) copy[key] = cleaned;
  }
  return Object.keys(copy).length === 0 ? DROPPED : copy;
}

function cleanResource({ meta: _meta, text: _text, ...resource }, urls) {
  return clean(resource, urls);
}

/** Medication is not a kind kept: its code moves into the request, where the element is required. */
function inlineMedication(request, medications) {
  const { medicationReference, ...rest } = request;
  if (medicationReference === undefined) return request;
  const medication = medications.get(medicationReference.reference);
  if (medication === undefined)
    throw new Error(`MedicationRequest ${request.id}: no ${medicationReference.reference}`);
  const { id, status, intent, ...after } = rest;
  delete after.resourceType;
  return {
    resourceType: 'MedicationRequest',
    id,
    status,
    intent,
    medicationCodeableConcept: medication.code,
    ...after,
  };
}

function group(resources) {
  const groups = new Map([...Object.keys(LIMITS), 'Patient'].map((kind) => [kind, []]));
  for (const resource of resources) groups.get(kindOf(resource))?.push(resource);
  return groups;
}

function selectResources(resources) {
  const groups = group(resources);
  const medications = new Map(
    resources
      .filter(({ resourceType }) => resourceType === 'Medication')
      .map((item) => [`urn:uuid:${item.id}`, item]),
  );
  groups.set(
    'MedicationRequest',
    groups.get('MedicationRequest').map((item) => inlineMedication(item, medications)),
  );
  const { report, laboratory } = chooseLaboratory(groups.get('laboratory'), groups.get('DiagnosticReport'));
  const selected = new Map(Object.keys(LIMITS).map((kind) => [kind, choose(groups.get(kind), kind)]));
  selected.set('laboratory', laboratory);
  selected.set('DiagnosticReport', report);
  selected.set('Encounter', []);
  selected.set('Encounter', chooseEncounters(groups.get('Encounter'), [...selected.values()].flat()));
  return [...groups.get('Patient'), ...[...selected.values()].flat()];
}

/** @returns {object} a Bundle of type collection in which every reference resolves */
export function trimBundle(bundle) {
  const selected = selectResources(bundle.entry.map(({ resource }) => resource));
  const urls = new Set(selected.map(({ id }) => `urn:uuid:${id}`));
  return {
    resourceType: 'Bundle',
    type: 'collection',
    entry: selected.map((resource) => ({
      fullUrl: `urn:uuid:${resource.id}`,
      resource: cleanResource(resource, urls),
    })),
  };
}

function referencesIn(value) {
  if (value === null || typeof value !== 'object') return [];
  const own = typeof value.reference === 'string' ? [value.reference] : [];
  return [...own, ...Object.values(value).flatMap(referencesIn)];
}

function assertBundle(bundle, text) {
  const urls = bundle.entry.map(({ fullUrl }) => fullUrl);
  const name = urls[0];
  const dangling = referencesIn(bundle).filter((reference) => !urls.includes(reference));
  if (dangling.length > 0) throw new Error(`${name}: does not hold ${dangling[0]}`);
  if (new Set(urls).size !== urls.length) throw new Error(`${name}: a resource stands twice`);
  if (urls.length > MAX_RESOURCES)
    throw new Error(`${name}: ${urls.length} resources, at most ${MAX_RESOURCES}`);
  if (Buffer.byteLength(text) > MAX_BYTES) throw new Error(`${name}: over ${MAX_BYTES} bytes`);
}

function readLiving(folder) {
  const bundles = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
    .filter(({ entry }) => entry[0]?.resource.resourceType === 'Patient')
    .filter(({ entry }) => entry[0].resource.deceasedDateTime === undefined);
  return bundles.map((bundle) => ({
    bundle,
    id: bundle.entry[0].resource.id,
    laboratory: bundle.entry.filter(({ resource }) => kindOf(resource) === 'laboratory').length,
  }));
}

function chooseLiving(folder) {
  const wanted = HOSPITALS.length * PATIENTS_PER_HOSPITAL;
  const living = readLiving(folder);
  if (living.length < wanted)
    throw new Error(`${folder}: ${living.length} living patients, expected ${wanted}`);
  living.sort((left, right) => right.laboratory - left.laboratory || compareText(left.id, right.id));
  return living.slice(0, wanted).map(({ bundle }) => bundle);
}

/** Dealt there and back (1 2 3 4 4 3 2 1), so that no hospital holds only the longest histories. */
function hospitalOf(index) {
  const round = Math.floor(index / HOSPITALS.length);
  const seat = index % HOSPITALS.length;
  return { hospital: HOSPITALS[round % 2 === 0 ? seat : HOSPITALS.length - 1 - seat], number: round + 1 };
}

function describe(bundle) {
  const counts = {};
  for (const { resource } of bundle.entry) {
    const kind =
      resource.resourceType === 'Observation' ? `Observation/${kindOf(resource)}` : resource.resourceType;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  const kinds = Object.entries(counts).map(([kind, count]) => `${kind} ${count}`);
  return `${bundle.entry.length} resources: ${kinds.join(', ')}`;
}

function main([input, output]) {
  if (input === undefined || output === undefined) {
    console.error('usage: trim-fhir.mjs INPUT_FOLDER OUTPUT_FOLDER');
    return 2;
  }
  const bundles = chooseLiving(input).map(trimBundle);
  rmSync(output, { recursive: true, force: true });
  for (const [index, bundle] of bundles.entries()) {
    const { hospital, number } = hospitalOf(index);
    const text = `${JSON.stringify(bundle, undefined, 1)}\n`;
    assertBundle(bundle, text);
    mkdirSync(join(output, hospital), { recursive: true });
    writeFileSync(join(output, hospital, `${number}.json`), text);
    const { gender, birthDate } = bundle.entry[0].resource;
    console.log(
      `${hospital}/${number}.json ${Buffer.byteLength(text)} bytes, ${gender} ${birthDate}, ${describe(bundle)}`,
    );
  }
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
