import { status as GrpcStatus } from '@grpc/grpc-js';
import { GatewayError } from '@hyperledger/fabric-gateway';
import { expect } from 'chai';
import { CareLedgerError } from '@careledger/protocol';
import { TransactionConflict } from '../retry.js';
import { endorsementError, isNoSuchTransaction, isPeerAway, wasNotSent } from './errors.js';

/** A gateway's error as gRPC gives it: the message repeats the code, `cause.details` does not. */
function gatewayError(code: GrpcStatus, text: string, ...peers: readonly string[]): GatewayError {
  const cause = Object.assign(new Error(text), { details: text });
  const details = peers.map((message) => ({ address: 'peer:7051', mspId: 'Hospital1MSP', message }));
  return new GatewayError({
    code,
    details,
    cause,
    message: `${String(code)} ${GrpcStatus[code]}: ${text}`,
  } as never);
}

describe('what a peer’s refusal means', () => {
  const SEE_DETAILS = 'failed to endorse transaction, see attached details for more info';
  const TOO_FEW = 'failed to collect enough transaction endorsements, see attached details for more info';
  const attempt = { txId: 'ab', isPlanned: true };
  const codeOf = (error: unknown): string =>
    error instanceof CareLedgerError
      ? error.code
      : error instanceof TransactionConflict
        ? error.validationCode
        : 'other';

  const cases: readonly (readonly [string, GatewayError, string])[] = [
    [
      'a contract’s code in a peer’s detail',
      gatewayError(
        GrpcStatus.ABORTED,
        SEE_DETAILS,
        'chaincode response 500, RECORD_NOT_FOUND: No such record.',
      ),
      'RECORD_NOT_FOUND',
    ],
    [
      'a contract’s code in the answer to a query',
      gatewayError(
        GrpcStatus.UNKNOWN,
        'evaluate call to endorser returned error: chaincode response 500, MEMBER_NOT_FOUND: No.',
      ),
      'MEMBER_NOT_FOUND',
    ],
    [
      'a failure of the contract without a code',
      gatewayError(
        GrpcStatus.ABORTED,
        SEE_DETAILS,
        'chaincode response 500, Cannot read properties of undefined',
      ),
      'INTERNAL',
    ],
    [
      'a timestamp outside the window',
      gatewayError(GrpcStatus.ABORTED, SEE_DETAILS, 'request unauthorized due to incorrect timestamp 2026'),
      'TIMESTAMP_OUTSIDE_WINDOW',
    ],
    [
      'a foreign creator',
      gatewayError(
        GrpcStatus.ABORTED,
        SEE_DETAILS,
        'error validating proposal: access denied: channel [c] creator org [X]',
      ),
      'CALLER_UNKNOWN',
    ],
    [
      'an expired creator',
      gatewayError(GrpcStatus.ABORTED, SEE_DETAILS, 'proposal client identity expired'),
      'CALLER_UNKNOWN',
    ],
    [
      'peers that have not found each other',
      gatewayError(
        GrpcStatus.FAILED_PRECONDITION,
        'no combination of peers can be derived which satisfy the endorsement policy',
      ),
      'LEDGER_UNAVAILABLE',
    ],
    [
      'a peer that is not there',
      gatewayError(GrpcStatus.UNAVAILABLE, 'No connection established'),
      'LEDGER_UNAVAILABLE',
    ],
    [
      'peers that simulated differently',
      gatewayError(GrpcStatus.ABORTED, TOO_FEW, 'ProposalResponsePayloads do not match'),
      'ENDORSEMENTS_DIFFER',
    ],
    [
      'another peer that is behind',
      gatewayError(
        GrpcStatus.ABORTED,
        TOO_FEW,
        'chaincode response 500, PATIENT_NOT_FOUND: No such pseudonym.',
      ),
      'ENDORSEMENTS_DIFFER',
    ],
  ];
  for (const [name, error, code] of cases) {
    it(`is ${code} for ${name}`, () => {
      expect(codeOf(endorsementError(error, attempt))).to.equal(code);
    });
  }

  it('is the contract’s own code when the caller named the endorsers', () => {
    const error = gatewayError(
      GrpcStatus.ABORTED,
      TOO_FEW,
      'chaincode response 500, PATIENT_NOT_FOUND: No such pseudonym.',
    );
    expect(codeOf(endorsementError(error, { txId: 'ab', isPlanned: false }))).to.equal('PATIENT_NOT_FOUND');
  });

  it('leaves alone what is not a gateway’s error', () => {
    const error = new TypeError('a defect');
    expect(endorsementError(error)).to.equal(error);
  });

  it('tells a peer that went away from one that refuses', () => {
    expect(isPeerAway(gatewayError(GrpcStatus.UNAVAILABLE, 'Connection dropped'))).to.equal(true);
    expect(isPeerAway(gatewayError(GrpcStatus.PERMISSION_DENIED, 'access denied'))).to.equal(false);
    expect(isPeerAway(gatewayError(GrpcStatus.UNKNOWN, 'access denied: creator org unknown'))).to.equal(
      false,
    );
    expect(isPeerAway(new Error('a defect'))).to.equal(false);
  });

  it('knows a transaction that nobody has, and one that no orderer was given', () => {
    expect(
      isNoSuchTransaction(gatewayError(GrpcStatus.UNKNOWN, 'no such transaction ID [ab] in index')),
    ).to.equal(true);
    expect(wasNotSent(gatewayError(GrpcStatus.UNAVAILABLE, 'no orderer nodes available'))).to.equal(true);
    expect(
      wasNotSent(
        gatewayError(GrpcStatus.UNAVAILABLE, 'insufficient number of orderers could successfully process'),
      ),
    ).to.equal(false);
  });
});
