import { Type } from 'typebox';
import {
  AccessDecisionSchema,
  AccessQuerySchema,
  ERROR_CATALOGUE,
  MspId,
  OpenSchema,
  PostReceiptSchema,
  Pseudonym,
  ReceiptSchema,
  RecordId,
  RecordTypeSchema,
  Text,
  TransactionId,
  closed,
  oneOf,
  type ErrorCode,
} from '@careledger/protocol';
import type { Opening } from '../../services/openings-service.js';
import { callerOf, idempotencyOf } from '../request.js';
import { OPENING } from '../roles.js';
import { IdempotencyHeaders, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';
import { MediaType } from './records.js';

const tags = ['openings'];
const config = { access: { roles: OPENING } };
const headers = IdempotencyHeaders;
const params = AccessQuerySchema;
const { recordIds, purpose, caseId } = OpenSchema.properties;
const { operation } = PostReceiptSchema.properties;

const OpeningSchema = closed({
  accessId: TransactionId,
  records: Type.Array(
    closed({
      recordId: RecordId,
      ownerMspId: MspId,
      pseudonym: Pseudonym,
      type: RecordTypeSchema,
      contentType: MediaType,
      content: Type.String({ description: 'base64' }),
    }),
  ),
  denied: Type.Array(AccessDecisionSchema),
  failed: Type.Array(
    closed({
      recordId: RecordId,
      code: oneOf(Object.keys(ERROR_CATALOGUE) as ErrorCode[]),
      detail: Text(2000),
    }),
    { description: 'granted, but not to be had now: fetch the content again later' },
  ),
});

export const openingRoutes: Routes = (rest, { openings }) => {
  rest.post(
    '/v1/openings',
    {
      config,
      schema: {
        tags,
        summary: 'Open records: one ledger transaction decides, then the owners release',
        headers,
        body: closed({ recordIds, purpose, caseId }),
        response: { 201: OpeningSchema },
      },
    },
    async (request, reply) => {
      const opening = await openings.open({
        caller: callerOf(request),
        ...request.body,
        ...idempotencyOf(request),
      });
      return reply
        .code(201)
        .header('location', `/v1/openings/${opening.accessId}/content`)
        .send(inBase64(opening));
    },
  );

  rest.get(
    '/v1/openings/:accessId/content',
    {
      config,
      schema: {
        tags,
        summary: 'Fetch the content of an earlier opening again',
        params,
        response: { 200: OpeningSchema },
      },
    },
    async (request) => inBase64(await openings.content(callerOf(request), request.params.accessId)),
  );

  rest.post(
    '/v1/openings/:accessId/receipt',
    {
      config,
      schema: {
        tags,
        summary: 'Post the receipt; it ends the opening',
        params,
        headers,
        body: closed({ operation }),
        response: { 201: transactionOf(ReceiptSchema) },
      },
    },
    async (request, reply) => {
      const receipt = { accessId: request.params.accessId, operation: request.body.operation };
      const posted = await openings.postReceipt(
        callerOf(request),
        receipt,
        idempotencyOf(request).idempotencyKey,
      );
      return reply.code(201).send(posted);
    },
  );
};

function inBase64({ records, ...opening }: Opening) {
  const encoded = records.map((record) => ({
    ...record,
    content: Buffer.from(record.content).toString('base64'),
  }));
  return { ...opening, records: encoded };
}
