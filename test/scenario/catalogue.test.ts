import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ERROR_CATALOGUE } from '@careledger/protocol';
import { startTestConsortium, type TestConsortium } from './support/consortium.js';

const root = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const CODES = Object.keys(ERROR_CATALOGUE).sort();

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly object[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: { $ref?: string } }>> }>
  >;
}
interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: { readonly Problem: { properties: { code: { enum: string[] } } } };
  };
}

const PUBLIC = ['GET /healthz', 'GET /readyz', 'GET /metrics', 'POST /v1/token', 'POST /v1/patient-sessions'];

describe('scenario: the error catalogue, docs/errors.md and OpenAPI say the same', function () {
  this.timeout(60_000);

  let consortium: TestConsortium;
  let api: OpenApi;

  before(async () => {
    consortium = await startTestConsortium();
    api = (await consortium.as(1, '').get('/openapi.json')).body as unknown as OpenApi;
  });
  after(async () => {
    await consortium.stop();
  });

  it('docs/errors.md is what the catalogue makes', () => {
    execFileSync(process.execPath, [root('scripts/docs-errors.mjs'), '--check']);
    const headings = [...readFileSync(root('docs/errors.md'), 'utf8').matchAll(/^## ([A-Z_]+)$/gm)];
    expect(headings.map(([, code]) => code).sort()).to.deep.equal(CODES);
  });

  it('OpenAPI 3.1 lists every code, and no other', () => {
    expect(api.openapi).to.equal('3.1.0');
    expect([...api.components.schemas.Problem.properties.code.enum].sort()).to.deep.equal(CODES);
  });

  it('every operation is described, says how it fails, and wants a token unless it is public', () => {
    const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${path}`,
        operation,
      })),
    );
    expect(operations.length).to.be.at.least(35);
    for (const { name, operation } of operations) {
      expect(operation.summary, name).to.be.a('string');
      expect(operation.tags, name).to.have.lengthOf(1);
      const failure = Object.values(operation.responses['4XX']?.content ?? {})[0];
      expect(failure?.schema.$ref, name).to.match(/#\/components\/schemas\/(Problem|OperationOutcome)$/);
      expect(operation.security === undefined, name).to.equal(PUBLIC.includes(name));
    }
  });

  it('has a browsable page', async () => {
    const page = await consortium.as(1, '').get('/docs');
    expect(page.status).to.equal(200);
    expect(page.contentType).to.contain('text/html');
  });
});
