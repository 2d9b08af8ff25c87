import { Type } from 'typebox';
import {
  CEREMONY_PURPOSES,
  CEREMONY_SCHEMES,
  CeremonyQuerySchema,
  CeremonySchema,
  MspId,
  ObjectId,
  StartCeremonySchema,
  closed,
  oneOf,
  type Ceremony,
  type CeremonyScheme,
} from '@careledger/protocol';
import type { CeremonyLedger } from '../../ceremony/ceremony-ledger.js';
import { AWAITED_STEPS, progressOf } from '../../ceremony/ceremony-progress.js';
import { startPlan } from '../../ceremony/start-plan.js';
import type { CeremonyCustody } from '../../ports/ceremony-custody.js';
import { callerOf, idempotencyOf } from '../request.js';
import { ADMINISTRATION, ANYONE } from '../roles.js';
import { IdempotencyHeaders, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['ceremonies'];
const read = { access: { roles: ANYONE } };
const administer = { access: { roles: ADMINISTRATION } };
const headers = IdempotencyHeaders;

const ProgressSchema = closed({
  ceremony: CeremonySchema,
  own: Type.Optional(
    closed({
      attempt: Type.Integer(),
      round: Type.Integer(),
      phase: Type.String(),
      candidates: Type.Integer(),
      expectedCandidates: Type.Number({ description: 'tried on average: a matter of luck' }),
      fraction: Type.Number({ description: 'of the expected work, 0 to 1' }),
    }),
  ),
  awaited: Type.Array(closed({ mspId: MspId, what: oneOf(AWAITED_STEPS) })),
});

const StartSchema = closed({
  /** Chosen by the caller, so that a repeated request is the same ceremony. */
  ceremonyId: ObjectId,
  scheme: Type.Optional(oneOf(CEREMONY_SCHEMES)),
  purpose: Type.Optional(oneOf(CEREMONY_PURPOSES)),
  holders: Type.Optional(StartCeremonySchema.properties.holders),
});

/** The attempt that is given up: a repeated request does not give up the next one. */
const ResumeSchema = closed({ attempt: CeremonySchema.properties.attempt });

/** The making of the consortium's keys, and their sharing anew. The gateways carry a ceremony forward themselves. */
export function ceremonyRoutes(modules: {
  readonly ledgers: Readonly<Record<CeremonyScheme, CeremonyLedger>>;
  readonly custody: Pick<CeremonyCustody, 'part'>;
  /** Of the Paillier key that a ceremony started here makes. */
  readonly keyBits: number;
}): Routes {
  const { ledgers, custody, keyBits } = modules;
  const { paillier: ledger } = ledgers;
  const progress = (ceremony: Ceremony) => progressOf(ceremony, { ledger, custody });
  return (rest, { contracts }) => {
    rest.get(
      '/v1/ceremonies',
      {
        config: read,
        schema: {
          tags,
          summary: 'Ceremonies of both keys, and how far those are that have not ended',
          response: { 200: closed({ items: Type.Array(ProgressSchema) }) },
        },
      },
      async () => {
        const ceremonies = await ledger.allSchemes();
        return { items: await Promise.all(ceremonies.map(progress)) };
      },
    );

    rest.get(
      '/v1/ceremonies/:ceremonyId',
      {
        config: read,
        schema: {
          tags,
          summary: 'Phase, attempt and round of a ceremony, who is awaited, and who was named',
          params: CeremonyQuerySchema,
          response: { 200: ProgressSchema },
        },
      },
      async (request) => progress(await ledger.get(request.params.ceremonyId)),
    );

    rest.post(
      '/v1/ceremonies',
      {
        config: administer,
        schema: {
          tags,
          summary: 'Start a ceremony; every active member holds a share of what it makes',
          headers,
          body: StartSchema,
          response: { 201: transactionOf(CeremonySchema) },
        },
      },
      async (request, reply) => {
        const { ceremonyId, scheme = 'paillier', purpose = 'generate', holders } = request.body;
        const asked = { ceremonyId, purpose, holders };
        const plan = await startPlan(asked, { ledger: ledgers[scheme], keyBits });
        const { identity } = callerOf(request);
        const started = contracts.submit(identity, 'ceremonies', 'Start', plan, idempotencyOf(request));
        return reply.code(201).send(await started);
      },
    );

    rest.post(
      '/v1/ceremonies/:ceremonyId/resumptions',
      {
        config: administer,
        schema: {
          tags,
          summary: 'Give the present attempt up for a new one, also of a ceremony that failed',
          params: CeremonyQuerySchema,
          headers,
          body: ResumeSchema,
          response: { 200: transactionOf(CeremonySchema) },
        },
      },
      (request) => {
        const { ceremonyId } = request.params;
        const argument = { ceremonyId, attempt: request.body.attempt };
        const { identity } = callerOf(request);
        return contracts.submit(identity, 'ceremonies', 'Resume', argument, idempotencyOf(request));
      },
    );

    rest.post(
      '/v1/ceremonies/:ceremonyId/abandonments',
      {
        config: administer,
        schema: {
          tags,
          summary: 'End a ceremony without a key, so that another may start',
          params: CeremonyQuerySchema,
          headers,
          response: { 200: transactionOf(CeremonySchema) },
        },
      },
      (request) => {
        const { ceremonyId } = request.params;
        const { identity } = callerOf(request);
        return contracts.submit(identity, 'ceremonies', 'Abandon', { ceremonyId }, idempotencyOf(request));
      },
    );
  };
}
