import { Type } from 'typebox';
import {
  LiftSuspensionSchema,
  ListInstructionsSchema,
  MemberInstructionSchema,
  PatientInstructionSchema,
  PatientQuerySchema,
  RetireMemberInstructionSchema,
  RetirePatientInstructionSchema,
  SetMemberInstructionSchema,
  SetPatientInstructionSchema,
  SuspensionSchema,
} from '@careledger/protocol';
import { assertSamePath, callerOf, idempotencyOf } from '../request.js';
import { AUDIT, DATA_OFFICE, RELAY } from '../roles.js';
import { IdempotencyHeaders, pageOf, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['instructions'];
const relay = { access: { roles: RELAY, patients: 'own' as const } };
const office = { access: { roles: DATA_OFFICE } };
const headers = IdempotencyHeaders;
const params = PatientQuerySchema;

export const instructionRoutes: Routes = (rest, { contracts }) => {
  rest.post(
    '/v1/patients/:pseudonym/instructions',
    {
      config: relay,
      schema: {
        tags,
        summary: 'A standing instruction, signed by the patient',
        params,
        headers,
        body: SetPatientInstructionSchema,
        response: { 201: transactionOf(PatientInstructionSchema) },
      },
    },
    async (request, reply) => {
      assertSamePath('pseudonym', request.params.pseudonym, request.body.arguments.pseudonym);
      const { identity } = callerOf(request);
      const options = idempotencyOf(request);
      return reply
        .code(201)
        .send(await contracts.submit(identity, 'instructions', 'SetForPatient', request.body, options));
    },
  );

  rest.post(
    '/v1/patients/:pseudonym/instruction-retirements',
    {
      config: relay,
      schema: {
        tags,
        summary: 'The end of a standing instruction, signed by the patient',
        params,
        headers,
        body: RetirePatientInstructionSchema,
        response: { 200: transactionOf(PatientInstructionSchema) },
      },
    },
    (request) => {
      assertSamePath('pseudonym', request.params.pseudonym, request.body.arguments.pseudonym);
      const { identity } = callerOf(request);
      return contracts.submit(
        identity,
        'instructions',
        'RetireForPatient',
        request.body,
        idempotencyOf(request),
      );
    },
  );

  rest.post(
    '/v1/instructions',
    {
      config: office,
      schema: {
        tags,
        summary: 'A standing instruction of this hospital',
        headers,
        body: SetMemberInstructionSchema,
        response: { 201: transactionOf(MemberInstructionSchema) },
      },
    },
    async (request, reply) => {
      const { identity } = callerOf(request);
      const options = idempotencyOf(request);
      return reply
        .code(201)
        .send(await contracts.submit(identity, 'instructions', 'SetForMember', request.body, options));
    },
  );

  rest.post(
    '/v1/instructions/retirements',
    {
      config: office,
      schema: {
        tags,
        summary: 'The end of a standing instruction of this hospital',
        headers,
        body: RetireMemberInstructionSchema,
        response: { 200: transactionOf(MemberInstructionSchema) },
      },
    },
    (request) => {
      const { identity } = callerOf(request);
      return contracts.submit(
        identity,
        'instructions',
        'RetireForMember',
        request.body,
        idempotencyOf(request),
      );
    },
  );

  rest.get(
    '/v1/instructions',
    {
      config: { access: { roles: AUDIT, patients: 'own', readers: 'enrolled' } },
      schema: {
        tags,
        summary:
          'Standing instructions of a patient, for the patient and its hospital’s office, or of the own hospital',
        querystring: ListInstructionsSchema,
        response: {
          200: pageOf(Type.Union([PatientInstructionSchema, MemberInstructionSchema])),
        },
      },
    },
    (request) => contracts.evaluate(callerOf(request).identity, 'instructions', 'List', request.query),
  );

  rest.post(
    '/v1/suspensions/lift',
    {
      config: office,
      schema: {
        tags,
        summary: 'Lift the suspension of a requester at this hospital',
        headers,
        body: LiftSuspensionSchema,
        response: { 200: transactionOf(SuspensionSchema) },
      },
    },
    (request) => {
      const { identity } = callerOf(request);
      return contracts.submit(
        identity,
        'instructions',
        'LiftSuspension',
        request.body,
        idempotencyOf(request),
      );
    },
  );
};
