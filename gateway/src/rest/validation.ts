import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { validate } from '@careledger/protocol';

/**
 * Routes are checked by the same function as the contracts' arguments, so a field that names a caller is
 * CALLER_IN_ARGUMENTS here too. Only query string and path are converted first: they know nothing but text.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const isText = httpPart === 'querystring' || httpPart === 'params';
  return (input: unknown) => {
    try {
      return { value: validate(schema, isText ? Value.Convert(schema, { ...(input as object) }) : input) };
    } catch (error) {
      return { error: error as Error };
    }
  };
};
