import type { FastifyRequest, FastifyServerOptions } from 'fastify';

export interface LogOptions {
  readonly level: 'silent' | 'error' | 'warn' | 'info' | 'debug';
  readonly stream?: { write(line: string): void };
}

/**
 * Logs say which route answered what and for how long. Bodies and query strings are never logged, and what could
 * carry a secret is censored also when someone logs a whole object.
 */
export function loggerOptions({ level, stream }: LogOptions): NonNullable<FastifyServerOptions['logger']> {
  return {
    level,
    ...(stream === undefined ? {} : { stream }),
    redact: {
      paths: ['authorization', 'secret', 'token', 'passphrase', 'content', 'body'].flatMap((name) => [
        name,
        `*.${name}`,
        `*.*.${name}`,
      ]),
      censor: '[redacted]',
    },
    serializers: {
      req: (request: FastifyRequest) => ({
        id: request.id,
        method: request.method,
        route: request.routeOptions.url,
      }),
    },
  };
}
