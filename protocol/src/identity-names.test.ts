import { expect } from 'chai';
import { CareLedgerError } from './errors.js';
import { granteeName, hospitalOf, memberName, patientName, pseudonymOf } from './identity-names.js';

const pseudonym = '0123456789abcdef0123456789abcdef';

describe('names of identities', () => {
  it('names every kind of grantee, and finds the hospital again', () => {
    const names = [
      granteeName({ kind: 'person', mspId: 'Hospital2MSP', enrolmentId: 'dr-b' }),
      granteeName({ kind: 'role', mspId: 'Hospital2MSP', role: 'clinician' }),
      granteeName({ kind: 'member', mspId: 'Hospital2MSP' }),
    ];
    expect(names).to.deep.equal([
      'person/Hospital2MSP/dr-b',
      'role/Hospital2MSP/clinician',
      memberName('Hospital2MSP'),
    ]);
    for (const name of names) expect(hospitalOf(name)).to.equal('Hospital2MSP');
  });

  it('tells patients from hospitals', () => {
    expect(hospitalOf(patientName(pseudonym))).to.equal(undefined);
    expect(pseudonymOf(patientName(pseudonym))).to.equal(pseudonym);
    expect(() => pseudonymOf('member/Hospital2MSP')).to.throw(CareLedgerError);
  });

  it('refuses what is no name', () => {
    for (const name of ['', 'patient/x', 'trace/' + pseudonym, 'member/', 'person/Hospital2MSP'])
      expect(() => hospitalOf(name), name).to.throw(CareLedgerError);
  });
});
