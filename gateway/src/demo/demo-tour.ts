/** The tour of sharing with the demonstration's hospitals and staff, printed step by step. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DemoNetwork } from './demo-network.js';
import { knownIdOf, type DemoHospital, type Tokens } from './demo-staff.js';
import type { DemoState } from './demo-state.js';
import { sharingTour, type TourHospital, type TourStep } from './sharing-tour.js';

export interface DemoTourOptions {
  readonly network: DemoNetwork;
  readonly state: DemoState;
  readonly tokens: ReadonlyMap<string, Tokens>;
  readonly samplesFolder: string;
  readonly signal: AbortSignal;
}

const STEP = 'tour of sharing';
/** A sample patient with laboratory results and imaging. */
const SAMPLE = join('fhir', 'h1', '1.json');

/**
 * With `once` every time, as a check; otherwise at the first start.
 * @returns whether every step came out as it should
 */
export async function tourOf(
  options: DemoTourOptions,
  { once }: { readonly once: boolean },
): Promise<boolean> {
  const { network, state, samplesFolder, signal } = options;
  if (!once && state.isDone(STEP)) {
    console.log(
      '\nSharing that the patient controls was shown at an earlier start; npm start -- --once shows it again.',
    );
    return true;
  }
  const [first, second, third] = network.hospitals.map((hospital) => tourHospital(hospital, options));
  if (first === undefined || second === undefined || third === undefined) return true;
  console.log('\nSharing that the patient controls (ok: as expected)');
  const { isAsExpected, log } = await sharingTour({
    hospitals: [first, second, third],
    channel: network.channel,
    bundle: JSON.parse(readFileSync(join(samplesFolder, SAMPLE), 'utf8')) as unknown,
    signal,
    onStep: (step) => {
      console.log(stepLine(step));
    },
  });
  console.log(['\nThe patient’s log', ...log.map((line) => `  ${line}`)].join('\n'));
  if (isAsExpected) await state.once(STEP, () => Promise.resolve(null));
  else console.log('\nA step of sharing did not come out as expected.');
  return isAsExpected;
}

function tourHospital(
  { client }: DemoHospital,
  { state, tokens }: DemoTourOptions,
): TourHospital | undefined {
  const { id, mspId } = client.hospital;
  const known = tokens.get(id);
  if (known === undefined) return undefined;
  return {
    mspId,
    gatewayUrl: client.url,
    officerToken: known.officer,
    clinicianToken: known.clinician,
    clinicianId: knownIdOf(state, id, 'clinician'),
  };
}

function stepLine({ title, expected, came, isAsExpected }: TourStep): string {
  const outcome = isAsExpected ? came : `EXPECTED ${expected}, CAME ${came}`;
  return `  ${isAsExpected ? 'ok' : 'NO'}  ${title}\n        ${outcome}`;
}
