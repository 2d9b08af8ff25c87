import { expect } from 'chai';
import {
  CareLedgerError,
  ERROR_CATALOGUE,
  decodeChaincodeError,
  encodeChaincodeError,
  isErrorCode,
  type ErrorCode,
} from './errors.js';

const codes = Object.keys(ERROR_CATALOGUE) as ErrorCode[];

describe('the error catalogue', () => {
  it('says for every code what it means and what to do, as an error status', () => {
    for (const code of codes) {
      const { status, meaning, action } = ERROR_CATALOGUE[code];
      expect(status, code).to.be.within(400, 599);
      expect(meaning, code).to.match(/^[A-Z].*\.$/);
      expect(action, code).to.match(/^[A-Z].*\.$/);
    }
  });

  it('survives the way through a peer, behind its prefix and over several lines', () => {
    for (const code of codes) {
      const error = new CareLedgerError(code, {
        message: 'First: line.\nSecond line.',
        expected: 'x',
        came: 'y',
      });
      for (const prefix of [
        '',
        'chaincode response 500, ',
        'error in simulation: transaction returned with failure: ',
      ]) {
        const decoded = decodeChaincodeError(prefix + encodeChaincodeError(error));
        expect(decoded?.code, code).to.equal(code);
        expect(decoded?.message, code).to.equal(error.message);
      }
    }
  });

  it('finds no code where there is none', () => {
    for (const text of [
      '',
      'connection refused',
      'NO_SUCH_CODE: text',
      'toString: text',
      'GRANT_NOT_FOUND',
    ]) {
      expect(decodeChaincodeError(text), text).to.equal(undefined);
    }
    for (const name of ['toString', '__proto__', 'constructor'])
      expect(isErrorCode(name), name).to.equal(false);
  });
});
