import { Type } from 'typebox';
import {
  AggregationKeySchema,
  CareLedgerError,
  CODE_SYSTEMS,
  ContributionSchema,
  LIMITS,
  LayoutQuerySchema,
  ListPanelsSchema,
  ListQueriesSchema,
  ObjectId,
  OpenQuerySchema,
  PanelQuerySchema,
  PanelSchema,
  PartialSchema,
  QueryIdSchema,
  QuerySchema,
  RegisterLayoutSchema,
  RegisteredLayoutSchema,
  closed,
  oneOf,
  validate,
  type Query,
} from '@careledger/protocol';
import type { PanelsService } from '../../aggregate/panels-service.js';
import type { LocalKnowledge } from '../../aggregate/local-knowledge.js';
import { callerOf, idempotencyOf } from '../request.js';
import { ANYONE } from '../roles.js';
import { IdempotencyHeaders, pageOf, transactionOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['aggregate'];
const read = { access: { roles: ANYONE } };
const write = { access: { roles: ['officer'] as const } };
const headers = IdempotencyHeaders;

const SubjectSchema = closed({
  sex: Type.Optional(oneOf(['female', 'male'])),
  ageYears: Type.Optional(Type.Integer({ minimum: 0, maximum: 150 })),
  conditions: Type.Array(closed({ system: oneOf(CODE_SYSTEMS), code: Type.String({ maxLength: 20 }) }), {
    maxItems: 200,
  }),
  observedOn: Type.Optional(Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' })),
});

/** Facts of `subject` and the patient number stay in this hospital; only the encrypted values leave it. */
const PutPanelSchema = closed({
  panelId: ObjectId,
  layoutId: PanelSchema.properties.layoutId,
  layoutVersion: PanelSchema.properties.layoutVersion,
  rows: Type.Array(
    closed({
      patient: Type.String({ minLength: 1, maxLength: 64 }),
      subject: SubjectSchema,
      values: Type.Record(
        Type.String({ maxLength: 40 }),
        Type.Union([Type.String({ maxLength: 40 }), Type.Null()]),
      ),
    }),
    { minItems: 1, maxItems: LIMITS.panelRows },
  ),
});

const DetailsSchema = closed({
  query: QuerySchema,
  contributions: Type.Array(ContributionSchema),
  partials: Type.Array(PartialSchema),
});

/** Layouts, panels and queries. Queries are carried forward by the gateways themselves; see `aggregate/query-worker`. */
export function aggregateRoutes(modules: {
  readonly panels: PanelsService;
  readonly knowledge: LocalKnowledge;
}): Routes {
  return (rest, services) => {
    panelRoutes(modules.panels)(rest, services);
    queryRoutes(modules.knowledge)(rest, services);
  };
}

function panelRoutes(panels: PanelsService): Routes {
  return (rest, { contracts }) => {
    rest.get(
      '/v1/aggregation-key',
      {
        config: read,
        schema: { tags, summary: 'The consortium’s Paillier key', response: { 200: AggregationKeySchema } },
      },
      (request) => contracts.evaluate(callerOf(request).identity, 'queries', 'GetKey', {}),
    );

    rest.post(
      '/v1/panel-layouts',
      {
        config: write,
        schema: {
          tags,
          summary: 'Register a layout',
          headers,
          body: RegisterLayoutSchema,
          response: { 201: transactionOf(RegisteredLayoutSchema) },
        },
      },
      async (request, reply) => {
        const { identity } = callerOf(request);
        return reply
          .code(201)
          .send(
            await contracts.submit(
              identity,
              'panels',
              'RegisterLayout',
              request.body,
              idempotencyOf(request),
            ),
          );
      },
    );

    rest.get(
      '/v1/panel-layouts/:layoutId/:version',
      {
        config: read,
        schema: {
          tags,
          summary: 'A registered layout',
          params: LayoutQuerySchema,
          response: { 200: RegisteredLayoutSchema },
        },
      },
      (request) =>
        contracts.evaluate(callerOf(request).identity, 'panels', 'GetLayout', { ...request.params }),
    );

    rest.post(
      '/v1/panels',
      {
        config: write,
        schema: {
          tags,
          summary: 'Encrypt rows, store and anchor them as one panel',
          headers,
          body: PutPanelSchema,
          response: { 201: PanelSchema },
        },
      },
      async (request, reply) => {
        const { identity } = callerOf(request);
        return reply.code(201).send(await panels.put(request.body, { identity, ...idempotencyOf(request) }));
      },
    );

    rest.get(
      '/v1/panels',
      {
        config: read,
        schema: {
          tags,
          summary: 'Panels of a hospital',
          querystring: ListPanelsSchema,
          response: { 200: pageOf(PanelSchema) },
        },
      },
      (request) => {
        const query = validate(ListPanelsSchema, { ...request.query });
        return contracts.evaluate(callerOf(request).identity, 'panels', 'List', query);
      },
    );

    rest.get(
      '/v1/panels/:panelId',
      {
        config: read,
        schema: {
          tags,
          summary: 'An anchored panel',
          params: PanelQuerySchema,
          response: { 200: PanelSchema },
        },
      },
      (request) => contracts.evaluate(callerOf(request).identity, 'panels', 'Get', { ...request.params }),
    );
  };
}

/**
 * A query over the budget asks nobody, and that it was tried stands on the ledger.
 * @throws CareLedgerError QUERY_REFUSED
 */
function assertAsked({ queryId, status, refusal, fields }: Query): void {
  if (status !== 'refused' || refusal?.reason !== 'BUDGET_EXHAUSTED') return;
  const budget = `${LIMITS.queriesPerBudgetPeriod} fields in ${LIMITS.queryBudgetDays} days`;
  throw new CareLedgerError('QUERY_REFUSED', {
    message: `Your budget of ${budget} does not allow this query; nobody was asked.`,
    came: `${fields.length} more`,
    extensions: { queryId, reason: refusal.reason },
  });
}

function queryRoutes(knowledge: LocalKnowledge): Routes {
  return (rest, { contracts }) => {
    rest.post(
      '/v1/queries',
      {
        config: { access: { roles: ['researcher', 'officer'] } },
        schema: {
          tags,
          summary: 'Ask every hospital for a statistic; read the query until it is decrypted or refused',
          headers,
          body: OpenQuerySchema,
          response: { 202: transactionOf(QuerySchema) },
        },
      },
      async (request, reply) => {
        const { identity } = callerOf(request);
        const opened = await contracts.submit(
          identity,
          'queries',
          'Open',
          request.body,
          idempotencyOf(request),
        );
        assertAsked(opened.result);
        return reply.code(202).send(opened);
      },
    );

    rest.get(
      '/v1/queries',
      {
        config: read,
        schema: {
          tags,
          summary: 'Queries of a span of time',
          querystring: ListQueriesSchema,
          response: { 200: pageOf(QuerySchema) },
        },
      },
      (request) => {
        const query = validate(ListQueriesSchema, { ...request.query });
        return contracts.evaluate(callerOf(request).identity, 'queries', 'List', query);
      },
    );

    rest.get(
      '/v1/queries/:queryId',
      {
        config: read,
        schema: {
          tags,
          summary: 'A query with contributions, refusals, shares and result',
          params: QueryIdSchema,
          response: { 200: DetailsSchema },
        },
      },
      (request) => contracts.evaluate(callerOf(request).identity, 'queries', 'Get', { ...request.params }),
    );

    rest.get(
      '/v1/queries/:queryId/opening',
      {
        config: write,
        schema: {
          tags,
          summary: 'Open this hospital’s contribution, to hand it to an auditor',
          description: 'Names the rows of the cohort. The data officer decides to whom it is shown.',
          params: QueryIdSchema,
        },
      },
      async (request) => {
        const answered = await knowledge.answers.get(request.params.queryId);
        if (answered === undefined)
          throw new CareLedgerError('QUERY_NOT_FOUND', {
            came: 'a query without a contribution of this hospital',
          });
        return answered.opening;
      },
    );
  };
}
