import { Type } from 'typebox';
import {
  CareLedgerError,
  CustodyConsentSchema,
  ConsentToCustodySchema,
  IdentityName,
  IdentityQuerySchema,
  IdentitySchema,
  MasterKeySchema,
  MspId,
  PatientQuerySchema,
  RegisterIdentitySchema,
  closed,
  hospitalOf,
} from '@careledger/protocol';
import { KeyRequestSchema, PartialKeySchema } from '../../sharing/extraction-protocol.js';
import { LabelKeyRequestSchema, ReturnedLabelKeySchema } from '../../sharing/signed-grants.js';
import { callerOf, idempotencyOf } from '../request.js';
import { ANYONE, AUDIT, OFFICE, RELAY } from '../roles.js';
import { IdempotencyHeaders, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['identities'];
const config = { access: { roles: RELAY, patients: 'own' as const } };
const anyone = { access: { roles: ANYONE, patients: 'any' as const } };
const headers = IdempotencyHeaders;
/** A name holds slashes, which a path writes as %2F. */
const params = closed({ name: IdentityName });
const { keyEpoch, oneTimeKey, at, signature } = KeyRequestSchema.properties;

export const identityRoutes: Routes = (rest, { contracts, sharing }) => {
  rest.get(
    '/v1/identity-key',
    {
      config: anyone,
      schema: {
        tags,
        summary: 'The identity master key in force, and how it is shared',
        response: { 200: MasterKeySchema },
      },
    },
    (request) => contracts.evaluate(callerOf(request).identity, 'identities', 'GetMasterKey', {}),
  );

  rest.post(
    '/v1/identities',
    {
      config,
      schema: {
        tags,
        summary: 'Register a patient’s identity key; signed with the pseudonym’s key',
        headers,
        body: RegisterIdentitySchema,
        response: { 201: transactionOf(IdentitySchema) },
      },
    },
    async (request, reply) => {
      // A hospital's own names are registered by its gateway, which has their keys.
      if (hospitalOf(request.body.arguments.registration.name) !== undefined)
        throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'the name of a patient' });
      const { identity } = callerOf(request);
      const committed = await contracts.submit(
        identity,
        'identities',
        'Register',
        request.body,
        idempotencyOf(request),
      );
      return reply.code(201).send(committed);
    },
  );

  rest.get(
    '/v1/identities/:name',
    {
      config: { access: { roles: ANYONE, patients: 'named' } },
      schema: {
        tags,
        summary: 'A registered identity: at the present epoch of its key, or at the one that is named',
        params,
        querystring: closed({ keyEpoch: IdentityQuerySchema.properties.keyEpoch }),
        response: { 200: IdentitySchema },
      },
    },
    (request) => {
      const argument = { name: request.params.name, ...request.query };
      return contracts.evaluate(callerOf(request).identity, 'identities', 'Get', argument);
    },
  );

  rest.post(
    '/v1/identities/:name/extract',
    {
      config,
      schema: {
        tags,
        summary: 'Parts of a patient’s identity key, each sealed to the one-time key of the signed request',
        params,
        body: closed({ keyEpoch, oneTimeKey, at, signature }),
        response: {
          200: closed({
            threshold: Type.Integer({ description: 'parts that are needed' }),
            parts: Type.Array(PartialKeySchema),
            missing: Type.Array(closed({ holder: MspId, reason: Type.String() })),
          }),
        },
      },
    },
    (request) => {
      const { name } = request.params;
      if (hospitalOf(name) !== undefined)
        throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'the name of a patient' });
      return sharing.extraction.relay({ name, ...request.body });
    },
  );

  rest.put(
    '/v1/patients/:pseudonym/label-key',
    {
      config,
      schema: {
        tags,
        summary: 'The label key of a patient of this hospital, sealed to it and signed by the patient',
        params: PatientQuerySchema,
        body: LabelKeyRequestSchema,
        response: { 204: Type.Null({ description: 'kept' }) },
      },
    },
    async (request, reply) => {
      await sharing.signedGrants.putLabelKey(request.params.pseudonym, request.body);
      return reply.code(204).send(null);
    },
  );

  rest.get(
    '/v1/patients/:pseudonym/label-key',
    {
      config,
      schema: {
        tags,
        summary: 'The label key, for a patient who lost it: sealed to the encryption key of the pseudonym',
        params: PatientQuerySchema,
        response: { 200: ReturnedLabelKeySchema },
      },
    },
    (request) => sharing.signedGrants.returnLabelKey(request.params.pseudonym),
  );

  rest.post(
    '/v1/patients/:pseudonym/custody-consent',
    {
      config: { access: { roles: OFFICE } },
      schema: {
        tags,
        summary: 'That a patient wants this hospital to keep the key; by the digest of the signed form',
        params: PatientQuerySchema,
        headers,
        body: closed({ formDigest: ConsentToCustodySchema.properties.formDigest }),
        response: { 201: transactionOf(CustodyConsentSchema) },
      },
    },
    async (request, reply) => {
      const argument = { ...request.params, ...request.body };
      const { identity } = callerOf(request);
      const options = idempotencyOf(request);
      const committed = await contracts.submit(identity, 'identities', 'ConsentToCustody', argument, options);
      return reply.code(201).send(committed);
    },
  );

  rest.delete(
    '/v1/patients/:pseudonym/custody-consent',
    {
      config: { access: { roles: OFFICE } },
      schema: {
        tags,
        summary: 'Withdraw the consent',
        params: PatientQuerySchema,
        headers,
        response: { 200: transactionOf(CustodyConsentSchema) },
      },
    },
    (request) => {
      const { identity } = callerOf(request);
      return contracts.submit(
        identity,
        'identities',
        'WithdrawConsent',
        request.params,
        idempotencyOf(request),
      );
    },
  );

  rest.get(
    '/v1/patients/:pseudonym/custody-consent',
    {
      config: { access: { roles: AUDIT, patients: 'own', readers: 'enrolled' } },
      schema: {
        tags,
        summary: 'The consent, if there is or was one',
        params: PatientQuerySchema,
        response: { 200: CustodyConsentSchema },
      },
    },
    (request) => contracts.evaluate(callerOf(request).identity, 'identities', 'GetConsent', request.params),
  );
};
