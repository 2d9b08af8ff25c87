/** Loads the samples through the gateways' own REST, step by step; an interrupted load goes on where it stopped. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Panel } from '@careledger/protocol';
import { demoPatient, enrol, signed } from './demo-patients.js';
import { enrolmentIdOf, type DemoHospital, type Tokens } from './demo-staff.js';
import type { DemoState } from './demo-state.js';
import { unlessItExists, type GatewayClient } from './gateway-client.js';
import type { HeartSamples } from './heart-samples.js';

export interface LoadOptions {
  readonly hospitals: readonly DemoHospital[];
  readonly tokens: ReadonlyMap<string, Tokens>;
  readonly state: DemoState;
  readonly channel: string;
  readonly samplesFolder: string;
  readonly heart: HeartSamples;
  readonly onProgress: (progress: {
    readonly done: number;
    readonly total: number;
    readonly what: string;
  }) => void;
}

const KEY_WAIT_MS = 120_000;
const DEMO_GRANT_DAYS = 30;

interface Step {
  readonly what: string;
  run(): Promise<unknown>;
}

export async function loadSamples(options: LoadOptions): Promise<void> {
  const steps = [...fhirSteps(options), grantStep(options), ...heartSteps(options)];
  let done = 0;
  for (const step of steps) {
    options.onProgress({ done, total: steps.length, what: step.what });
    await options.state.once(step.what, async () => (await step.run()) ?? null);
    done += 1;
  }
  options.onProgress({ done, total: steps.length, what: 'samples loaded' });
}

function fhirSteps(options: LoadOptions): Step[] {
  return options.hospitals.flatMap(({ client }) => {
    const folder = join(options.samplesFolder, 'fhir', client.hospital.id);
    return readdirSync(folder)
      .filter((file) => file.endsWith('.json'))
      .sort()
      .map((file) =>
        fhirStep(options, client, join(folder, file), `${client.hospital.id}/${file.replace('.json', '')}`),
      );
  });
}

function fhirStep(options: LoadOptions, client: GatewayClient, path: string, name: string): Step {
  return {
    what: `FHIR patient ${name}`,
    run: async () => {
      const { officer, clinician } = tokensOf(options, client);
      const patient = await demoPatient(options.state, name);
      await enrol(client, officer, options.channel, patient);
      const bundle: unknown = JSON.parse(readFileSync(path, 'utf8'));
      const put = {
        token: clinician,
        contentType: 'application/fhir+json',
        idempotencyKey: idOf(`bundle ${patient.pseudonym}`),
      };
      return client.post(`/fhir/R4/Bundle?patient=${patient.pseudonym}`, bundle, put);
    },
  };
}

/** The one grant of the demonstration: patient h1/1 lets the clinician of h2 read laboratory results and vital signs. */
function grantStep(options: LoadOptions): Step {
  return {
    what: 'grant of patient h1/1 to the clinician of h2',
    run: async () => {
      const [owner, grantee] = options.hospitals;
      if (owner === undefined || grantee === undefined) return;
      const patient = await demoPatient(options.state, 'h1/1');
      const args = {
        grantId: idOf(`grant ${patient.pseudonym}`),
        pseudonym: patient.pseudonym,
        grantee: {
          kind: 'person',
          mspId: grantee.client.hospital.mspId,
          enrolmentId: enrolmentIdOf(grantee.client.hospital.id, 'clinician'),
        },
        recordTypes: ['laboratory', 'vital-signs'],
        purposes: ['treatment'],
        notBefore: new Date(Date.now() - 60_000).toISOString(),
        notAfter: new Date(Date.now() + DEMO_GRANT_DAYS * 86_400_000).toISOString(),
        maxHops: 0,
      };
      const body = signed(patient, options.channel, ['grants', 'Grant'], args);
      await unlessItExists(() =>
        owner.client.post('/v1/grants', body, { token: tokensOf(options, owner.client).clinician }),
      );
    },
  };
}

function heartSteps(options: LoadOptions): Step[] {
  const { hospitals, heart } = options;
  const wait: Step = { what: 'the consortium’s aggregation key', run: () => waitForKey(options) };
  const layouts = heart.layouts.map((layout): Step => ({
    what: `layout ${layout.id}`,
    run: async () => {
      const first = hospitals[0];
      if (first === undefined) return;
      await unlessItExists(() =>
        first.client.post(
          '/v1/panel-layouts',
          { layout },
          { token: tokensOf(options, first.client).officer },
        ),
      );
    },
  }));
  const panels = heart.layouts.map((layout): Step => ({
    what: `${layout.id} of ${hospitals.length} hospitals, encrypted`,
    run: () => Promise.all(hospitals.map(({ client }) => putPanel(options, client, layout.id))),
  }));
  return [wait, ...layouts, ...panels];
}

async function putPanel(options: LoadOptions, client: GatewayClient, layoutId: string): Promise<Panel> {
  const layout = options.heart.layouts.find(({ id }) => id === layoutId);
  if (layout === undefined) throw new Error(`no layout ${layoutId}`);
  const panelId = idOf(`panel ${client.hospital.id} ${layoutId}`);
  const body = {
    panelId,
    layoutId,
    layoutVersion: layout.version,
    rows: options.heart.rowsOf(client.hospital.id, layout),
  };
  const { officer } = tokensOf(options, client);
  await unlessItExists(() => client.post('/v1/panels', body, { token: officer }));
  return (await client.get(`/v1/panels/${panelId}`, officer)) as Panel;
}

async function waitForKey({ hospitals, tokens }: LoadOptions): Promise<void> {
  const client = hospitals[0]?.client;
  const token = client === undefined ? undefined : tokens.get(client.hospital.id)?.officer;
  if (client === undefined || token === undefined) return;
  const deadline = Date.now() + KEY_WAIT_MS;
  for (;;) {
    const key = (await client.get('/v1/aggregation-key', token).catch(() => undefined)) as
      { status?: string } | undefined;
    if (key?.status === 'active') return;
    if (Date.now() > deadline)
      throw new Error(
        'The aggregation key was not accepted by every hospital in time; see the gateways’ logs.',
      );
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function tokensOf({ tokens }: LoadOptions, client: GatewayClient): Tokens {
  const found = tokens.get(client.hospital.id);
  if (found === undefined) throw new Error(`nobody is signed in at ${client.hospital.id}`);
  return found;
}

/** A stable id of 128 bits, so that repeating an interrupted step repeats its request. */
function idOf(text: string): string {
  return createHash('sha256').update(`careledger/demo/${text}`).digest('hex').slice(0, 32);
}
