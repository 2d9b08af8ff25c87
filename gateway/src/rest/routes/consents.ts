import { Type } from 'typebox';
import { GrantArgumentsSchema, ObjectId, Pseudonym, SensitivitySchema, closed } from '@careledger/protocol';
import { consentFromGrant, termsFromConsent } from '../../fhir/index.js';
import { FHIR_MEDIA_TYPE } from '../problems.js';
import { assertSeesGrant } from '../readers.js';
import { callerOf } from '../request.js';
import { ANYONE } from '../roles.js';
import type { Routes } from '../types.js';

const tags = ['fhir'];
const config = {
  access: { roles: ANYONE, patients: 'own' as const, readers: 'granted' as const },
  isFhir: true,
};

/** Edges are made by whoever signs. */
const TermsSchema = closed({
  ...Type.Omit(GrantArgumentsSchema, ['grantId', 'edges']).properties,
  grantId: Type.Optional(ObjectId),
  sensitivities: Type.Array(SensitivitySchema),
});

export const consentRoutes: Routes = (rest, { contracts }) => {
  rest.post(
    '/v1/fhir/Consent',
    {
      config: { access: { roles: ANYONE, patients: 'any' }, isFhir: true },
      schema: {
        tags,
        summary: 'The terms of the grant that a FHIR R4 Consent asks for, to be signed; nothing is written',
        consumes: [FHIR_MEDIA_TYPE],
        produces: [FHIR_MEDIA_TYPE, 'application/json'],
        body: Type.Unknown(),
        response: { 200: TermsSchema },
      },
    },
    (request) => termsFromConsent(request.body),
  );

  rest.get(
    '/v1/fhir/Consent/:grantId',
    {
      config,
      schema: {
        tags,
        summary: 'A patient’s grant as a FHIR R4 Consent',
        produces: [FHIR_MEDIA_TYPE],
        params: closed({ grantId: ObjectId }),
        querystring: closed({ pseudonym: Pseudonym }),
        response: { 200: Type.Object({ resourceType: Type.Literal('Consent') }) },
      },
    },
    async (request, reply) => {
      const argument = { pseudonym: request.query.pseudonym, grantId: request.params.grantId };
      const grant = await contracts.evaluate(callerOf(request).identity, 'grants', 'Get', argument);
      assertSeesGrant(request, grant);
      return reply.type(FHIR_MEDIA_TYPE).send(consentFromGrant(grant) as { resourceType: 'Consent' });
    },
  );
};
