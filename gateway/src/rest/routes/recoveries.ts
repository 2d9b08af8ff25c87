import {
  CancelRecoverySchema,
  OpenRecoverySchema,
  PatientQuerySchema,
  RecoverySchema,
  RecoveryStepSchema,
  closed,
} from '@careledger/protocol';
import { assertSamePath, callerOf, idempotencyOf } from '../request.js';
import { OFFICE, RELAY } from '../roles.js';
import { IdempotencyHeaders, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['identities'];
const config = { access: { roles: OFFICE } };
const headers = IdempotencyHeaders;
const response = { 200: transactionOf(RecoverySchema) };
const { pseudonym, recoveryId } = RecoveryStepSchema.properties;
const params = PatientQuerySchema;
const step = closed({ pseudonym, recoveryId });
const { keys, formDigest } = OpenRecoverySchema.properties;

/** Loss of a recoverable patient's key: identity proven at a hospital, a majority of hospitals, a waiting time. */
export const recoveryRoutes: Routes = (rest, { contracts }) => {
  rest.post(
    '/v1/patients/:pseudonym/recoveries',
    {
      config,
      schema: {
        tags,
        summary: 'Open the recovery of a lost key, with the patient’s new keys',
        params,
        headers,
        body: closed({ keys, formDigest }),
        response: { 201: transactionOf(RecoverySchema) },
      },
    },
    async (request, reply) => {
      const argument = { ...request.params, ...request.body };
      const { identity } = callerOf(request);
      const options = idempotencyOf(request);
      return reply
        .code(201)
        .send(await contracts.submit(identity, 'identities', 'OpenRecovery', argument, options));
    },
  );

  rest.get(
    '/v1/patients/:pseudonym/recoveries/latest',
    {
      config: { access: { roles: ['officer', 'auditor'], patients: 'own', readers: 'deciding' } },
      schema: { tags, summary: 'The last recovery of a patient', params, response: { 200: RecoverySchema } },
    },
    (request) => contracts.evaluate(callerOf(request).identity, 'identities', 'GetRecovery', request.params),
  );

  rest.post(
    '/v1/patients/:pseudonym/recoveries/:recoveryId/approvals',
    {
      config,
      schema: {
        tags,
        summary: 'Approve, as an officer of another hospital',
        params: step,
        headers,
        response,
      },
    },
    (request) => {
      const { identity } = callerOf(request);
      return contracts.submit(
        identity,
        'identities',
        'ApproveRecovery',
        request.params,
        idempotencyOf(request),
      );
    },
  );

  rest.post(
    '/v1/patients/:pseudonym/recoveries/:recoveryId/refusals',
    {
      config,
      schema: {
        tags,
        summary: 'Refuse, as an officer of any hospital, also of one that approved',
        params: step,
        headers,
        response,
      },
    },
    (request) => {
      const { identity } = callerOf(request);
      return contracts.submit(
        identity,
        'identities',
        'RefuseRecovery',
        request.params,
        idempotencyOf(request),
      );
    },
  );

  rest.post(
    '/v1/patients/:pseudonym/recoveries/:recoveryId/cancellation',
    {
      config: { access: { roles: RELAY, patients: 'own' } },
      schema: {
        tags,
        summary:
          'Cancel: signed by the patient, or without a signature by the officer who opened it or one of the patient’s hospital',
        params: step,
        headers,
        body: CancelRecoverySchema,
        response,
      },
    },
    (request) => {
      assertSamePath('pseudonym', request.params.pseudonym, request.body.arguments.pseudonym);
      assertSamePath('recoveryId', request.params.recoveryId, request.body.arguments.recoveryId);
      const { identity } = callerOf(request);
      return contracts.submit(identity, 'identities', 'CancelRecovery', request.body, idempotencyOf(request));
    },
  );

  rest.post(
    '/v1/patients/:pseudonym/recoveries/:recoveryId/completion',
    {
      config,
      schema: { tags, summary: 'Complete, once the waiting time is over', params: step, headers, response },
    },
    (request) => {
      const { identity } = callerOf(request);
      return contracts.submit(
        identity,
        'identities',
        'CompleteRecovery',
        request.params,
        idempotencyOf(request),
      );
    },
  );
};
