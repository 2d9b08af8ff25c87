import { expect } from 'chai';
import { describeKeys, parseBlockHeight } from './status.js';

describe('what status reads from metrics', () => {
  it('how far the ceremony is, or else the key that there is', () => {
    const key = 'careledger_key_bits{epoch="1",member="Hospital1MSP"} 3072';
    const ceremony = (scheme: string) =>
      `careledger_ceremony_fraction{scheme="${scheme}",phase="candidates",attempt="2",member="H1"} 0.379`;
    const help = '# TYPE careledger_ceremony_fraction gauge';
    const identity = 'careledger_identity_key_holders{epoch="0",member="H1"} 4';
    expect(describeKeys(`${help}\n${key}\n`)).to.equal('key of 3072 bits, epoch 1');
    expect(describeKeys(`${key}\n${help}\n${ceremony('paillier')}\n${identity}\n`)).to.equal(
      'paillier ceremony: candidates, 37 %, attempt 2; identity key, epoch 0',
    );
    expect(describeKeys(`${key}\n${identity}\n${ceremony('identity')}\n`)).to.equal(
      'key of 3072 bits, epoch 1; identity ceremony: candidates, 37 %, attempt 2',
    );
    expect(describeKeys(`${help}\n`)).to.equal('');
  });

  it('the height of the channel, and of no other', () => {
    const metrics =
      'ledger_blockchain_height{channel="other"} 7\nledger_blockchain_height{channel="care"} 42\n';
    expect(parseBlockHeight(metrics, 'care')).to.equal(42);
    expect(parseBlockHeight(metrics, 'none')).to.equal(null);
  });
});
