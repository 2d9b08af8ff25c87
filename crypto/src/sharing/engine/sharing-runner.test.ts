import { expect } from 'chai';
import { CryptoError } from '../../core/errors.js';
import { verifyRegistration } from '../../ibe/index.js';
import { initPairing } from '../../pairing/index.js';
import { createSharingRunner } from './sharing-runner.js';

describe('sharing on a worker thread', function () {
  this.timeout(20_000);
  const runner = createSharingRunner({ workers: 1, maxPendingJobs: 1 });
  after(() => runner.close());

  it('gives what the same work gives here, and errors as errors', async () => {
    const engine = await initPairing();
    const masterPublicKey = engine.encodeG2(engine.g2Power(engine.g2, 7n));
    const identity = { name: 'member/Hospital1MSP', keyEpoch: 0 };
    const { registration } = await runner.run('makeIdentity', { ...identity, masterPublicKey });
    verifyRegistration(registration, masterPublicKey, undefined, engine);
    const failing = runner.run('makeIdentity', { name: 'nobody', keyEpoch: 0, masterPublicKey });
    const error: unknown = await failing.catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(CryptoError);
    expect((error as CryptoError).code).to.equal('CRYPTO_INVALID_INPUT');
  });

  it('takes no more than it was told to', async () => {
    const of = { name: 'member/Hospital1MSP', keyEpoch: 0, scalar: new Uint8Array(32).fill(1) };
    const first = runner.run('partialKey', of);
    const error: unknown = await runner.run('partialKey', of).catch((thrown: unknown) => thrown);
    expect((error as CryptoError).code).to.equal('CRYPTO_LIMIT_EXCEEDED');
    expect(await first).to.have.length(48);
  });
});
