import { expect } from 'chai';
import { CareLedgerError } from '@careledger/protocol';
import { ENDORSEMENTS_DIFFER, TransactionConflict, withConflictRetry } from './retry.js';

const POLICY = { attempts: 3, firstDelayMs: 1, maxDelayMs: 2, catchUpMs: 0 };

describe('withConflictRetry', () => {
  const conflicting = (times: number, code = 'MVCC_READ_CONFLICT') => {
    let calls = 0;
    const operation = () => {
      calls += 1;
      return calls <= times
        ? Promise.reject(new TransactionConflict(code, `tx${String(calls)}`))
        : Promise.resolve(calls);
    };
    return { operation, calls: () => calls };
  };
  const failureOf = async (pending: Promise<unknown>): Promise<CareLedgerError> => {
    const error: unknown = await pending.catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(CareLedgerError);
    return error as CareLedgerError;
  };

  it('makes a new attempt after a conflict', async () => {
    expect(await withConflictRetry(POLICY, conflicting(2).operation)).to.equal(3);
  });

  it('stops at its bound, and says where', async () => {
    const { operation, calls } = conflicting(9);
    const { code, extensions } = await failureOf(withConflictRetry(POLICY, operation));
    expect({ code, extensions }).to.deep.equal({
      code: 'LEDGER_CONFLICT',
      extensions: { attempts: 3, validationCode: 'MVCC_READ_CONFLICT', txId: 'tx3' },
    });
    expect(calls()).to.equal(3);
  });

  it('waits longer for a peer that is behind, and no longer than its bound', async () => {
    const patient = { ...POLICY, catchUpMs: 60_000 };
    expect(await withConflictRetry(patient, conflicting(8, ENDORSEMENTS_DIFFER).operation)).to.equal(9);
    const brief = conflicting(9, ENDORSEMENTS_DIFFER);
    const { extensions } = await failureOf(withConflictRetry(POLICY, brief.operation));
    expect(extensions).to.include({ attempts: 3, validationCode: ENDORSEMENTS_DIFFER });
    const { calls, operation } = conflicting(9);
    await failureOf(withConflictRetry(patient, operation));
    expect(calls(), 'a lost race has no more attempts for it').to.equal(3);
  });

  it('calls a policy failure that stays a refusal', async () => {
    const { operation } = conflicting(9, 'ENDORSEMENT_POLICY_FAILURE');
    expect((await failureOf(withConflictRetry(POLICY, operation))).code).to.equal('ENDORSEMENT_REFUSED');
  });

  it('does not repeat any other failure', async () => {
    let calls = 0;
    const operation = () => {
      calls += 1;
      return Promise.reject(new CareLedgerError('COMMIT_UNKNOWN'));
    };
    expect((await failureOf(withConflictRetry(POLICY, operation))).code).to.equal('COMMIT_UNKNOWN');
    expect(calls).to.equal(1);
  });

  it('stops between attempts when it is asked to', async () => {
    const stop = new AbortController();
    const { operation, calls } = conflicting(9);
    const stopping = () => {
      stop.abort(new Error('enough'));
      return operation();
    };
    const error: unknown = await withConflictRetry(POLICY, stopping, stop.signal).catch(
      (caught: unknown) => caught,
    );
    expect(error).to.be.instanceOf(Error);
    expect(calls()).to.equal(1);
  });
});
