import { REFUSAL_REASONS, type QueryDetails } from '@careledger/protocol';
import { expect } from 'chai';
import { describeRefusal } from './refusals.js';

const details = (refusal: object | undefined, contributions: object[]): QueryDetails =>
  ({ query: { refusal }, contributions, partials: [] }) as unknown as QueryDetails;

describe('a refusal in words', () => {
  it('says why the query ended, and why each hospital that did not contribute did not', () => {
    const text = describeRefusal(
      details({ mspId: 'AlphaMSP', reason: 'TOO_FEW_CONTRIBUTORS' }, [
        { mspId: 'AlphaMSP', outcome: 'contributed' },
        { mspId: 'BravoMSP', outcome: 'refused', reason: 'COHORT_BELOW_MINIMUM' },
        { mspId: 'CharlieMSP', outcome: 'refused', reason: 'NO_ROWS' },
      ]),
    );
    expect(text).to.match(
      /^The query was refused: fewer than 3 hospitals contributed \(TOO_FEW_CONTRIBUTORS\)\./,
    );
    expect(text).to.match(/BravoMSP: .*\(COHORT_BELOW_MINIMUM\)\..*CharlieMSP: .*\(NO_ROWS\)\./);
    expect(text).not.to.include('AlphaMSP');
  });

  it('names the hospital that refused to decrypt, and has words for every reason', () => {
    for (const reason of REFUSAL_REASONS) {
      const text = describeRefusal(details({ mspId: 'DeltaMSP', reason }, []));
      expect(text, reason)
        .to.match(/^[A-Z][^{}"]+\.$/)
        .and.include(`(${reason})`)
        .and.not.include('undefined');
    }
    expect(describeRefusal(details({ mspId: 'DeltaMSP', reason: 'AGGREGATE_MISMATCH' }, []))).to.match(
      /^DeltaMSP refused to decrypt/,
    );
    expect(describeRefusal(details(undefined, []))).to.equal('The query was refused.');
  });
});
