/** Loads the samples through the gateways' own REST, step by step; an interrupted load goes on where it stopped. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PanelLayout } from '@careledger/crypto';
import { demoPatient, enrol, signed } from './demo-patients.js';
import { knownIdOf, type DemoHospital, type Tokens } from './demo-staff.js';
import type { DemoState } from './demo-state.js';
import { unlessItExists, type GatewayClient } from './gateway-client.js';
import type { HeartSamples } from './heart-samples.js';
import { waitForKey } from './wait-for-key.js';
import { watchEncryption } from './watch-encryption.js';

export interface LoadProgress {
  readonly done: number;
  readonly total: number;
  readonly what: string;
}

export interface LoadOptions {
  readonly hospitals: readonly DemoHospital[];
  readonly tokens: ReadonlyMap<string, Tokens>;
  readonly state: DemoState;
  readonly channel: string;
  readonly samplesFolder: string;
  readonly heart: HeartSamples;
  /** Aborts between two steps. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: LoadProgress) => void;
}

const DEMO_GRANT_DAYS = 30;

interface Step {
  readonly what: string;
  run(): Promise<unknown>;
}

/** Counts patients and rows: one step of progress each. */
export class SampleLoad {
  readonly #recordSteps: readonly Step[];
  readonly #total: number;
  #done = 0;
  #underWay = 0;

  constructor(private readonly options: LoadOptions) {
    this.#recordSteps = [...fhirSteps(options), grantStep(options)];
    const rows = options.heart.layouts.map((layout) => this.#rowsOf(layout));
    this.#total = this.#recordSteps.length + rows.reduce((sum, count) => sum + count, 0);
  }

  /** Patients, their FHIR bundles, and the grant. */
  async records(): Promise<void> {
    for (const step of this.#recordSteps) {
      this.options.signal.throwIfAborted();
      if (!this.options.state.isDone(step.what)) this.#report(step.what);
      await this.#once(step);
      this.#done += 1;
    }
    this.#report('FHIR patients loaded');
  }

  /** The rows of one layout, at all hospitals at once: statistics over it can be asked when this resolves. */
  async panels(layout: PanelLayout): Promise<void> {
    this.options.signal.throwIfAborted();
    const { hospitals } = this.options;
    const rows = this.#rowsOf(layout);
    const report = (encrypted: number): void => {
      this.#underWay = encrypted;
      this.#report(`${layout.id}: ${encrypted} of ${rows} rows encrypted`);
    };
    if (this.#isUndone(layout)) {
      report(0);
      await this.#waitForKey();
      await this.#once(layoutStep(this.options, layout));
      const clients = hospitals.map(({ client }) => client);
      await watchEncryption(clients, { rows, report }, async () => {
        await Promise.all(clients.map((client) => this.#once(panelStep(this.options, client, layout))));
      });
    }
    this.#underWay = 0;
    this.#done += rows;
    this.#report(`${layout.id}: ${rows} rows loaded`);
  }

  async #waitForKey(): Promise<void> {
    const { hospitals, tokens, signal } = this.options;
    const [hospital] = hospitals;
    const token = hospital === undefined ? undefined : tokens.get(hospital.client.hospital.id)?.officer;
    if (hospital === undefined || token === undefined) return;
    const onProgress = (line: string): void => {
      this.#report(`the key of the consortium: ${line}`);
    };
    await waitForKey({ client: hospital.client, token }, { signal, onProgress });
  }

  async #once(step: Step): Promise<void> {
    await this.options.state.once(step.what, async () => {
      await step.run();
      return null;
    });
  }

  #isUndone(layout: PanelLayout): boolean {
    const { hospitals, state } = this.options;
    return hospitals.some(({ client }) => !state.isDone(panelStep(this.options, client, layout).what));
  }

  #rowsOf(layout: PanelLayout): number {
    const { hospitals, heart } = this.options;
    return hospitals.reduce((sum, { client }) => sum + heart.rowsOf(client.hospital.id, layout).length, 0);
  }

  #report(what: string): void {
    this.options.onProgress({ done: this.#done + this.#underWay, total: this.#total, what });
  }
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
      const patient = demoPatient(options.state, name);
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
      const patient = demoPatient(options.state, 'h1/1');
      const args = {
        grantId: idOf(`grant ${patient.pseudonym}`),
        pseudonym: patient.pseudonym,
        grantee: {
          kind: 'person',
          mspId: grantee.client.hospital.mspId,
          enrolmentId: knownIdOf(options.state, grantee.client.hospital.id, 'clinician'),
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

function layoutStep(options: LoadOptions, layout: PanelLayout): Step {
  return {
    what: `layout ${layout.id}`,
    run: async () => {
      const [first] = options.hospitals;
      if (first === undefined) return;
      const { officer } = tokensOf(options, first.client);
      await unlessItExists(() => first.client.post('/v1/panel-layouts', { layout }, { token: officer }));
    },
  };
}

/** Repeating it with the same rows is the same panel: the gateway anchors what it has encrypted already. */
function panelStep(options: LoadOptions, client: GatewayClient, layout: PanelLayout): Step {
  return {
    what: `${layout.id} of ${client.hospital.id}`,
    run: () => {
      const body = {
        panelId: idOf(`panel ${client.hospital.id} ${layout.id}`),
        layoutId: layout.id,
        layoutVersion: layout.version,
        rows: options.heart.rowsOf(client.hospital.id, layout),
      };
      return client.post('/v1/panels', body, { token: tokensOf(options, client).officer });
    },
  };
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
