import {
  LinkCaseIdSchema,
  LinkCaseSchema,
  ListLinkCasesSchema,
  OpenLinkCaseSchema,
  closed,
} from '@careledger/protocol';
import { callerOf, idempotencyOf } from '../request.js';
import { IdempotencyHeaders, pageOf, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['links'];
const headers = IdempotencyHeaders;
const params = LinkCaseIdSchema;
const askers = { access: { roles: ['officer', 'auditor'] as const } };
const { linkCaseId, pseudonyms, reason } = OpenLinkCaseSchema.properties;

/** Which pseudonyms are one patient's: docs/flows.md has the steps in their order. */
export const linkCaseRoutes: Routes = (rest, { contracts, sharing }) => {
  rest.post(
    '/v1/link-cases',
    {
      config: askers,
      schema: {
        tags,
        summary: 'Ask the members to say which pseudonyms are one patient’s',
        description:
          'Needs a majority of the members. Request, reason and outcome stand on the ledger for ever, and the patients are told.',
        headers,
        body: closed({ linkCaseId, pseudonyms, reason }),
        response: { 201: transactionOf(LinkCaseSchema) },
      },
    },
    async (request, reply) => {
      const opened = await sharing.linkCases.open(callerOf(request), request.body, idempotencyOf(request));
      return reply.code(201).send(opened);
    },
  );

  rest.get(
    '/v1/link-cases',
    {
      config: askers,
      schema: {
        tags,
        summary: 'Cases that link pseudonyms, oldest first',
        querystring: ListLinkCasesSchema,
        response: { 200: pageOf(LinkCaseSchema) },
      },
    },
    (request) => contracts.evaluate(callerOf(request).identity, 'links', 'List', request.query),
  );

  rest.get(
    '/v1/link-cases/:linkCaseId',
    {
      config: askers,
      schema: { tags, summary: 'One case', params, response: { 200: LinkCaseSchema } },
    },
    (request) => contracts.evaluate(callerOf(request).identity, 'links', 'Get', request.params),
  );

  rest.post(
    '/v1/link-cases/:linkCaseId/approvals',
    {
      config: { access: { roles: ['officer'] } },
      schema: {
        tags,
        summary: 'Approve a case for this hospital',
        params,
        headers,
        response: { 200: transactionOf(LinkCaseSchema) },
      },
    },
    (request) => {
      const { identity } = callerOf(request);
      return contracts.submit(identity, 'links', 'Approve', request.params, idempotencyOf(request));
    },
  );

  rest.post(
    '/v1/link-cases/:linkCaseId/outcome',
    {
      config: askers,
      schema: {
        tags,
        summary: 'Have the holders’ parts combined, at the hospital that asked, and post what came out',
        params,
        response: { 200: LinkCaseSchema },
      },
    },
    (request) => sharing.linkCases.conclude(request.params.linkCaseId),
  );
};
