import type { FastifyReply, FastifyRequest } from 'fastify';
import { CareLedgerError } from '@careledger/protocol';
import type { StaffCaller } from '../services/caller.js';
import type { RouteAccess } from './context.js';
import type { RestServices } from './types.js';

/** Names of identities that are no patient's. */
const OF_A_HOSPITAL = /^(?:member|role|person)\//;
const BEARER = /^Bearer ([A-Za-z0-9._~+/-]{1,4096}=*)$/i;

/** Runs before the body is read: who may not come in does not get a body parsed. */
export function authenticate(
  services: Pick<RestServices, 'tokens' | 'staff' | 'patientSessions' | 'readiness' | 'self'>,
) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const access = request.routeOptions.config.access;
    // Absent only where there is no route; its handler answers ROUTE_NOT_FOUND without telling anything.
    if (access === undefined || access === 'public') return;
    void reply.header('cache-control', 'no-store');
    const claims = await services.tokens.verify(bearerToken(request.headers.authorization));
    if ('pseudonym' in claims) {
      await services.patientSessions.assertPresent(claims);
      admitPatient(request, claims.pseudonym, { access, self: services.self });
    } else request.caller = admitted(await services.staff.callerFor(claims), access);
    const isWrite = request.method !== 'GET' && request.method !== 'HEAD';
    if (isWrite && access.whileNotReady !== true) services.readiness.assertReady();
  };
}

type StaffAccess = Exclude<RouteAccess, 'public'>;

function admitted(caller: StaffCaller, { roles }: StaffAccess): StaffCaller {
  if (roles.includes(caller.role)) return caller;
  throw new CareLedgerError('ROLE_NOT_ALLOWED', {
    expected: `one of ${roles.join(', ')}`,
    came: caller.role,
  });
}

function admitPatient(
  request: FastifyRequest,
  pseudonym: string,
  { access, self }: { readonly access: StaffAccess; readonly self: StaffCaller },
): void {
  if (access.patients === undefined) {
    throw new CareLedgerError('ROLE_NOT_ALLOWED', {
      expected: `one of ${access.roles.join(', ')}`,
      came: 'a patient’s session',
    });
  }
  request.patient = pseudonym;
  request.caller = self;
}

/**
 * Runs when path, query and body are parsed: a patient's session is good for requests about that pseudonym. One that
 * names no pseudonym at all is refused, so that a new route cannot forget to say whose it is. For one that may name
 * hospitals, roles and persons too, it is enough that no other patient is named.
 */
export function assertOwnRequest(
  request: FastifyRequest,
  _reply: FastifyReply,
  done: (error?: Error) => void,
): void {
  const { access } = request.routeOptions.config;
  const whose = typeof access === 'object' ? access.patients : undefined;
  if (request.patient === undefined || whose === undefined || whose === 'any') {
    done();
    return;
  }
  const named = pseudonymsIn(request).filter((name) => whose === 'own' || !OF_A_HOSPITAL.test(String(name)));
  const isOwn = named.every((pseudonym) => pseudonym === request.patient);
  const isAllowed = isOwn && (whose === 'named' || named.length > 0);
  done(isAllowed ? undefined : new CareLedgerError('NOT_OWNER', { expected: 'the session’s own pseudonym' }));
}

/** Wherever the routes for patients name one. */
function pseudonymsIn({ params, query, body }: FastifyRequest): unknown[] {
  const of = (value: unknown): Readonly<Record<string, unknown>> =>
    typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  const { by, value, pseudonym, owner } = of(query);
  const args = of(of(body)['arguments']);
  const name = of(params)['name'];
  const named = [
    of(params)['pseudonym'],
    pseudonym,
    owner,
    by === undefined ? undefined : by === 'patient' ? value : 'another listing',
    of(body)['pseudonym'],
    args['pseudonym'],
    typeof name === 'string' ? name.replace(/^patient\//, '') : undefined,
  ];
  return named.filter((candidate) => candidate !== undefined);
}

function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined) throw new CareLedgerError('TOKEN_MISSING');
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) throw new CareLedgerError('TOKEN_INVALID', { expected: 'Bearer TOKEN' });
  return token;
}
