import type { RouteOptions } from 'fastify';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { OperationOutcomeSchema, ProblemSchema } from './schemas.js';
import type { Rest } from './types.js';

/** OpenAPI 3.1 from the route schemas at /openapi.json, and a browsable page at /docs. */
export async function describeApi(rest: Rest, hospitalName: string): Promise<void> {
  rest.addSchema(ProblemSchema);
  rest.addSchema(OperationOutcomeSchema);
  rest.addHook('onRoute', describeErrors);
  await rest.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: `CareLedger gateway of ${hospitalName}`,
        version: '0.1.0',
        description: 'Encrypted records between hospitals: ciphertext off chain, evidence on chain.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    },
    refResolver: {
      buildLocalReference: (schema, _baseUri, _fragment, index) =>
        typeof schema.$id === 'string' ? schema.$id : `Schema${index}`,
    },
  });
  await rest.register(swaggerUi, { routePrefix: '/docs' });
}

/** Every route may answer with a problem, and every route that is not public wants a token. */
function describeErrors(route: RouteOptions): void {
  const schema = route.schema;
  if (schema === undefined) return;
  const isFhir = route.config?.isFhir === true;
  const problem = {
    description: 'See docs/errors.md.',
    content: {
      [isFhir ? 'application/fhir+json' : 'application/problem+json']: {
        schema: { $ref: isFhir ? 'OperationOutcome#' : 'Problem#' },
      },
    },
  };
  const response = schema.response as Record<string, unknown> | undefined;
  schema.response = { ...response, '4xx': problem, '5xx': problem };
  if (route.config?.access !== 'public') schema.security = [{ bearer: [] }];
}
