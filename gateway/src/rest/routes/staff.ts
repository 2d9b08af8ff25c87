import { Type } from 'typebox';
import {
  Department,
  EnrolmentId,
  ROLES,
  RoleSchema,
  Text,
  closed,
  oneOf,
  type Role,
} from '@careledger/protocol';
import { ADMINISTRATION } from '../roles.js';
import type { Routes } from '../types.js';

/** The gateway's own role is not one to hand out. */
const STAFF_ROLES = ROLES.filter((role): role is Exclude<Role, 'gateway'> => role !== 'gateway');

const config = { access: { roles: ADMINISTRATION, whileNotReady: true } };
const tags = ['staff'];
const description = { enrolmentId: EnrolmentId, role: RoleSchema, department: Type.Optional(Department) };

export const staffRoutes: Routes = (rest, { staff }) => {
  rest.post(
    '/v1/staff',
    {
      config,
      schema: {
        tags,
        summary: 'Enrol a member of staff; the secret is shown once',
        body: closed({ ...description, role: oneOf(STAFF_ROLES) }),
        response: { 201: closed({ ...description, secret: Text(200) }) },
      },
    },
    async (request, reply) => reply.code(201).send(await staff.enrol(request.body)),
  );

  rest.get(
    '/v1/staff',
    {
      config,
      schema: {
        tags,
        summary: 'Everyone enrolled',
        response: { 200: closed({ items: Type.Array(closed(description)) }) },
      },
    },
    async () => ({ items: await staff.list() }),
  );
};
