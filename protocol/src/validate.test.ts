import { expect } from 'chai';
import { METHODS } from './contracts.js';
import { PSEUDONYM } from './samples.test-support.js';
import { parseArgument, validate } from './validate.js';

const schema = METHODS.grants.Sweep.argument;
const signed = METHODS.patients.Close.argument;
const request = { arguments: { pseudonym: PSEUDONYM }, nonce: 'A'.repeat(22), signature: 'A'.repeat(86) };

describe('validate', () => {
  it('returns what has the form, unchanged', () => {
    expect(parseArgument(schema, JSON.stringify({ pseudonym: PSEUDONYM }))).to.deep.equal({
      pseudonym: PSEUDONYM,
    });
    expect(validate(signed, request)).to.equal(request);
  });

  it('tells malformed JSON from another form', () => {
    for (const text of ['', '{', "{'a':1}", 'undefined', '{"a":1}}']) {
      expect(() => parseArgument(schema, text), text)
        .to.throw()
        .with.property('code', 'MALFORMED_JSON');
    }
    for (const text of [
      '1',
      '[]',
      'null',
      '{}',
      '{"pseudonym":1}',
      '{"pseudonym":"xyz"}',
      `{"pseudonym":"${PSEUDONYM}","x":1}`,
    ]) {
      expect(() => parseArgument(schema, text), text)
        .to.throw()
        .with.property('code', 'SCHEMA_VIOLATION');
    }
  });

  it('finds a caller among the fields, at any depth', () => {
    for (const field of ['caller', 'requester', 'role', 'enrolmentId', 'mspId']) {
      const nested = { ...request, arguments: { ...request.arguments, [field]: 'x' } };
      expect(() => validate(signed, nested), field)
        .to.throw()
        .with.property('code', 'CALLER_IN_ARGUMENTS');
      expect(() => validate(schema, { pseudonym: PSEUDONYM, [field]: 'x' }), field)
        .to.throw()
        .with.property('code', 'CALLER_IN_ARGUMENTS');
    }
  });

  it('names the field but never the value', () => {
    const secret = 'a secret in the wrong field';
    expect(() => validate(schema, { pseudonym: secret }))
      .to.throw('/pseudonym')
      .with.property('message')
      .that.does.not.include(secret);
  });
});
