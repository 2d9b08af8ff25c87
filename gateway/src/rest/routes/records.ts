import { Type } from 'typebox';
import {
  CareLedgerError,
  ErasureSchema,
  LIMITS,
  MspId,
  ObjectId,
  PageFields,
  Pseudonym,
  RecordId,
  RecordQuerySchema,
  RecordSchema,
  RecordTypeSchema,
  SensitivitySchema,
  Text,
  TransactionId,
  closed,
  oneOf,
  validate,
  ListRecordsSchema,
} from '@careledger/protocol';
import { erasureDocument } from '../erasure-document.js';
import { callerOf, idempotencyOf } from '../request.js';
import { ANYONE, CARE } from '../roles.js';
import { IdempotencyHeaders, pageOf, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['records'];
const read = { access: { roles: ANYONE } };
const write = { access: { roles: CARE } };
const headers = IdempotencyHeaders;
const params = RecordQuerySchema;

export const MediaType = Type.String({ pattern: '^[a-z]+/[A-Za-z0-9.+-]{1,100}(;[ -~]{1,100})?$' });
const Base64 = Type.String({ pattern: '^[A-Za-z0-9+/]+={0,2}$', description: 'base64, padded' });

const PutSchema = closed({
  records: Type.Array(
    closed({
      pseudonym: Pseudonym,
      type: RecordTypeSchema,
      contentType: MediaType,
      content: Base64,
      sensitivity: Type.Optional(SensitivitySchema),
      sharable: Type.Optional(Type.Boolean({ description: 'default true' })),
    }),
    { minItems: 1, maxItems: LIMITS.batchRecords },
  ),
});

const { contentCid, headerCid, digest, type } = RecordSchema.properties;
export const PutOutcomeSchema = closed({
  txId: TransactionId,
  batchId: ObjectId,
  records: Type.Array(
    closed({ recordId: RecordId, pseudonym: Pseudonym, type, contentCid, headerCid, digest }),
  ),
});

const ErasureDocumentSchema = closed({
  ...ErasureSchema.properties,
  /** The same in words, for whoever asked for the erasure. */
  document: Type.String(),
});

const ListQuery = closed({
  by: oneOf(['patient', 'hospital']),
  value: Type.Union([Pseudonym, MspId]),
  ...PageFields,
});

export const recordRoutes: Routes = (rest, { contracts, records }) => {
  rest.post(
    '/v1/records',
    {
      config: write,
      schema: {
        tags,
        summary: 'Seal, store and anchor records in one transaction',
        headers,
        body: PutSchema,
        response: { 201: PutOutcomeSchema },
      },
    },
    async (request, reply) => {
      const plain = request.body.records.map(({ content, sharable = true, ...record }) => ({
        ...record,
        sharable,
        content: decodeBase64(content),
      }));
      const outcome = await records.put({
        caller: callerOf(request),
        records: plain,
        ...idempotencyOf(request),
      });
      return reply.code(201).send(outcome);
    },
  );

  rest.get(
    '/v1/records',
    {
      config: { access: { roles: ANYONE, patients: 'own' } },
      schema: {
        tags,
        summary: 'Records of a patient or a hospital',
        querystring: ListQuery,
        response: { 200: pageOf(RecordSchema) },
      },
    },
    (request) => {
      const query = validate(ListRecordsSchema, { ...request.query });
      return contracts.evaluate(callerOf(request).identity, 'records', 'List', query);
    },
  );

  rest.get(
    '/v1/records/:recordId',
    {
      config: read,
      schema: { tags, summary: 'What the ledger holds of a record', params, response: { 200: RecordSchema } },
    },
    (request) =>
      contracts.evaluate(callerOf(request).identity, 'records', 'Get', { recordId: request.params.recordId }),
  );

  rest.post(
    '/v1/records/:recordId/supersession',
    {
      config: write,
      schema: {
        tags,
        summary: 'Name the record that replaces this one',
        params,
        headers,
        body: closed({ supersededBy: RecordId }),
        response: { 200: transactionOf(RecordSchema) },
      },
    },
    (request) => {
      const argument = { recordId: request.params.recordId, supersededBy: request.body.supersededBy };
      return contracts.submit(
        callerOf(request).identity,
        'records',
        'Supersede',
        argument,
        idempotencyOf(request),
      );
    },
  );

  rest.get(
    '/v1/records/:recordId/erasure',
    {
      config: read,
      schema: {
        tags,
        summary: 'Receipts of an erasure, and its certificate once every hospital has posted one',
        params,
        response: { 200: ErasureDocumentSchema },
      },
    },
    async (request) => {
      const { recordId } = request.params;
      const erasure = await contracts.evaluate(callerOf(request).identity, 'erasures', 'Get', { recordId });
      return { ...erasure, document: erasureDocument(erasure) };
    },
  );

  rest.post(
    '/v1/records/:recordId/erasure',
    {
      config: { access: { roles: ['officer'] } },
      schema: {
        tags,
        summary: 'Erase a record: the evidence stays, every hospital lets go of the ciphertext',
        params,
        headers,
        body: closed({ reason: Text(200) }),
        response: { 200: transactionOf(RecordSchema) },
      },
    },
    (request) => {
      const argument = { recordId: request.params.recordId, reason: request.body.reason };
      return contracts.submit(
        callerOf(request).identity,
        'records',
        'Erase',
        argument,
        idempotencyOf(request),
      );
    },
  );
};

/** Node's decoder skips what it does not know; two texts for one content would make retries ambiguous. */
function decodeBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') === text) return bytes;
  throw new CareLedgerError('SCHEMA_VIOLATION', {
    expected: 'content in padded base64',
    came: 'another encoding',
  });
}
