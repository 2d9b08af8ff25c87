import { expect } from 'chai';
import { idempotencyOf } from './request.js';

const by = (patient: string | undefined, key = '1', url = '/v1/grants') =>
  idempotencyOf({ method: 'POST', headers: { 'idempotency-key': key }, routeOptions: { url }, patient });

describe('idempotency keys', () => {
  const [one, other] = ['1a'.repeat(16), '2b'.repeat(16)];

  it('are the same again for the same patient, route and key, and for the same staff', () => {
    expect(by(one)).to.deep.equal(by(one));
    expect(by(undefined)).to.deep.equal(by(undefined));
    expect(by(one).idempotencyKey).to.match(/^[0-9a-f]{64}$/);
  });

  it('of patients, who share the gateway’s identity, do not meet each other’s nor the gateway’s own', () => {
    const all = [by(one), by(other), by(undefined), by(one, '2'), by(one, '1', '/v1/forwards')];
    expect(new Set(all.map(({ idempotencyKey }) => idempotencyKey)).size).to.equal(all.length);
  });
});
