import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { generateHpkeKeyPair, makeHeader, type HpkeKeyPair } from '@careledger/crypto';
import { CareLedgerError, type Access, type EmrRecord, type PatientGrant } from '@careledger/protocol';
import * as x509 from '@peculiar/x509';
import type { KeyCustody } from '../ports/key-custody.js';
import type { Ledger, SigningIdentity, TransactionStatus } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import { contextOf } from '../services/record-sealing.js';
import type { TlsIdentity } from './release-protocol.js';

/** For the tests of this folder: a TLS authority per hospital, and an owner's ledger and store in memory. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface TestAuthority {
  readonly root: string;
  issue(commonName: string, validForMs?: number): Promise<TlsIdentity>;
}

export async function makeAuthority(name: string): Promise<TestAuthority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    serialNumber: randomBytes(8).toString('hex'),
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + DAY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
  });
  return {
    root: certificate.toString('pem'),
    async issue(commonName, validForMs = DAY_MS) {
      const leafKeys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
      const leaf = await x509.X509CertificateGenerator.create({
        subject: `CN=${commonName}`,
        issuer: certificate.subject,
        serialNumber: randomBytes(8).toString('hex'),
        notBefore: new Date(Date.now() - DAY_MS),
        notAfter: new Date(Date.now() + validForMs),
        publicKey: leafKeys.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: ALGORITHM,
        extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }])],
      });
      const der = await webcrypto.subtle.exportKey('pkcs8', leafKeys.privateKey);
      return { key: x509.PemConverter.encode(der, 'PRIVATE KEY'), cert: leaf.toString('pem') };
    },
  };
}

export const identity: SigningIdentity = {
  mspId: 'Hospital1MSP',
  certificate: '',
  sign: () => Promise.reject(new Error('not signed here')),
};

export const GRANT_ID = '9'.repeat(32);

/** What the patient granted in these tests: laboratory results to everyone at hospital 2, for treatment. */
export function grantForTests(extra: Partial<PatientGrant> = {}): PatientGrant {
  return {
    grantId: GRANT_ID,
    pseudonym: 'a'.repeat(32),
    grantee: { kind: 'member', mspId: 'Hospital2MSP' },
    recordTypes: ['laboratory'],
    purposes: ['treatment'],
    notBefore: new Date(Date.now() - DAY_MS).toISOString(),
    notAfter: new Date(Date.now() + DAY_MS).toISOString(),
    maxHops: 0,
    status: 'active',
    basis: 'patient',
    createdAt: new Date(Date.now() - DAY_MS).toISOString(),
    txId: 'e'.repeat(64),
    ...extra,
  };
}

export interface TestOwner {
  readonly ledger: Ledger;
  readonly store: RecordStore;
  readonly requesterKey: HpkeKeyPair;
  readonly transactions: Map<string, TransactionStatus>;
  readonly accesses: Map<string, Access>;
  readonly records: Map<string, EmrRecord>;
  readonly grants: Map<string, PatientGrant>;
  /** Makes the next questions to the ledger fail. */
  ledgerDown: boolean;
  /** Makes the next reads of the store fail. */
  storeDown: boolean;
  addRecord(index: number, extra?: Partial<EmrRecord>): Promise<EmrRecord>;
  addAccess(records: readonly EmrRecord[], extra?: Partial<Access>): Access;
}

/** An owner whose ledger holds what the test puts there. */
export async function makeOwner(custody: KeyCustody): Promise<TestOwner> {
  const transactions = new Map<string, TransactionStatus>();
  const accesses = new Map<string, Access>();
  const records = new Map<string, EmrRecord>();
  const grants = new Map<string, PatientGrant>([[GRANT_ID, grantForTests()]]);
  const headers = new Map<string, Uint8Array>();
  const encryptionKey = await custody.encryptionPublicKey();
  const requesterKey = generateHpkeKeyPair();

  const owner: TestOwner = {
    ledgerDown: false,
    storeDown: false,
    requesterKey,
    transactions,
    accesses,
    records,
    grants,
    ledger: {
      transaction: (_identity: SigningIdentity, txId: string) =>
        owner.ledgerDown
          ? Promise.reject(new CareLedgerError('LEDGER_UNAVAILABLE'))
          : Promise.resolve(transactions.get(txId)),
      evaluate: (_identity: SigningIdentity, contract: string, method: string, argument: object) => {
        if (owner.ledgerDown) return Promise.reject(new CareLedgerError('LEDGER_UNAVAILABLE'));
        if (method === 'GetSharing')
          return Promise.resolve({ ...argument, mspId: 'Hospital1MSP', status: 'enrolled' });
        const { accessId = '', recordId = '', grantId = '' } = argument as Record<string, string | undefined>;
        const states = {
          access: [accesses.get(accessId), 'ACCESS_NOT_FOUND'],
          records: [records.get(recordId), 'RECORD_NOT_FOUND'],
          grants: [grants.get(grantId), 'GRANT_NOT_FOUND'],
        } as const;
        const [found, code] = states[contract as keyof typeof states];
        return found === undefined ? Promise.reject(new CareLedgerError(code)) : Promise.resolve(found);
      },
    } as unknown as Ledger,
    store: {
      get: (cid: string) => {
        const header = owner.storeDown ? undefined : headers.get(cid);
        return header === undefined
          ? Promise.reject(new CareLedgerError('STORE_UNAVAILABLE'))
          : Promise.resolve(header);
      },
    } as unknown as RecordStore,

    async addRecord(index, extra = {}) {
      const record: EmrRecord = {
        recordId: `${'b'.repeat(32)}.${String(index)}`,
        ownerMspId: 'Hospital1MSP',
        anchoredAt: new Date().toISOString(),
        txId: 'c'.repeat(64),
        pseudonym: 'a'.repeat(32),
        type: 'laboratory',
        contentCid: `b${'a'.repeat(58)}`,
        headerCid: `header-${String(index)}`,
        digest: 'd'.repeat(64),
        sizeBytes: 10,
        headerVersion: 1,
        sharable: true,
        status: 'anchored',
        ...extra,
      };
      const header = await makeHeader({
        recipientPublicKey: encryptionKey,
        dataKey: randomBytes(32),
        salt: randomBytes(32),
        context: contextOf(record),
        contentType: 'application/fhir+json',
        contentLength: 10,
      });
      headers.set(record.headerCid, header);
      records.set(record.recordId, record);
      return record;
    },

    addAccess(granted, extra = {}) {
      const access: Access = {
        accessId: randomBytes(32).toString('hex'),
        requester: { mspId: 'Hospital2MSP', enrolmentId: 'dr-2', role: 'clinician' },
        purpose: 'treatment',
        recipientKey: Buffer.from(requesterKey.publicKey).toString('base64url'),
        at: new Date().toISOString(),
        decisions: granted.map(({ recordId, pseudonym, ownerMspId }) => ({
          recordId,
          pseudonym,
          ownerMspId,
          outcome: 'grant',
          basis: 'grant',
          via: 'release',
          grantId: GRANT_ID,
        })),
        ...extra,
      };
      accesses.set(access.accessId, access);
      transactions.set(access.accessId, { txId: access.accessId, blockNumber: 1n, code: 'VALID' });
      return access;
    },
  };
  return owner;
}
