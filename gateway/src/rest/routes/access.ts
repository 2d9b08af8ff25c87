import { Type } from 'typebox';
import {
  AccessQuerySchema,
  AccessSchema,
  CareLedgerError,
  ListAccessSchema,
  PageFields,
  ReceiptSchema,
  closed,
  oneOf,
  validate,
} from '@careledger/protocol';
import { callerOf } from '../request.js';
import { ANYONE } from '../roles.js';
import { pageOf } from '../schemas.js';
import type { Routes } from '../types.js';

const tags = ['access'];
const config = { access: { roles: ANYONE } };

const EntrySchema = closed({ ...AccessSchema.properties, receipt: Type.Optional(ReceiptSchema) });
const ListQuery = closed({
  by: oneOf(['patient', 'requester', 'record', 'hospital', 'time']),
  value: Type.Optional(
    Type.String({ maxLength: 140, description: 'a requester is MSPID:ENROLMENTID; absent by time' }),
  ),
  ...PageFields,
});

export const accessRoutes: Routes = (rest, { audit }) => {
  rest.get(
    '/v1/access',
    {
      config,
      schema: {
        tags,
        summary: 'Who opened what: an auditor sees all, a hospital’s office its own, everyone else their own',
        querystring: ListQuery,
        response: { 200: pageOf(EntrySchema) },
      },
    },
    (request) => {
      const { value, ...query } = request.query;
      const named =
        value === undefined
          ? query
          : { ...query, value: query.by === 'requester' ? requester(value) : value };
      return audit.list(callerOf(request), validate(ListAccessSchema, named));
    },
  );

  rest.get(
    '/v1/access/:accessId',
    {
      config,
      schema: {
        tags,
        summary: 'One access entry',
        params: AccessQuerySchema,
        response: { 200: EntrySchema },
      },
    },
    (request) => audit.get(callerOf(request), request.params.accessId),
  );
};

function requester(text: string): { readonly mspId: string; readonly enrolmentId: string } {
  const [mspId, enrolmentId, ...rest] = text.split(':');
  if (mspId === undefined || enrolmentId === undefined || rest.length > 0) {
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'MSPID:ENROLMENTID', came: 'another form' });
  }
  return { mspId, enrolmentId };
}
