import { Type } from 'typebox';
import {
  AccessSchema,
  ClosePatientSchema,
  CustodyConsentSchema,
  EnrolSchema,
  NoticeSchema,
  PageFields,
  PatientGrantSchema,
  PatientInstructionSchema,
  PatientQuerySchema,
  PatientSchema,
  ReceiptSchema,
  RecoverySchema,
  RotateKeysSchema,
  SharingStateSchema,
  closed,
} from '@careledger/protocol';
import { assertSamePath, callerOf, idempotencyOf } from '../request.js';
import { ANYONE, AUDIT, RELAY } from '../roles.js';
import { IdempotencyHeaders, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['patients'];
const relay = { access: { roles: RELAY } };
const headers = IdempotencyHeaders;
const params = PatientQuerySchema;
const relayOwn = { access: { roles: RELAY, patients: 'own' as const } };

const { bookmark, pageSize, from, to } = PageFields;
/** Forwards nest as deep as the hops that the grant allows. */
const GrantNodeSchema = Type.Cyclic(
  { GrantNode: closed({ grant: PatientGrantSchema, forwards: Type.Array(Type.Ref('GrantNode')) }) },
  'GrantNode',
);
const LogSchema = closed({
  sharing: SharingStateSchema,
  grants: Type.Array(GrantNodeSchema),
  accesses: Type.Array(closed({ ...AccessSchema.properties, receipt: Type.Optional(ReceiptSchema) })),
  instructions: Type.Array(PatientInstructionSchema),
  notices: Type.Array(NoticeSchema),
  consent: Type.Optional(CustodyConsentSchema),
  recovery: Type.Optional(RecoverySchema),
  next: Type.Optional(
    closed({ accesses: bookmark, ended: bookmark, notices: bookmark, instructions: bookmark }),
  ),
});

/** What patients sign passes through unchanged: their authority is the signature, whoever relays it. */
export const patientRoutes: Routes = (rest, { contracts, patientLog }) => {
  rest.post(
    '/v1/patients',
    {
      config: relay,
      schema: {
        tags,
        summary: 'Enrol a patient at this hospital; signed with the key that it registers',
        headers,
        body: EnrolSchema,
        response: { 201: transactionOf(PatientSchema) },
      },
    },
    async (request, reply) => {
      const { identity } = callerOf(request);
      const committed = await contracts.submit(
        identity,
        'patients',
        'Enrol',
        request.body,
        idempotencyOf(request),
      );
      return reply.code(201).send(committed);
    },
  );

  rest.get(
    '/v1/patients/:pseudonym',
    {
      config: { access: { roles: ANYONE, patients: 'own' } },
      schema: { tags, summary: 'One patient', params, response: { 200: PatientSchema } },
    },
    (request) =>
      contracts.evaluate(callerOf(request).identity, 'patients', 'Get', {
        pseudonym: request.params.pseudonym,
      }),
  );

  rest.get(
    '/v1/patients/:pseudonym/log',
    {
      config: { access: { roles: AUDIT, patients: 'own' } },
      schema: {
        tags,
        summary:
          'What was done with a patient’s records: grants and forwards as a tree, openings and denials with receipts, notices',
        params,
        querystring: closed({
          from,
          to,
          pageSize,
          accessesAfter: bookmark,
          endedAfter: bookmark,
          noticesAfter: bookmark,
          instructionsAfter: bookmark,
        }),
        response: { 200: LogSchema },
      },
    },
    (request) =>
      patientLog.read(callerOf(request), { ...request.query, pseudonym: request.params.pseudonym }),
  );

  rest.post(
    '/v1/patients/:pseudonym/keys',
    {
      config: relayOwn,
      schema: {
        tags,
        summary: 'Rotate the keys of a patient; signed with the key that they replace',
        params,
        headers,
        body: RotateKeysSchema,
        response: { 200: transactionOf(PatientSchema) },
      },
    },
    (request) => {
      assertSamePath('pseudonym', request.params.pseudonym, request.body.arguments.pseudonym);
      const { identity } = callerOf(request);
      return contracts.submit(identity, 'patients', 'RotateKeys', request.body, idempotencyOf(request));
    },
  );

  rest.post(
    '/v1/patients/:pseudonym/closure',
    {
      config: relayOwn,
      schema: {
        tags,
        summary: 'Close a pseudonym; signed by the patient',
        params,
        headers,
        body: ClosePatientSchema,
        response: { 200: transactionOf(PatientSchema) },
      },
    },
    (request) => {
      assertSamePath('pseudonym', request.params.pseudonym, request.body.arguments.pseudonym);
      return contracts.submit(
        callerOf(request).identity,
        'patients',
        'Close',
        request.body,
        idempotencyOf(request),
      );
    },
  );
};
