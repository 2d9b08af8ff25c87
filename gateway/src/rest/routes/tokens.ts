import { EnrolmentId, Instant, Text, closed } from '@careledger/protocol';
import type { Routes } from '../types.js';

export const tokenRoutes: Routes = (rest, { staff }) => {
  rest.post(
    '/v1/token',
    {
      config: { access: 'public' },
      schema: {
        tags: ['sign-in'],
        summary: 'Sign in; attempts are bounded',
        body: closed({ enrolmentId: EnrolmentId, secret: Text(200) }),
        response: { 200: closed({ token: Text(4096), expiresAt: Instant }) },
      },
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store');
      return staff.signIn(request.body);
    },
  );
};
