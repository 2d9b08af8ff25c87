import { Type } from 'typebox';
import {
  ApproveBuildSchema,
  MEMBER_VOTES,
  MemberQuerySchema,
  MemberSchema,
  Sha256,
  closed,
  oneOf,
} from '@careledger/protocol';
import { listOf } from '../../services/members.js';
import { callerOf, idempotencyOf } from '../request.js';
import { ADMINISTRATION, ANYONE } from '../roles.js';
import { IdempotencyHeaders, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['members'];
const read = { access: { roles: ANYONE, patients: 'any' as const } };
/** Voting and approving are how a consortium becomes ready, so they do not wait for it. */
const administer = { access: { roles: ADMINISTRATION, whileNotReady: true } };
const headers = IdempotencyHeaders;

export const memberRoutes: Routes = (rest, { contracts }) => {
  rest.get(
    '/v1/members',
    {
      config: read,
      schema: {
        tags,
        summary: 'All members',
        response: { 200: closed({ items: Type.Array(MemberSchema) }) },
      },
    },
    async (request) => ({ items: await listOf(contracts, callerOf(request).identity) }),
  );

  rest.get(
    '/v1/members/build',
    {
      config: read,
      schema: {
        tags,
        summary: 'The chaincode build that answers here, and the approved one',
        response: { 200: closed({ running: Type.String(), approved: Type.Optional(Sha256) }) },
      },
    },
    (request) => contracts.evaluate(callerOf(request).identity, 'members', 'Build', {}),
  );

  rest.get(
    '/v1/members/:mspId',
    {
      config: read,
      schema: { tags, summary: 'One member', params: MemberQuerySchema, response: { 200: MemberSchema } },
    },
    (request) =>
      contracts.evaluate(callerOf(request).identity, 'members', 'Get', { mspId: request.params.mspId }),
  );

  rest.post(
    '/v1/members/:mspId/votes',
    {
      config: administer,
      schema: {
        tags,
        summary: 'Vote in the name of this hospital',
        params: MemberQuerySchema,
        headers,
        body: closed({ vote: oneOf(MEMBER_VOTES) }),
        response: { 200: transactionOf(MemberSchema) },
      },
    },
    (request) => {
      const argument = { mspId: request.params.mspId, vote: request.body.vote };
      return contracts.submit(
        callerOf(request).identity,
        'members',
        'Vote',
        argument,
        idempotencyOf(request),
      );
    },
  );

  rest.post(
    '/v1/members/build-approvals',
    {
      config: administer,
      schema: {
        tags,
        summary: 'Approve a chaincode build in the name of this hospital',
        headers,
        body: ApproveBuildSchema,
        response: { 200: transactionOf(MemberSchema) },
      },
    },
    (request) =>
      contracts.submit(
        callerOf(request).identity,
        'members',
        'ApproveBuild',
        request.body,
        idempotencyOf(request),
      ),
  );
};
