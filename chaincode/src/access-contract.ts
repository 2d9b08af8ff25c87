import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  LIMITS,
  decideOpening,
  nextStatus,
  type Access,
  type Receipt,
} from '@careledger/protocol';
import { recordDenials } from './opening/denials.js';
import { requireReceipt, writeAccess } from './opening/evidence.js';
import { DEFAULT_ACCESS_PAGE, accessIndex, withReceipt } from './opening/listing.js';
import { readMaterial } from './opening/material.js';
import { readConsortium, requireActiveMember, type Call } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { writeGrantBook } from './shell/grant-books.js';
import { sha256 } from './shell/idempotency.js';
import { readPage } from './shell/paging.js';

/** Openings: decided and written down in one transaction, before any byte of a key moves. */
export class AccessContract extends CareLedgerContract<'access'> {
  constructor() {
    super('access');
  }

  /**
   * Decides every record and commits the decisions. A denial is a result, not an error: it commits as a VALID
   * transaction. Only an unknown record is an error, and writes nothing. Staff of a hospital that is not active are
   * denied here rather than refused, so that the attempt stands on the ledger.
   */
  @Transaction()
  Open(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'Open',
      { argumentJson, idempotencyKey },
      async (call, { recordIds, purpose, caseId, recipientKey }) => {
        const { at, txId, caller: requester } = call;
        const consortium = await readConsortium(call);
        const { records, books, suspensions } = await readMaterial(call, recordIds);
        const standing = [...suspensions.values()].filter(({ liftedAt }) => liftedAt === undefined);
        const outcome = decideOpening({
          requester,
          purpose,
          caseId,
          at,
          txId,
          records,
          books,
          requesterMemberActive: consortium.activeMembers.includes(requester.mspId),
          suspendedBy: new Set(standing.map(({ ownerMspId }) => ownerMspId)),
          newGrantId: (pseudonym, instructionId) =>
            sha256(`${txId}/${pseudonym}/${instructionId}`).slice(0, 32),
        });
        const access: Access = {
          accessId: txId,
          requester,
          purpose,
          ...(caseId === undefined ? {} : { caseId }),
          recipientKey,
          at,
          decisions: [...outcome.decisions],
        };
        await writeAccess(call, access);
        for (const book of outcome.changedBooks) {
          const ended = outcome.ended.filter(({ pseudonym }) => pseudonym === book.pseudonym);
          await writeGrantBook(call, consortium, { book, ended });
        }
        await recordDenials(call, consortium, outcome.decisions, suspensions);
        if (outcome.receiptDueBy !== undefined) await requireReceipt(call, outcome.receiptDueBy);
        const pseudonyms = outcome.changedBooks.map(({ pseudonym }) => pseudonym);
        const event = {
          event: EVENTS.accessDecided,
          id: txId,
          mspId: requester.mspId,
          status: overall(access),
          ...(pseudonyms.length === 0 ? {} : { pseudonyms }),
        } as const;
        return { result: access, event, standsAt: { prefix: KEYS.access, attributes: [txId] } };
      },
    );
  }

  /** By the person who opened, and only where something was granted. */
  @Transaction()
  PostReceipt(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'PostReceipt',
      { argumentJson, idempotencyKey },
      async (call, { accessId, operation }) => {
        await requireActiveMember(call);
        assertReceiptFrom(call, await readAccess(call, accessId));
        const before = await call.state.read(KEYS.receipt, [accessId]);
        const dueBy = before?.dueBy;
        const receipt: Receipt = {
          accessId,
          status: nextStatus('receipt', statusAt(before, call.at), 'post'),
          operation,
          ...(dueBy === undefined ? {} : { dueBy }),
          at: call.at,
          txId: call.txId,
        };
        await call.state.write(KEYS.receipt, [accessId], receipt);
        if (before?.status === 'due' && dueBy !== undefined)
          await call.state.remove(KEYS.receiptDue, [dueBy, accessId]);
        const event = {
          event: EVENTS.receiptPosted,
          id: accessId,
          mspId: call.caller.mspId,
          status: receipt.status,
        } as const;
        return { result: receipt, event };
      },
    );
  }

  /** Marks what is overdue, oldest first, a bounded number at a time. Anyone may submit it. */
  @Transaction()
  SweepReceipts(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'SweepReceipts', { argumentJson, idempotencyKey }, async (call) => {
      await requireActiveMember(call);
      const overdue: string[] = [];
      for await (const [dueBy = '', accessId = ''] of call.state.scan(KEYS.receiptDue, [])) {
        if (dueBy >= call.at) break;
        await markOverdue(call, dueBy, accessId);
        if (overdue.push(accessId) >= LIMITS.sweepItems) break;
      }
      const event = { event: EVENTS.receiptsSwept, id: call.txId, status: 'overdue' } as const;
      return { result: { overdue }, event };
    });
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, async (call, { accessId }) =>
      withReceipt(call, await readAccess(call, accessId)),
    );
  }

  @Transaction(false)
  List(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'List', argumentJson, (call, request) =>
      readPage(call.state, accessIndex(call, request), {
        ...request,
        pageSize: request.pageSize ?? DEFAULT_ACCESS_PAGE,
      }),
    );
  }
}

async function readAccess(call: Call, accessId: string): Promise<Access> {
  const access = await call.state.read(KEYS.access, [accessId]);
  if (access === undefined) throw new CareLedgerError('ACCESS_NOT_FOUND', { came: accessId });
  return access;
}

function assertReceiptFrom({ caller }: Call, { requester, decisions }: Access): void {
  if (requester.mspId !== caller.mspId || requester.enrolmentId !== caller.enrolmentId) {
    throw new CareLedgerError('NOT_OWNER', { message: 'Only the person who opened posts the receipt.' });
  }
  if (decisions.some(({ outcome }) => outcome === 'grant')) return;
  throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    message: 'Nothing was granted, so there is nothing to receive.',
  });
}

/** A receipt past its time is late whether or not anyone has swept. */
function statusAt(receipt: Receipt | undefined, at: string): Receipt['status'] | undefined {
  const isLate = receipt?.status === 'due' && receipt.dueBy !== undefined && receipt.dueBy < at;
  return isLate ? nextStatus('receipt', receipt.status, 'sweep') : receipt?.status;
}

async function markOverdue(call: Call, dueBy: string, accessId: string): Promise<void> {
  const receipt = await call.state.read(KEYS.receipt, [accessId]);
  if (receipt?.status === 'due') {
    const status = nextStatus('receipt', receipt.status, 'sweep');
    await call.state.write(KEYS.receipt, [accessId], { ...receipt, status, at: call.at, txId: call.txId });
  }
  await call.state.remove(KEYS.receiptDue, [dueBy, accessId]);
}

function overall({ decisions }: Access): 'grant' | 'deny' | 'mixed' {
  const granted = decisions.filter(({ outcome }) => outcome === 'grant').length;
  if (granted === 0) return 'deny';
  return granted === decisions.length ? 'grant' : 'mixed';
}
