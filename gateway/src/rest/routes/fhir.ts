import { Type } from 'typebox';
import { Pseudonym, closed } from '@careledger/protocol';
import type { PutOutcome } from '../../services/records-service.js';
import { FHIR_MEDIA_TYPE } from '../problems.js';
import { callerOf, idempotencyOf } from '../request.js';
import { CARE } from '../roles.js';
import { IdempotencyHeaders } from '../schemas.js';
import type { Routes } from '../types.js';

/** FHIR R4 in, one batch of records out: one record per type of content. */
export const fhirRoutes: Routes = (rest, { records, splitFhir }) => {
  rest.post(
    '/fhir/R4/Bundle',
    {
      config: { access: { roles: CARE }, isFhir: true },
      schema: {
        tags: ['fhir'],
        summary: 'Split a FHIR R4 resource or bundle by record type and anchor all parts in one transaction',
        consumes: [FHIR_MEDIA_TYPE],
        produces: [FHIR_MEDIA_TYPE],
        headers: IdempotencyHeaders,
        querystring: closed({ patient: Pseudonym }),
        body: Type.Unknown(),
        response: { 201: Type.Object({ resourceType: Type.Literal('Bundle') }) },
      },
    },
    async (request, reply) => {
      const pseudonym = request.query.patient;
      const plain = splitFhir(request.body).map((part) => ({ ...part, pseudonym, sharable: true }));
      const outcome = await records.put({
        caller: callerOf(request),
        records: plain,
        ...idempotencyOf(request),
      });
      return reply.code(201).type(FHIR_MEDIA_TYPE).send(asBundle(outcome));
    },
  );
};

/** A `batch-response` with one entry per anchored record; its identifier is the ledger transaction. */
function asBundle({ txId, batchId, records }: PutOutcome) {
  return {
    resourceType: 'Bundle' as const,
    id: batchId,
    type: 'batch-response',
    identifier: { system: 'urn:careledger:transaction', value: txId },
    entry: records.map(({ recordId }) => ({
      response: { status: '201 Created', location: `/v1/records/${recordId}` },
    })),
  };
}
