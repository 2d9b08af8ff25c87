import { Type } from 'typebox';
import { Pseudonym, closed, oneOf } from '@careledger/protocol';
import { callerOf, idempotencyOf } from '../request.js';
import { ANYONE } from '../roles.js';
import { IdempotencyHeaders, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

/** What depends on time alone happens when somebody says so; anyone may. */
export const sweepRoutes: Routes = (rest, { contracts }) => {
  rest.post(
    '/v1/sweeps',
    {
      config: { access: { roles: ANYONE } },
      schema: {
        tags: ['sweeps'],
        summary:
          'Mark overdue receipts, or what is over of emergencies; with a pseudonym, end its expired grants',
        headers: IdempotencyHeaders,
        body: closed({
          pseudonym: Type.Optional(Pseudonym),
          of: Type.Optional(oneOf(['receipts', 'emergencies'] as const)),
        }),
        response: { 200: transactionOf(Type.Unknown()) },
      },
    },
    (request) => {
      const { identity } = callerOf(request);
      const options = idempotencyOf(request);
      const { pseudonym, of } = request.body;
      if (of === 'emergencies') return contracts.submit(identity, 'emergencies', 'Sweep', {}, options);
      if (pseudonym === undefined) return contracts.submit(identity, 'access', 'SweepReceipts', {}, options);
      return contracts.submit(identity, 'grants', 'Sweep', { pseudonym }, options);
    },
  );
};
