import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ADMIN_ENROLMENT_ID,
  startEmbeddedConsortium,
  type EmbeddedConsortiumOptions,
  type Gateway,
  type GatewayModules,
} from '@careledger/gateway';
import type { Role } from '@careledger/protocol';

/** What an HTTP request answered. `body` is parsed JSON. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: AnswerBody;
}

/** JSON as it came: each test reads what it expects, and a missing member is undefined. */
export interface AnswerBody {
  readonly [member: string]: unknown;
  readonly code?: string;
}

export interface Person {
  readonly mspId: string;
  readonly enrolmentId: string;
  readonly token: string;
  get(path: string): Promise<Answer>;
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** Sends the text as it is. */
  send(path: string, text: string, contentType: string): Promise<Answer>;
}

export interface TestConsortium {
  readonly channel: string;
  readonly gateways: readonly Gateway[];
  gateway(hospital: number): Gateway;
  storeOf(hospital: number): GatewayModules['store'];
  custodyOf(hospital: number): GatewayModules['custody'];
  /** CIDs that the hospital's gateway stored during the work. */
  recordingPuts(hospital: number, work: () => Promise<void>): Promise<string[]>;
  /** Enrols over HTTP, signs in, and speaks as that person. `hospital` counts from 1. */
  person(hospital: number, role: Role, department?: string): Promise<Person>;
  as(hospital: number, token: string): Person;
  stop(): Promise<void>;
}

/** Four hospitals in this process on free ports. A folder of their own, unless one is given, goes with them. */
export async function startTestConsortium(
  options: Partial<Omit<EmbeddedConsortiumOptions, 'ports'>> = {},
): Promise<TestConsortium> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'careledger-scenario-')));
  const originals: GatewayModules[] = [];
  const consortium = await startEmbeddedConsortium({
    log: { level: 'silent' },
    ...options,
    dataDir,
    ports: 'free',
    wrapModules(mspId, modules) {
      originals.push(modules);
      return options.wrapModules?.(mspId, modules) ?? modules;
    },
  });
  const { gateways, topology } = consortium;
  let enrolled = 0;
  const gateway = (hospital: number): Gateway => gateways[hospital - 1]!;
  const as = (hospital: number, token: string, enrolmentId = ''): Person =>
    speakAs(gateway(hospital), { token, enrolmentId });

  const signIn = async (hospital: number, enrolmentId: string, secret: string): Promise<Person> => {
    const { body } = await as(hospital, '').post('/v1/token', { enrolmentId, secret });
    return as(hospital, String(body['token']), enrolmentId);
  };
  const administrator = async (hospital: number): Promise<Person> => {
    const folder = topology.hospitals[hospital - 1]!.id;
    const secret = await readFile(join(dataDir, folder, 'gateway', 'admin-secret'), 'utf8');
    return signIn(hospital, ADMIN_ENROLMENT_ID, secret.trim());
  };

  return {
    channel: topology.channel,
    gateways,
    gateway,
    storeOf: (hospital) => originals[hospital - 1]!.store,
    custodyOf: (hospital) => originals[hospital - 1]!.custody,
    async recordingPuts(hospital, work) {
      const { store } = originals[hospital - 1]!;
      const original = store.put.bind(store);
      const cids: string[] = [];
      store.put = async (bytes) => {
        const cid = await original(bytes);
        cids.push(cid);
        return cid;
      };
      try {
        await work();
      } finally {
        store.put = original;
      }
      return cids;
    },
    as,
    async person(hospital, role, department) {
      const admin = await administrator(hospital);
      if (role === 'admin') return admin;
      enrolled += 1;
      const enrolmentId = `${role}-${String(enrolled)}`;
      const staff = { enrolmentId, role, ...(department === undefined ? {} : { department }) };
      const { status, body } = await admin.post('/v1/staff', staff);
      if (status !== 201) throw new Error(`enrolling ${enrolmentId}: ${JSON.stringify(body)}`);
      return signIn(hospital, enrolmentId, String(body['secret']));
    },
    async stop() {
      await consortium.stop();
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function speakAs(gateway: Gateway, { token, enrolmentId }: { token: string; enrolmentId: string }): Person {
  const authorization = token === '' ? {} : { authorization: `Bearer ${token}` };
  const send = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(gateway.restUrl + path, init);
    const text = await response.text();
    const contentType = response.headers.get('content-type') ?? '';
    return {
      status: response.status,
      contentType,
      body: (contentType.includes('json') ? JSON.parse(text) : {}) as AnswerBody,
    };
  };
  return {
    mspId: gateway.mspId,
    enrolmentId,
    token,
    get: (path) => send(path, { headers: authorization }),
    post: (path, body, headers) =>
      send(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...authorization, ...headers },
        body: JSON.stringify(body),
      }),
    send: (path, text, contentType) =>
      send(path, { method: 'POST', headers: { 'content-type': contentType, ...authorization }, body: text }),
  };
}
