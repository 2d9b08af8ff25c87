import { Type } from 'typebox';
import {
  ForwardSchema,
  GrantChainSchema,
  GrantQuerySchema,
  ObjectId,
  PatientGrantSchema,
  PatientQuerySchema,
  Pseudonym,
  SENSITIVITIES,
  SetSharingSchema,
  SharingStateSchema,
  closed,
  oneOf,
} from '@careledger/protocol';
import { RenewalRequestSchema } from '../../sharing/signed-grants.js';
import { assertSeesGrant } from '../readers.js';
import { assertSamePath, callerOf, idempotencyOf } from '../request.js';
import { ANYONE, OPENING, RELAY } from '../roles.js';
import { IdempotencyHeaders, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['sharing'];
const relay = { access: { roles: RELAY, patients: 'own' as const } };
const staff = { access: { roles: OPENING } };
const anyone = { access: { roles: ANYONE, patients: 'own' as const } };
const granted = { access: { ...anyone.access, readers: 'granted' as const } };
const headers = IdempotencyHeaders;
const params = closed({ grantId: ObjectId });
const querystring = closed({ pseudonym: Pseudonym });
const { grantId, pseudonym, parentId, grantee, recordTypes, purposes, condition, ...rest } =
  ForwardSchema.properties;
const { notBefore, notAfter, maxHops, receiptDueWithinMs } = rest;
const ForwardBody = closed({
  ...{ grantId, pseudonym, parentId, grantee, recordTypes, purposes, condition },
  ...{ notBefore, notAfter, maxHops, receiptDueWithinMs },
  sensitivities: Type.Optional(
    Type.Array(oneOf(SENSITIVITIES), {
      minItems: 1,
      maxItems: SENSITIVITIES.length,
      uniqueItems: true,
      description: 'default: all that the parent grant covers',
    }),
  ),
});

/** Grants by re-encryption after they were made: renewed, passed on, ended, closed. */
export const sharingRoutes: Routes = (server, { contracts, sharing }) => {
  server.post(
    '/v1/grants/:grantId/renewal',
    {
      config: relay,
      schema: {
        tags,
        summary: 'New edges of the present epochs for a grant that lives on; signed by the patient',
        params,
        headers,
        body: RenewalRequestSchema,
        response: { 200: transactionOf(PatientGrantSchema) },
      },
    },
    (request) => {
      assertSamePath('grantId', request.params.grantId, request.body.arguments.grantId);
      return sharing.signedGrants.renew(callerOf(request).identity, request.body, idempotencyOf(request));
    },
  );

  server.post(
    '/v1/forwards',
    {
      config: staff,
      schema: {
        tags,
        summary: 'Pass on what a grant to this hospital, role or person allows to be passed on',
        headers,
        body: ForwardBody,
        response: { 201: transactionOf(PatientGrantSchema) },
      },
    },
    async (request, reply) => {
      const committed = await sharing.forwards.forward(
        callerOf(request),
        request.body,
        idempotencyOf(request),
      );
      return reply.code(201).send(committed);
    },
  );

  server.post(
    '/v1/forwards/:grantId/renewal',
    {
      config: staff,
      schema: {
        tags,
        summary: 'New edges for a forward whose parent grant got new ones',
        params,
        querystring,
        headers,
        response: { 200: transactionOf(PatientGrantSchema) },
      },
    },
    (request) => {
      const of = { ...request.params, ...request.query };
      return sharing.forwards.renew(callerOf(request), of, idempotencyOf(request));
    },
  );

  server.delete(
    '/v1/forwards/:grantId',
    {
      config: staff,
      schema: {
        tags,
        summary: 'End a forward of this hospital, and all that was passed on under it',
        params,
        querystring,
        headers,
        response: { 200: transactionOf(PatientGrantSchema) },
      },
    },
    (request) => {
      const argument = { ...request.params, ...request.query };
      const { identity } = callerOf(request);
      return contracts.submit(identity, 'grants', 'EndForward', argument, idempotencyOf(request));
    },
  );

  server.get(
    '/v1/patients/:pseudonym/grants/:grantId/chain',
    {
      config: granted,
      schema: {
        tags,
        summary: 'The grants from the patient’s own to this one, with their edges',
        params: GrantQuerySchema,
        response: { 200: GrantChainSchema },
      },
    },
    async (request) => {
      const chain = await contracts.evaluate(callerOf(request).identity, 'grants', 'Chain', request.params);
      assertSeesGrant(request, chain.links.at(-1)?.grant);
      return chain;
    },
  );

  server.get(
    '/v1/patients/:pseudonym/sharing',
    {
      config: anyone,
      schema: {
        tags,
        summary: 'Epochs of a patient’s tags and identity key, for which edges and headers are made',
        params: PatientQuerySchema,
        response: { 200: SharingStateSchema },
      },
    },
    (request) => contracts.evaluate(callerOf(request).identity, 'grants', 'GetSharing', request.params),
  );

  server.put(
    '/v1/patients/:pseudonym/sharing',
    {
      config: relay,
      schema: {
        tags,
        summary: 'Open or close one tag to sharing; signed by the patient',
        params: PatientQuerySchema,
        headers,
        body: SetSharingSchema,
        response: { 200: transactionOf(SharingStateSchema) },
      },
    },
    (request) => {
      assertSamePath('pseudonym', request.params.pseudonym, request.body.arguments.pseudonym);
      const { identity } = callerOf(request);
      return contracts.submit(identity, 'grants', 'SetSharing', request.body, idempotencyOf(request));
    },
  );
};
