import { Type, type TSchema } from 'typebox';
import {
  ERROR_CATALOGUE,
  PageFields,
  TransactionId,
  closed,
  oneOf,
  type ErrorCode,
} from '@careledger/protocol';

const CODES = Object.keys(ERROR_CATALOGUE) as ErrorCode[];

/** RFC 9457; one definition for the OpenAPI document. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: oneOf(CODES),
    detail: Type.String(),
    action: Type.String({ description: 'what to do next' }),
    instance: Type.String({ description: 'names the request in the gateway’s log' }),
  },
  { $id: 'Problem', description: 'RFC 9457. Some codes add members, such as accessId. See docs/errors.md.' },
);

export const OperationOutcomeSchema = Type.Object(
  { resourceType: Type.Literal('OperationOutcome'), issue: Type.Array(Type.Unknown()) },
  { $id: 'OperationOutcome', description: 'FHIR R4. The catalogue’s code is in issue.details.coding.' },
);

/** Makes a retry safe: the first outcome is returned, and nothing is written again. */
export const IdempotencyHeaders = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[\\x21-\\x7e]{1,128}$',
      description: 'same key, same body: the first outcome again',
    }),
  ),
});

export const transactionOf = (result: TSchema) =>
  closed({ txId: TransactionId, blockNumber: Type.String({ pattern: '^[0-9]+$' }), result });

export const pageOf = (item: TSchema) =>
  closed({ items: Type.Array(item), bookmark: Type.Optional(PageFields.bookmark) });
