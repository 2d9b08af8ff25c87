import { readFileSync } from 'node:fs';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';

const PROBE_TIMEOUT_MS = 3_000;
const PORT_PROBE_MS = 500;
const MAXIMUM_BODY_CHARACTERS = 4_000_000;

export interface HttpAddress {
  host: string;
  port: number;
  path: string;
  method?: 'GET' | 'POST';
}

/** @returns the body of a 2xx answer; undefined while nothing listens. @throws on any other answer. */
export function probeHttp(address: HttpAddress): Promise<string | undefined> {
  return probe(httpRequest, { ...address });
}

export function probeHttps(address: HttpAddress & { rootFile: string }): Promise<string | undefined> {
  return probe(httpsRequest, { ...address, ca: readFileSync(address.rootFile) } as RequestOptions);
}

function probe(request: typeof httpRequest, options: RequestOptions): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ timeout: PROBE_TIMEOUT_MS, agent: false, ...options }, (incoming) => {
      let body = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => {
        if (body.length < MAXIMUM_BODY_CHARACTERS) body += chunk;
      });
      incoming.on('end', () => {
        const status = incoming.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve(body);
        else reject(new Error(`HTTP ${String(status)}: ${body.slice(0, 200).trim()}`));
      });
      incoming.on('error', reject);
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', (error) => {
      if ('code' in error && error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    });
    outgoing.end();
  });
}

/** Does anything accept connections there? */
export function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: PORT_PROBE_MS });
    const answer = (listening: boolean): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.on('connect', () => {
      answer(true);
    });
    socket.on('error', () => {
      answer(false);
    });
    socket.on('timeout', () => {
      answer(false);
    });
  });
}
