import { ClientIdentity } from 'fabric-shim';
import { expect } from 'chai';
import { METHODS, type AnchorResult, type MethodDescription } from '@careledger/protocol';
import { contracts } from '../index.js';
import { certificate } from '../testing/certificates.js';
import {
  ALPHA,
  BRAVO,
  X25519_KEY,
  anchored,
  enrolled,
  fourHospitals,
  id,
  memberFields,
  record,
  staff,
} from '../testing/consortium.js';
import type { MemoryLedger } from '../testing/memory-ledger.js';
import { callerFrom } from './caller.js';

const clinician = staff(ALPHA, 'clinician');

async function identityOf(attributes: Record<string, string>, commonName = 'dr-1') {
  const idBytes = await certificate(attributes, commonName);
  const creator = { mspid: ALPHA, idBytes };
  const stub = { getCreator: () => creator, getTxID: () => 'ab', getChannelID: () => 'c' };
  return new ClientIdentity(stub as unknown as ConstructorParameters<typeof ClientIdentity>[0]);
}

describe('the caller', () => {
  it('is the certificate’s enrolment id, role and department', async () => {
    const attributes = {
      'hf.EnrollmentID': 'dr-7',
      'careledger.role': 'clinician',
      'careledger.department': 'oncology',
    };
    expect(callerFrom(await identityOf(attributes, 'another name'))).to.deep.equal({
      mspId: ALPHA,
      enrolmentId: 'dr-7',
      role: 'clinician',
      department: 'oncology',
    });
  });

  it('is the common name when no attribute says better', async () => {
    expect(callerFrom(await identityOf({ 'careledger.role': 'auditor' }))).to.deep.equal({
      mspId: ALPHA,
      enrolmentId: 'dr-1',
      role: 'auditor',
    });
  });

  it('is nobody without a role of CareLedger', async () => {
    const attempts: Record<string, string>[] = [
      {},
      { 'careledger.role': 'king' },
      { 'careledger.role': 'clinician', 'careledger.department': 'Über' },
    ];
    for (const attributes of attempts) {
      const identity = await identityOf(attributes);
      expect(() => callerFrom(identity), JSON.stringify(attributes))
        .to.throw()
        .with.property('code', 'CALLER_UNKNOWN');
    }
  });
});

describe('every transaction', () => {
  let ledger: MemoryLedger;
  beforeEach(async () => {
    ledger = await fourHospitals();
  });

  it('is one that the protocol lists, and the other way round', () => {
    const offered = contracts.map((Contract) => {
      const contract = new Contract();
      const transactions = Reflect.getMetadata('fabric:transactions', contract) as {
        name: string;
        tag: string[];
        parameters: unknown[];
      }[];
      const described: unknown[][] = transactions.map(({ name, tag, parameters }) => [
        name,
        tag.includes('SUBMIT') ? 'submit' : 'evaluate',
        parameters.length,
      ]);
      return [contract.getName(), described.sort()] as const;
    });
    const listed = Object.entries(METHODS).map(([name, methods]) => {
      const listedMethods = Object.entries(methods as Record<string, MethodDescription>);
      const described: unknown[][] = listedMethods.map(([method, { kind }]) => [
        method,
        kind,
        kind === 'submit' ? 2 : 1,
      ]);
      return [name, described.sort()] as const;
    });
    expect(offered).to.have.deep.members(listed);
  });

  it('has a code when it does not exist', async () => {
    for (const method of [
      'grants:Nothing',
      'nothing:Grant',
      'grants',
      'grants:constructor',
      'grants:submit',
      'grants:createContext',
    ]) {
      expect((await ledger.refusal(clinician, method, {})).code, method).to.equal('ROUTE_NOT_FOUND');
    }
  });

  it('tells nothing of an unforeseen error but the transaction id', async () => {
    const key = [...ledger.state.keys()].find((candidate) => candidate.includes('consortium'));
    ledger.state.set(key ?? '', Buffer.from('not JSON, and secret'));
    const log = console.error;
    console.error = () => undefined;
    const error = await ledger.refusal(clinician, 'records:Anchor', {
      batchId: id(),
      records: [record('ab'.repeat(16))],
    });
    console.error = log;
    expect(error.code).to.equal('INTERNAL');
    expect(error.message).to.match(/^Transaction [0-9a-f]{64} failed\.$/);
  });

  describe('under an idempotency key', () => {
    it('answers the first response and writes nothing the second time', async () => {
      const patient = await enrolled(ledger, ALPHA);
      const argument = { batchId: id(), records: [record(patient.pseudonym)] };
      const first = await ledger.submit(clinician, 'records:Anchor', argument, 'key-1');
      const second = await ledger.submit(clinician, 'records:Anchor', argument, 'key-1');
      expect(second.response).to.deep.equal(first.response);
      expect((second.response as AnchorResult).txId).to.equal(first.txId);
      expect(second.writes.size).to.equal(0);
      expect(second.events).to.deep.equal([]);
    });

    it('takes another order of fields for the same request', async () => {
      const { name, gatewayUrl, encryptionKey } = memberFields(ALPHA);
      const admin = staff(ALPHA, 'admin');
      const first = await ledger.submit(
        admin,
        'members:Update',
        { name, gatewayUrl, encryptionKey },
        'key-1',
      );
      const second = await ledger.submit(
        admin,
        'members:Update',
        { encryptionKey, gatewayUrl, name },
        'key-1',
      );
      expect(second.response).to.deep.equal(first.response);
    });

    it('answers a patient’s request again although its nonce is used', async () => {
      const patient = await enrolled(ledger, ALPHA);
      const request = patient.sign('grants:Grant', patient.grantArguments());
      const first = await ledger.submit(clinician, 'grants:Grant', request, 'key-1');
      const second = await ledger.submit(clinician, 'grants:Grant', request, 'key-1');
      expect(second.response).to.deep.equal(first.response);
      expect((await ledger.refusal(clinician, 'grants:Grant', request, 'key-2')).code).to.equal(
        'NONCE_REUSED',
      );
    });

    it('does not store an opening twice, and answers the first', async () => {
      const patient = await enrolled(ledger, ALPHA);
      const recordIds = await anchored(
        ledger,
        ALPHA,
        Array.from({ length: 100 }, () => record(patient.pseudonym)),
      );
      const argument = { recordIds, purpose: 'treatment', recipientKey: X25519_KEY };
      const first = await ledger.submit(clinician, 'access:Open', argument, 'key-1');
      const kept = [...first.writes].find(([key]) => key.includes('idempotency'))?.[1];
      expect(kept?.length).to.be.below(400);
      const second = await ledger.submit(clinician, 'access:Open', argument, 'key-1');
      expect(second.response).to.deep.equal(first.response);
      expect(second.writes.size).to.equal(0);
    });

    it('refuses another request, and is its caller’s own', async () => {
      const patient = await enrolled(ledger, ALPHA);
      const argument = { batchId: id(), records: [record(patient.pseudonym)] };
      await ledger.submit(clinician, 'records:Anchor', argument, 'key-1');
      const changed = { ...argument, batchId: id() };
      expect((await ledger.refusal(clinician, 'records:Anchor', changed, 'key-1')).code).to.equal(
        'IDEMPOTENCY_KEY_REUSED',
      );
      expect((await ledger.refusal(clinician, 'records:Anchor', changed, 'x'.repeat(201))).code).to.equal(
        'SCHEMA_VIOLATION',
      );
      await ledger.submit(staff(ALPHA, 'clinician', 'dr-2'), 'records:Anchor', changed, 'key-1');
      const other = await enrolled(ledger, BRAVO);
      const theirs = { batchId: id(), records: [record(other.pseudonym)] };
      await ledger.submit({ ...clinician, mspId: BRAVO }, 'records:Anchor', theirs, 'key-1');
    });

    it('is not used up by an error', async () => {
      const patient = await enrolled(ledger, ALPHA);
      const argument = { batchId: id(), records: [record(patient.pseudonym)] };
      await ledger.refusal(
        clinician,
        'records:Anchor',
        { ...argument, records: [record('ff'.repeat(16))] },
        'key-1',
      );
      await ledger.submit(clinician, 'records:Anchor', argument, 'key-1');
    });
  });
});
