import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  custodiansOf,
  enoughToErase,
  nextStatus,
  type EmrRecord,
  type Erasure,
  type ErasureCertificate,
  type ErasureReceipt,
  type PostErasure,
} from '@careledger/protocol';
import { readConsortium, requireActiveMember, type Call } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';
import { placeOf, readBatch, recordAt } from './shell/record-batches.js';

/**
 * What became of an erased record: each member's gateway says what it destroyed, and a certificate closes it. A receipt
 * is a hospital's word under its gateway's signature; the contract proves that all gave it, not that all kept it.
 */
export class ErasuresContract extends CareLedgerContract<'erasures'> {
  constructor() {
    super('erasures');
  }

  /** Once for each hospital. Its custodians say what became of the erasure key, and no other hospital may. */
  @Transaction()
  Post(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Post', { argumentJson, idempotencyKey }, async (call, posted) => {
      requireRole(call.caller, ['gateway']);
      const consortium = await requireActiveMember(call);
      const record = await readErased(call, posted.recordId);
      const { mspId } = call.caller;
      assertOutcome(record, posted, mspId);
      assertObjects(record, posted);
      const place = [record.recordId, mspId];
      if (await call.state.exists(KEYS.erasureReceipt, place))
        throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second receipt of this hospital' });
      const receipt: ErasureReceipt = { ...posted, by: call.caller, at: call.at, txId: call.txId };
      await call.state.write(KEYS.erasureReceipt, place, receipt);
      await call.state.setOwner(KEYS.erasureReceipt, place, mspId, consortium);
      const { recordId, pseudonym } = record;
      return { result: receipt, event: { event: EVENTS.erasurePosted, id: recordId, mspId, pseudonym } };
    });
  }

  /** By anybody of an active member, once every active member has posted. Names what it does not prove. */
  @Transaction()
  Certify(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Certify', { argumentJson, idempotencyKey }, async (call, { recordId }) => {
      const consortium = await requireActiveMember(call);
      const record = await readErased(call, recordId);
      const before = await call.state.read(KEYS.erasureCertificate, [recordId]);
      const status = nextStatus('erasure', before === undefined ? undefined : 'certified', 'certify');
      const { receipts, missing } = await readErasure(call, record);
      if (missing.length > 0) {
        throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
          message: 'Not every active member has said what it destroyed.',
          expected: `a receipt of ${missing.join(', ')}`,
        });
      }
      const certificate = certificateOf(call, record, receipts);
      await call.state.write(KEYS.erasureCertificate, [recordId], certificate);
      await call.state.setOwner(KEYS.erasureCertificate, [recordId], record.ownerMspId, consortium);
      const { mspId } = call.caller;
      const { pseudonym } = record;
      return {
        result: certificate,
        event: { event: EVENTS.erasureCertified, id: recordId, mspId, status, pseudonym },
      };
    });
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, async (call, { recordId }) =>
      readErasure(call, await readErased(call, recordId)),
    );
  }
}

/** @throws CareLedgerError RECORD_NOT_FOUND, TRANSITION_NOT_ALLOWED for a record that was not erased */
async function readErased(call: Call, recordId: string): Promise<EmrRecord> {
  const { batchId, index } = placeOf(recordId);
  const record = recordAt(await readBatch(call, batchId), index);
  if (record.status === 'erased') return record;
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    expected: 'a record that was erased',
    came: `a record that is ${record.status}`,
  });
}

function assertOutcome(record: EmrRecord, { erasureKey }: PostErasure, mspId: string): void {
  const ofCustodian = record.erasureLeaf === undefined ? 'none' : 'punctured';
  const expected = custodiansOf(record).includes(mspId) ? ofCustodian : 'not-held';
  if (erasureKey !== expected)
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected: `erasureKey ${expected}`, came: erasureKey });
}

/** Every object of the record, and no other, is named once. */
function assertObjects(record: EmrRecord, { absent, shared }: PostErasure): void {
  const named = [...absent, ...shared].sort();
  const objects = [...new Set(objectsOf(record))].sort();
  if (named.join() === objects.join()) return;
  throw new CareLedgerError('SCHEMA_VIOLATION', {
    expected: 'each object of the record once, as absent or as shared',
    came: `${String(named.length)} of ${String(objects.length)}`,
  });
}

function objectsOf({ contentCid, headerCid, sharing }: EmrRecord): string[] {
  return [contentCid, headerCid, ...(sharing === undefined ? [] : [sharing.headerCid])];
}

async function readErasure(call: Call, { recordId }: EmrRecord): Promise<Erasure> {
  const receipts: ErasureReceipt[] = [];
  for await (const receipt of call.state.documents(KEYS.erasureReceipt, [recordId])) receipts.push(receipt);
  const { activeMembers } = await readConsortium(call);
  const posted = new Set(receipts.map(({ by }) => by.mspId));
  const missing = activeMembers.filter((mspId) => !posted.has(mspId));
  const certificate = await call.state.read(KEYS.erasureCertificate, [recordId]);
  return { recordId, receipts, missing, ...(certificate === undefined ? {} : { certificate }) };
}

function certificateOf(
  { caller, at, txId }: Call,
  record: EmrRecord,
  receipts: ErasureReceipt[],
): ErasureCertificate {
  const { recordId, ownerMspId, pseudonym, type, erasedBecause, changedAt } = record;
  const punctured = receipts.filter(({ erasureKey }) => erasureKey === 'punctured');
  const isPunctured = punctured.length >= enoughToErase(record);
  const isShared = receipts.some(({ shared }) => shared.length > 0);
  return {
    recordId,
    ownerMspId,
    pseudonym,
    type,
    // Both are there since the record is erased.
    erasedBecause: erasedBecause ?? '-',
    erasedAt: changedAt ?? at,
    receipts,
    proven: [
      'receipts-of-all-active-members',
      ...(isPunctured ? (['erasure-key-punctured'] as const) : []),
      ...(isShared ? [] : (['objects-absent-from-all-nodes'] as const)),
    ],
    notProven: [
      'backups-of-custodies-and-disks',
      'remnants-on-storage-devices',
      'copies-of-readers',
      'a-custody-that-does-not-do-what-it-says',
      'nodes-of-members-that-have-left',
      ...(isPunctured ? [] : (['stored-headers-without-erasure-key'] as const)),
      ...(isShared ? (['objects-named-for-another-record'] as const) : []),
    ],
    certifiedBy: caller,
    certifiedAt: at,
    txId,
  };
}
