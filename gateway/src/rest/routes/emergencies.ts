import {
  EmergencyCaseIdSchema,
  EmergencyOfficersSchema,
  EmergencySchema,
  IdentifySchema,
  ListEmergenciesSchema,
  MemberQuerySchema,
  NameOfficersSchema,
  NoticeSchema,
  OpenEmergencySchema,
  PageFields,
  PatientQuerySchema,
  PostReviewSchema,
  closed,
} from '@careledger/protocol';
import { callerOf, idempotencyOf } from '../request.js';
import { ADMINISTRATION, ANYONE, AUDIT } from '../roles.js';
import { IdempotencyHeaders, pageOf, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['emergencies'];
const headers = IdempotencyHeaders;
const params = EmergencyCaseIdSchema;
const officers = { access: { roles: ['officer'] as const } };
const { pseudonym } = IdentifySchema.properties;
const { finding, textDigest } = PostReviewSchema.properties;
const response = { 200: transactionOf(EmergencySchema) };
const { mspId, officers: named } = EmergencyOfficersSchema.properties;

/** Break glass: docs/flows.md has the steps in their order. */
export const emergencyRoutes: Routes = (rest, { contracts }) => {
  rest.post(
    '/v1/emergency-officers',
    {
      config: { access: { roles: ADMINISTRATION } },
      schema: {
        tags,
        summary: 'Name all officers who may approve emergencies for this hospital',
        headers,
        body: NameOfficersSchema,
        response: { 200: transactionOf(EmergencyOfficersSchema) },
      },
    },
    (request) => {
      const { identity } = callerOf(request);
      return contracts.submit(identity, 'emergencies', 'NameOfficers', request.body, idempotencyOf(request));
    },
  );

  rest.get(
    '/v1/emergency-officers/:mspId',
    {
      config: { access: { roles: ANYONE } },
      schema: {
        tags,
        summary: 'Officers whom a hospital named',
        params: MemberQuerySchema,
        response: { 200: closed({ mspId, officers: named }) },
      },
    },
    (request) => contracts.evaluate(callerOf(request).identity, 'emergencies', 'Officers', request.params),
  );

  rest.post(
    '/v1/emergencies',
    {
      config: { access: { roles: ['clinician'] } },
      schema: {
        tags,
        summary: 'Ask for the records of a patient of another hospital in an emergency',
        description:
          'Description and reason stand on the ledger for ever and must not identify the patient: no name, no number of four digits.',
        headers,
        body: OpenEmergencySchema,
        response: { 201: transactionOf(EmergencySchema) },
      },
    },
    async (request, reply) => {
      const { identity } = callerOf(request);
      const options = idempotencyOf(request);
      return reply
        .code(201)
        .send(await contracts.submit(identity, 'emergencies', 'Open', request.body, options));
    },
  );

  rest.get(
    '/v1/emergencies',
    {
      config: { access: { roles: ANYONE } },
      schema: {
        tags,
        summary: 'Emergencies; those that wait for something, a review included, first',
        querystring: ListEmergenciesSchema,
        response: { 200: pageOf(EmergencySchema) },
      },
    },
    (request) => contracts.evaluate(callerOf(request).identity, 'emergencies', 'List', request.query),
  );

  rest.get(
    '/v1/emergencies/:caseId',
    {
      config: { access: { roles: ANYONE } },
      schema: { tags, summary: 'One emergency', params, response: { 200: EmergencySchema } },
    },
    (request) => contracts.evaluate(callerOf(request).identity, 'emergencies', 'Get', request.params),
  );

  rest.post(
    '/v1/emergencies/:caseId/identification',
    {
      config: officers,
      schema: {
        tags,
        summary: 'Say which of this hospital’s patients it is',
        params,
        headers,
        body: closed({ pseudonym }),
        response,
      },
    },
    (request) => {
      const { identity } = callerOf(request);
      const argument = { ...request.params, ...request.body };
      return contracts.submit(identity, 'emergencies', 'Identify', argument, idempotencyOf(request));
    },
  );

  rest.post(
    '/v1/emergencies/:caseId/approvals',
    {
      config: officers,
      schema: { tags, summary: 'Approve, as a named officer', params, headers, response },
    },
    (request) => {
      const { identity } = callerOf(request);
      return contracts.submit(identity, 'emergencies', 'Approve', request.params, idempotencyOf(request));
    },
  );

  rest.post(
    '/v1/emergencies/:caseId/refusals',
    {
      config: officers,
      schema: { tags, summary: 'Refuse, as a named officer', params, headers, response },
    },
    (request) => {
      const { identity } = callerOf(request);
      return contracts.submit(identity, 'emergencies', 'Refuse', request.params, idempotencyOf(request));
    },
  );

  rest.post(
    '/v1/emergencies/:caseId/review',
    {
      config: officers,
      schema: {
        tags,
        summary: 'Review what was opened, once the access is over',
        params,
        headers,
        body: closed({ finding, textDigest }),
        response,
      },
    },
    (request) => {
      const { identity } = callerOf(request);
      const argument = { ...request.params, ...request.body };
      return contracts.submit(identity, 'emergencies', 'PostReview', argument, idempotencyOf(request));
    },
  );

  rest.get(
    '/v1/patients/:pseudonym/notices',
    {
      config: { access: { roles: AUDIT, patients: 'own', readers: 'enrolled' } },
      schema: {
        tags,
        summary: 'What a patient is told: emergencies, and cases that link its pseudonym',
        params: PatientQuerySchema,
        querystring: closed(PageFields),
        response: { 200: pageOf(NoticeSchema) },
      },
    },
    (request) => {
      const argument = { ...request.params, ...request.query };
      return contracts.evaluate(callerOf(request).identity, 'emergencies', 'Notices', argument);
    },
  );
};
