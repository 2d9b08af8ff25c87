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

  it('says of a patient’s log what it is made of, forwards under forwards included', () => {
    const operation = api.paths['/v1/patients/{pseudonym}/log']?.['get'];
    const { schema } = operation?.responses['200']?.content?.['application/json'] ?? {};
    expect(schema).to.have.nested.property('properties.sharing.properties.tags.additionalProperties');
    const $ref = '#/components/schemas/GrantNode';
    expect(schema).to.have.nested.property('properties.grants.items').that.deep.equals({ $ref });
    const forwards = 'GrantNode.properties.forwards.items';
    expect(api.components.schemas).to.have.nested.property(forwards).that.deep.equals({ $ref });
  });

  it('leaves no answer of a patient’s routes without a form', () => {
    const answers = Object.entries(api.paths).filter(([path]) => path.startsWith('/v1/patients'));
    expect(answers).to.not.have.lengthOf(0);
    expect(withoutForm(answers)).to.deep.equal([]);
    expect(withoutForm({ properties: { known: { type: 'string' }, unknown: {} } })).to.deep.equal([
      '/unknown',
    ]);
  });

  it('has a browsable page', async () => {
    const page = await consortium.as(1, '').get('/docs');
    expect(page.status).to.equal(200);
    expect(page.contentType).to.contain('text/html');
  });
});

/** Paths of properties and items whose schema says nothing. */
function withoutForm(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]: [string, unknown]) => {
    if (key === 'items' && isEmpty(part)) return [`${path}/items`];
    if (key !== 'properties') return withoutForm(part, key === 'items' ? `${path}/items` : path);
    const properties = Object.entries(part as Readonly<Record<string, unknown>>);
    return properties.flatMap(([name, schema]) =>
      isEmpty(schema) ? [`${path}/${name}`] : withoutForm(schema, `${path}/${name}`),
    );
  });
}

function isEmpty(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  return Object.keys(schema).every((key) => key === 'description');
}
