import { Type } from 'typebox';
import {
  PageFields,
  PatientGrantSchema,
  PatientQuerySchema,
  RevokeSchema,
  closed,
} from '@careledger/protocol';
import { GrantRequestSchema } from '../../sharing/signed-grants.js';
import { seesGrant } from '../readers.js';
import { callerOf, idempotencyOf } from '../request.js';
import { ANYONE, RELAY } from '../roles.js';
import { IdempotencyHeaders, pageOf, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['grants'];
const config = { access: { roles: RELAY, patients: 'own' as const } };
const headers = IdempotencyHeaders;

export const grantRoutes: Routes = (rest, { contracts, sharing }) => {
  rest.post(
    '/v1/grants',
    {
      config,
      schema: {
        tags,
        summary:
          'A grant, signed by the patient; with edges, and a share of each for every proxy, if it goes by re-encryption',
        headers,
        body: GrantRequestSchema,
        response: { 201: transactionOf(PatientGrantSchema) },
      },
    },
    async (request, reply) => {
      const { identity } = callerOf(request);
      const committed = await sharing.signedGrants.grant(identity, request.body, idempotencyOf(request));
      return reply.code(201).send(committed);
    },
  );

  rest.post(
    '/v1/grants/revocations',
    {
      config,
      schema: {
        tags,
        summary: 'A revocation, signed by the patient',
        headers,
        body: RevokeSchema,
        response: { 200: transactionOf(PatientGrantSchema) },
      },
    },
    (request) =>
      contracts.submit(callerOf(request).identity, 'grants', 'Revoke', request.body, idempotencyOf(request)),
  );

  rest.get(
    '/v1/patients/:pseudonym/grants',
    {
      config: { access: { roles: ANYONE, patients: 'own', readers: 'granted' } },
      schema: {
        tags,
        summary: 'Live grants of a patient, or page through the ended ones',
        description: 'A hospital at which the patient is not enrolled sees those that it holds or forwarded.',
        params: PatientQuerySchema,
        querystring: closed({
          ended: Type.Optional(Type.Boolean({ description: 'default false' })),
          pageSize: PageFields.pageSize,
          bookmark: PageFields.bookmark,
        }),
        response: { 200: pageOf(PatientGrantSchema) },
      },
    },
    async (request) => {
      const { ended = false, ...page } = request.query;
      const argument = { pseudonym: request.params.pseudonym, ended, ...page };
      const listed = await contracts.evaluate(callerOf(request).identity, 'grants', 'List', argument);
      return { ...listed, items: listed.items.filter((grant) => seesGrant(request, grant)) };
    },
  );
};
