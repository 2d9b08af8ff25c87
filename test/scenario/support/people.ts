import { readFile } from 'node:fs/promises';
import { ADMIN_ENROLMENT_ID } from '@careledger/gateway';
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

/** One hospital's gateway, wherever it runs. */
export interface HospitalAddress {
  readonly mspId: string;
  readonly restUrl: string;
  readonly adminSecretFile: string;
}

export interface People {
  /** Enrols over HTTP, signs in, and speaks as that person. `hospital` counts from 1. */
  person(hospital: number, role: Role, department?: string): Promise<Person>;
  as(hospital: number, token: string): Person;
}

/** Longer than any answer of a gateway may take (its `handlerTimeoutMs`). */
const REQUEST_LIMIT_MS = 150_000;

export function peopleOf(hospitals: readonly HospitalAddress[]): People {
  // A running network remembers the staff of earlier runs.
  const run = Date.now().toString(36);
  let enrolled = 0;
  const as = (hospital: number, token: string, enrolmentId = ''): Person =>
    speakAs(hospitals[hospital - 1]!, { token, enrolmentId });
  const signIn = async (hospital: number, enrolmentId: string, secret: string): Promise<Person> => {
    const { body } = await as(hospital, '').post('/v1/token', { enrolmentId, secret });
    return as(hospital, String(body['token']), enrolmentId);
  };
  return {
    as,
    async person(hospital, role, department) {
      const secret = await readFile(hospitals[hospital - 1]!.adminSecretFile, 'utf8');
      const admin = await signIn(hospital, ADMIN_ENROLMENT_ID, secret.trim());
      if (role === 'admin') return admin;
      enrolled += 1;
      const enrolmentId = `${role}-${run}-${String(enrolled)}`;
      const staff = { enrolmentId, role, ...(department === undefined ? {} : { department }) };
      const { status, body } = await admin.post('/v1/staff', staff);
      if (status !== 201) throw new Error(`enrolling ${enrolmentId}: ${JSON.stringify(body)}`);
      return signIn(hospital, enrolmentId, String(body['secret']));
    },
  };
}

function speakAs(
  { mspId, restUrl }: HospitalAddress,
  { token, enrolmentId }: { token: string; enrolmentId: string },
): Person {
  const authorization = token === '' ? {} : { authorization: `Bearer ${token}` };
  const send = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(restUrl + path, { ...init, signal: AbortSignal.timeout(REQUEST_LIMIT_MS) });
    const text = await response.text();
    const contentType = response.headers.get('content-type') ?? '';
    return {
      status: response.status,
      contentType,
      body: (contentType.includes('json') ? JSON.parse(text) : {}) as AnswerBody,
    };
  };
  return {
    mspId,
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
