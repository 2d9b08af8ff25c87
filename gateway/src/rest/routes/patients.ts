import {
  ClosePatientSchema,
  EnrolSchema,
  PatientQuerySchema,
  PatientSchema,
  RotateKeysSchema,
} from '@careledger/protocol';
import { assertSamePath, callerOf, idempotencyOf } from '../request.js';
import { ANYONE, RELAY } from '../roles.js';
import { IdempotencyHeaders, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['patients'];
const relay = { access: { roles: RELAY } };
const headers = IdempotencyHeaders;
const params = PatientQuerySchema;

/** What patients sign passes through unchanged: their authority is the signature, whoever relays it. */
export const patientRoutes: Routes = (rest, { contracts }) => {
  rest.post(
    '/v1/patients',
    {
      config: relay,
      schema: {
        tags,
        summary: 'Enrol a patient at this hospital; signed with the key that it registers',
        headers,
        body: EnrolSchema,
        response: { 201: transactionOf(PatientSchema) },
      },
    },
    async (request, reply) => {
      const { identity } = callerOf(request);
      const committed = await contracts.submit(
        identity,
        'patients',
        'Enrol',
        request.body,
        idempotencyOf(request),
      );
      return reply.code(201).send(committed);
    },
  );

  rest.get(
    '/v1/patients/:pseudonym',
    {
      config: { access: { roles: ANYONE } },
      schema: { tags, summary: 'One patient', params, response: { 200: PatientSchema } },
    },
    (request) =>
      contracts.evaluate(callerOf(request).identity, 'patients', 'Get', {
        pseudonym: request.params.pseudonym,
      }),
  );

  rest.post(
    '/v1/patients/:pseudonym/keys',
    {
      config: relay,
      schema: {
        tags,
        summary: 'Rotate the keys of a patient; signed with the key that they replace',
        params,
        headers,
        body: RotateKeysSchema,
        response: { 200: transactionOf(PatientSchema) },
      },
    },
    (request) => {
      assertSamePath('pseudonym', request.params.pseudonym, request.body.arguments.pseudonym);
      const { identity } = callerOf(request);
      return contracts.submit(identity, 'patients', 'RotateKeys', request.body, idempotencyOf(request));
    },
  );

  rest.post(
    '/v1/patients/:pseudonym/closure',
    {
      config: relay,
      schema: {
        tags,
        summary: 'Close a pseudonym; signed by the patient',
        params,
        headers,
        body: ClosePatientSchema,
        response: { 200: transactionOf(PatientSchema) },
      },
    },
    (request) => {
      assertSamePath('pseudonym', request.params.pseudonym, request.body.arguments.pseudonym);
      return contracts.submit(
        callerOf(request).identity,
        'patients',
        'Close',
        request.body,
        idempotencyOf(request),
      );
    },
  );
};
