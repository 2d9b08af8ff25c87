import { Instant, OpenSessionSchema, Text, closed } from '@careledger/protocol';
import type { Routes } from '../types.js';

export const patientSessionRoutes: Routes = (rest, { patientSessions }) => {
  rest.post(
    '/v1/patient-sessions',
    {
      config: { access: 'public' },
      schema: {
        tags: ['sign-in'],
        summary:
          'A patient’s short session, signed with the pseudonym’s key: for this pseudonym’s own routes',
        body: OpenSessionSchema,
        response: { 201: closed({ token: Text(4096), expiresAt: Instant }) },
      },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      return reply.code(201).send(await patientSessions.open(request.body));
    },
  );
};
