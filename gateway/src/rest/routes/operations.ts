import { Type } from 'typebox';
import { closed } from '@careledger/protocol';
import type { Routes } from '../types.js';

const config = { access: 'public' } as const;

/** Probes and figures for whoever runs the gateway. */
export const operationRoutes: Routes = (rest, { readiness, metrics, disk }) => {
  const tags = ['operations'];

  rest.get(
    '/healthz',
    {
      config,
      schema: { tags, summary: 'The process answers', response: { 200: closed({ status: Type.String() }) } },
    },
    () => ({ status: 'alive' }),
  );

  rest.get(
    '/readyz',
    {
      config,
      schema: {
        tags,
        summary: 'The gateway is a member that may write, or why not',
        response: { 200: closed({ status: Type.String() }) },
      },
    },
    () => {
      readiness.assertReady();
      disk.assertWritable();
      return { status: 'ready' };
    },
  );

  rest.get(
    '/metrics',
    { config, schema: { tags, summary: 'Prometheus metrics' } },
    async (_request, reply) => {
      void reply.type(metrics.contentType);
      return metrics.metrics();
    },
  );

  rest.get('/openapi.json', { config, schema: { hide: true } }, () => rest.swagger());
};
