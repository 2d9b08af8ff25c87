import { expect } from 'chai';
import { describeKey, parseBlockHeight } from './status.js';

describe('what status reads from metrics', () => {
  it('how far the ceremony is, or else the key that there is', () => {
    const key = 'careledger_key_bits{epoch="1",member="Hospital1MSP"} 3072';
    const ceremony =
      'careledger_ceremony_fraction{phase="candidates",attempt="2",member="Hospital1MSP"} 0.379';
    const help = '# TYPE careledger_ceremony_fraction gauge';
    expect(describeKey(`${help}\n${key}\n`)).to.equal('key of 3072 bits, epoch 1');
    expect(describeKey(`${key}\n${help}\n${ceremony}\n`)).to.equal('ceremony: candidates, 37 %, attempt 2');
    expect(describeKey(`${help}\n`)).to.equal('');
  });

  it('the height of the channel, and of no other', () => {
    const metrics =
      'ledger_blockchain_height{channel="other"} 7\nledger_blockchain_height{channel="care"} 42\n';
    expect(parseBlockHeight(metrics, 'care')).to.equal(42);
    expect(parseBlockHeight(metrics, 'none')).to.equal(null);
  });
});
