import { makeHeader, generateHpkeKeyPair, openHeader, saltedDigest, sealContent } from '@careledger/crypto';
import { CareLedgerError, type AccessWithReceipt, type EmrRecord, type Receipt } from '@careledger/protocol';
import { expect } from 'chai';
import type { StaffCaller } from './caller.js';
import { createOpeningsService, type OpeningsModules, type OpeningsService } from './openings-service.js';
import { contextOf } from './record-sealing.js';

const MSP = 'AlphaMSP';
const TX = 'ab'.repeat(32);
const HOUR_MS = 3_600_000;
const CALLER = { mspId: MSP, enrolmentId: 'dr-1', role: 'clinician', identity: {} } as unknown as StaffCaller;
const recordId = `${'cd'.repeat(16)}.0`;
const request = { caller: CALLER, recordIds: [recordId], purpose: 'treatment', idempotencyKey: 'k' } as const;

/** One record of the own hospital, and an opening of it that a clinician there was granted. */
class Hospital {
  access: AccessWithReceipt = {
    accessId: TX,
    requester: { mspId: MSP, enrolmentId: 'dr-1', role: 'clinician' },
    purpose: 'treatment',
    recipientKey: 'A'.repeat(43),
    at: new Date().toISOString(),
    decisions: [
      { recordId, pseudonym: 'ef'.repeat(16), ownerMspId: MSP, outcome: 'grant', basis: 'own-hospital' },
    ],
  };
  record: EmrRecord;
  readonly openings: OpeningsService;

  private constructor(record: EmrRecord, objects: ReadonlyMap<string, Uint8Array>, privateKey: Uint8Array) {
    this.record = record;
    const contracts = {
      evaluate: (_identity: unknown, contract: string) =>
        Promise.resolve(contract === 'access' ? this.access : this.record),
      submit: () =>
        Promise.resolve({ txId: TX, blockNumber: '1', result: { ...this.access, receipt: undefined } }),
    };
    const modules = {
      contracts,
      store: { get: (cid: string) => Promise.resolve(objects.get(cid)) },
      custody: {
        openHeader: (asked: { header: Uint8Array; expectedContext: ReturnType<typeof contextOf> }) =>
          openHeader({ ...asked, privateKey, purpose: { kind: 'store' } }),
      },
      recipientKeys: { take: () => Promise.resolve('A'.repeat(43)), destroy: () => Promise.resolve() },
      erasureKeys: { openWith: () => (_: unknown, open: (key: undefined) => unknown) => open(undefined) },
      requestRelease: () => Promise.reject(new Error('the record is of this hospital')),
      observeStage: () => undefined,
    };
    this.openings = createOpeningsService(
      { mspId: MSP, storeConcurrency: 1, maxOpeningBytes: 1_000_000, repeatWindowMs: HOUR_MS },
      modules as unknown as OpeningsModules,
    );
  }

  static async make(): Promise<Hospital> {
    const { publicKey: recipientPublicKey, privateKey } = generateHpkeKeyPair();
    const [dataKey, salt] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
    const content = Buffer.from('a finding');
    const record = {
      recordId,
      ownerMspId: MSP,
      pseudonym: 'ef'.repeat(16),
      type: 'laboratory',
      contentCid: 'content',
      headerCid: 'header',
      digest: saltedDigest(salt, content),
      sizeBytes: 1000,
      status: 'anchored',
    } as unknown as EmrRecord;
    const context = contextOf(record);
    const facts = { context, contentType: 'text/plain', contentLength: content.length };
    const objects = new Map([
      ['content', await sealContent({ content, dataKey, context })],
      ['header', await makeHeader({ recipientPublicKey, dataKey, salt, ...facts })],
    ]);
    return new Hospital(record, objects, privateKey);
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'shown',
    (error: unknown) => (error instanceof CareLedgerError ? error.code : String(error)),
  );
}

describe('opening records of the own hospital again', () => {
  let hospital: Hospital;
  beforeEach(async () => {
    hospital = await Hospital.make();
  });
  /** By its id, and by the idempotency key under which it was opened. */
  const again = async (): Promise<string[]> => [
    await codeOf(hospital.openings.content(CALLER, TX)),
    await codeOf(hospital.openings.open(request)),
  ];

  it('is possible for a time', async () => {
    expect(await again()).to.deep.equal(['shown', 'shown']);
    hospital.access = { ...hospital.access, at: new Date(Date.now() - 2 * HOUR_MS).toISOString() };
    expect(await again()).to.deep.equal(['RELEASE_NOT_AUTHORISED', 'RELEASE_NOT_AUTHORISED']);
  });

  it('is not possible once a record was erased', async () => {
    hospital.record = { ...hospital.record, status: 'erased' };
    expect(await again()).to.deep.equal(['RELEASE_NOT_AUTHORISED', 'RELEASE_NOT_AUTHORISED']);
  });

  it('is not possible once the receipt was posted', async () => {
    const receipt: Receipt = { accessId: TX, status: 'posted', at: hospital.access.at, txId: TX };
    hospital.access = { ...hospital.access, receipt };
    expect(await again()).to.deep.equal(['TRANSITION_NOT_ALLOWED', 'TRANSITION_NOT_ALLOWED']);
  });
});
