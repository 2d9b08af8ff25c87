import { expect } from 'chai';
import { Connection } from './connection.js';
import { GatewayError } from './gateway-error.js';

function answering(status: number, body: unknown): typeof fetch {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return () => Promise.resolve(new Response(text, { status }));
}

async function errorOf(status: number, body: unknown): Promise<GatewayError> {
  const connection = new Connection({ url: 'http://gateway', fetch: answering(status, body) });
  const error: unknown = await connection.get('/x').then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof GatewayError) return error;
  throw new Error('no GatewayError came');
}

describe('a gateway’s refusal', () => {
  it('is one error with code, status and what the document adds', async () => {
    const problem = {
      type: 'urn:careledger:error:ACCESS_DENIED',
      title: 'Denied',
      status: 403,
      code: 'ACCESS_DENIED',
      detail: 'Denied: NO_GRANT.',
      action: 'Ask the patient.',
      instance: 'urn:careledger:request:1',
      accessId: 'ab',
    };
    const error = await errorOf(403, problem);
    expect(error).to.deep.include({ code: 'ACCESS_DENIED', status: 403, extensions: { accessId: 'ab' } });
    expect(error.message).to.equal('Denied: NO_GRANT. Ask the patient.');
  });

  it('is the same of a FHIR route', async () => {
    const outcome = {
      resourceType: 'OperationOutcome',
      issue: [
        { details: { coding: [{ code: 'CONSENT_NOT_MAPPABLE' }], text: 'No.' }, diagnostics: 'Change it.' },
      ],
    };
    const error = await errorOf(422, outcome);
    expect(error).to.include({ code: 'CONSENT_NOT_MAPPABLE', status: 422, message: 'No. Change it.' });
  });

  it('is INTERNAL for whatever else comes', async () => {
    for (const body of ['<html>', '', 'null', { code: 'MADE_UP' }, { code: 5 }])
      expect((await errorOf(502, body)).code).to.equal('INTERNAL');
  });

  it('sends token, idempotency key and media type, and gives back what came', async () => {
    const seen: Request[] = [];
    const connection = new Connection({
      url: 'http://gateway',
      token: () => 'T',
      fetch: (input, init) => {
        seen.push(new Request(input, init));
        return Promise.resolve(new Response('{"a":1}'));
      },
    });
    const options = { idempotencyKey: 'k', contentType: 'application/fhir+json' };
    expect(await connection.post('/x', {}, options)).to.deep.equal({ a: 1 });
    expect(seen[0]?.headers.get('authorization')).to.equal('Bearer T');
    expect(seen[0]?.headers.get('idempotency-key')).to.equal('k');
    expect(seen[0]?.headers.get('content-type')).to.equal('application/fhir+json');
  });
});
