import { randomUUID } from 'node:crypto';
import fastify, { type FastifyReply, type FastifyRequest, type RouteOptions } from 'fastify';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { CareLedgerError } from '@careledger/protocol';
import { assertOwnRequest, authenticate } from './authentication.js';
import './context.js';
import { createInFlightLimit } from './in-flight.js';
import { loggerOptions, type LogOptions } from './logging.js';
import type { GatewayMetrics } from './metrics.js';
import { describeApi } from './openapi.js';
import {
  FHIR_MEDIA_TYPE,
  PROBLEM_MEDIA_TYPE,
  asCareLedgerError,
  toOperationOutcome,
  toProblem,
} from './problems.js';
import { assertReader } from './readers.js';
import { accessRoutes } from './routes/access.js';
import { emergencyRoutes } from './routes/emergencies.js';
import { fhirRoutes } from './routes/fhir.js';
import { grantRoutes } from './routes/grants.js';
import { identityRoutes } from './routes/identities.js';
import { instructionRoutes } from './routes/instructions.js';
import { linkCaseRoutes } from './routes/link-cases.js';
import { memberRoutes } from './routes/members.js';
import { openingRoutes } from './routes/openings.js';
import { operationRoutes } from './routes/operations.js';
import { consentRoutes } from './routes/consents.js';
import { patientSessionRoutes } from './routes/patient-sessions.js';
import { patientRoutes } from './routes/patients.js';
import { recordRoutes } from './routes/records.js';
import { recoveryRoutes } from './routes/recoveries.js';
import { sharingRoutes } from './routes/sharing.js';
import { staffRoutes } from './routes/staff.js';
import { sweepRoutes } from './routes/sweeps.js';
import { tokenRoutes } from './routes/tokens.js';
import type { Rest, RestServices, Routes } from './types.js';
import { validatorCompiler } from './validation.js';

export interface RestOptions {
  readonly hospitalName: string;
  readonly bodyLimitBytes: number;
  readonly maxInFlight: number;
  /** Time for a request to arrive in full. */
  readonly requestTimeoutMs: number;
  /** Time for a handler to answer. */
  readonly handlerTimeoutMs: number;
  readonly log: LogOptions;
}

/** One line per object of the interface. `routes` adds those of other packages of the gateway. */
const ROUTES: readonly Routes[] = [
  operationRoutes,
  tokenRoutes,
  patientSessionRoutes,
  staffRoutes,
  memberRoutes,
  patientRoutes,
  recordRoutes,
  fhirRoutes,
  consentRoutes,
  identityRoutes,
  recoveryRoutes,
  grantRoutes,
  sharingRoutes,
  instructionRoutes,
  openingRoutes,
  accessRoutes,
  emergencyRoutes,
  linkCaseRoutes,
  sweepRoutes,
];

/** Builds the REST interface; it listens when the caller says so. */
export async function createRest(
  options: RestOptions,
  modules: {
    readonly services: RestServices;
    readonly metrics: GatewayMetrics;
    readonly routes?: readonly Routes[];
  },
): Promise<Rest> {
  const { services, metrics } = modules;
  const rest: Rest = fastify({
    bodyLimit: options.bodyLimitBytes,
    // The longest name of an identity: person/MSP id/enrolment id, its slashes as %2F.
    routerOptions: { maxParamLength: 200 },
    requestTimeout: options.requestTimeoutMs,
    connectionTimeout: options.requestTimeoutMs + options.handlerTimeoutMs,
    handlerTimeout: options.handlerTimeoutMs,
    forceCloseConnections: 'idle',
    // A client's request id would end up in the log and in problem documents: it is always our own.
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    logger: loggerOptions(options.log),
    frameworkErrors: (error, request, reply) => {
      void answerError(error, request, reply);
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  rest.setValidatorCompiler(validatorCompiler);
  // Answers come from the services as they are: response schemas describe them, they do not filter them.
  rest.setSerializerCompiler(() => (value) => JSON.stringify(value));
  rest.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  rest.setNotFoundHandler((request, reply) =>
    answerError(new CareLedgerError('ROUTE_NOT_FOUND'), request, reply),
  );
  rest.decorateRequest('caller', undefined);
  rest.decorateRequest('patient', undefined);
  rest.decorateRequest('grantsOf', undefined);
  rest.addHook('onRoute', assertSaysWhoMayUseIt);
  addFhirParser(rest);

  const inFlight = createInFlightLimit(options.maxInFlight);
  rest.addHook('onRequest', inFlight.enter);
  rest.addHook('onRequest', addHeaders);
  rest.addHook('onRequest', authenticate(services));
  rest.addHook('preHandler', assertOwnRequest);
  rest.addHook('preHandler', assertReader(services.contracts));
  rest.addHook('onResponse', inFlight.leave);
  rest.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    metrics.observeRequest({
      method: request.method,
      route,
      status: reply.statusCode,
      durationMs: reply.elapsedTime,
    });
    done();
  });

  await describeApi(rest, options.hospitalName);
  for (const routes of [...ROUTES, ...(modules.routes ?? [])]) {
    await rest.register((scope, _options, done) => {
      routes(scope.withTypeProvider<TypeBoxTypeProvider>(), services);
      done();
    });
  }
  await rest.ready();
  return rest;
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = asCareLedgerError(error, request.method);
  const { status } = known.entry;
  logFailure(known, request);
  if (status === 401) void reply.header('www-authenticate', 'Bearer');
  if (known.code === 'RATE_LIMITED') void reply.header('retry-after', '1');
  if (request.routeOptions.config.isFhir === true) {
    return reply.code(status).type(FHIR_MEDIA_TYPE).send(toOperationOutcome(known, request.id));
  }
  return reply.code(status).type(PROBLEM_MEDIA_TYPE).send(toProblem(known, request.id));
}

/** A part that is away is a state to watch (metrics and /readyz say so), not a defect that needs a stack. */
function logFailure(error: CareLedgerError, request: FastifyRequest): void {
  const { code, cause, entry } = error;
  if (entry.status === 503) request.log.warn({ code, reason: error.message }, 'request could not be served');
  else if (entry.status >= 500) request.log.error({ err: cause ?? error, code }, 'request failed');
}

function addHeaders(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  void reply.header('x-request-id', request.id).header('x-content-type-options', 'nosniff');
  done();
}

/** Denied by default: a route that forgot to say who may use it does not come up. */
function assertSaysWhoMayUseIt(route: RouteOptions): void {
  if (route.config?.access !== undefined || route.url.startsWith('/docs')) return;
  throw new Error(`The route ${route.url} does not say who may use it (config.access)`);
}

function addFhirParser(rest: Rest): void {
  rest.addContentTypeParser([FHIR_MEDIA_TYPE], { parseAs: 'string' }, (_request, text, done) => {
    try {
      done(null, JSON.parse(text.toString()));
    } catch (cause) {
      done(new CareLedgerError('MALFORMED_JSON', { cause }));
    }
  });
}
