import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  LIMITS,
  addMs,
  approveLink,
  linkCaseAt,
  nextStatus,
  postLinkOutcome,
  type LinkCase,
} from '@careledger/protocol';
import { writeNotice } from './shell/notices.js';
import { requireActiveMember, type Call, type Outcome } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';
import { readPage } from './shell/paging.js';
import { readPatient } from './shell/patient-authority.js';

/**
 * Opening the link between pseudonyms: who asked, why, who agreed and what came out stand here for ever. With a majority
 * of the active members the holders of the master key give their parts; fewer can open nothing.
 */
export class LinksContract extends CareLedgerContract<'links'> {
  constructor() {
    super('links');
  }

  @Transaction()
  Open(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Open', { argumentJson, idempotencyKey }, async (call, request) => {
      requireRole(call.caller, ['officer', 'auditor']);
      await requireActiveMember(call);
      const { linkCaseId, pseudonyms, reason, oneTimeKey } = request;
      const before = await call.state.read(KEYS.linkCase, [linkCaseId]);
      const status = nextStatus('linkCase', before?.status, 'open');
      for (const pseudonym of pseudonyms) {
        const { link } = await readPatient(call, pseudonym);
        if (link === undefined) throw new CareLedgerError('LINK_MISSING', { came: pseudonym });
      }
      await call.state.mark(KEYS.linkCasesByTime, [call.at, linkCaseId]);
      return save(call, {
        linkCaseId,
        status,
        openedBy: call.caller,
        pseudonyms,
        reason,
        oneTimeKey,
        approvals: [],
        endsAt: addMs(call.at, LIMITS.linkAnswerMs),
        openedAt: call.at,
        changedAt: call.at,
        txId: call.txId,
      });
    });
  }

  /** By an officer who did not open it; one approval for each member. */
  @Transaction()
  Approve(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Approve', { argumentJson, idempotencyKey }, async (call, { linkCaseId }) => {
      requireRole(call.caller, ['officer']);
      const consortium = await requireActiveMember(call);
      const standing = await readLinkCase(call, linkCaseId);
      const { caller: by, at, txId } = call;
      return save(call, approveLink(standing, { by, at, txId }, consortium));
    });
  }

  /** By the gateway of the hospital that opened the case: it alone could read the parts. */
  @Transaction()
  PostOutcome(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'PostOutcome',
      { argumentJson, idempotencyKey },
      async (call, { linkCaseId, outcome }) => {
        requireRole(call.caller, ['gateway']);
        await requireActiveMember(call);
        const standing = await readLinkCase(call, linkCaseId);
        const { mspId } = standing.openedBy;
        if (mspId !== call.caller.mspId) throw new CareLedgerError('NOT_OWNER', { expected: mspId });
        return save(call, postLinkOutcome(standing, outcome, call));
      },
    );
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, (call, { linkCaseId }) =>
      readLinkCase(call, linkCaseId),
    );
  }

  @Transaction(false)
  List(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'List', argumentJson, (call, page) => {
      const load = async ([, linkCaseId = '']: readonly string[]): Promise<LinkCase[]> => [
        await readLinkCase(call, linkCaseId),
      ];
      return readPage(call.state, { prefix: KEYS.linkCasesByTime, attributes: [], load }, page);
    });
  }
}

/** As it is now. @throws CareLedgerError LINK_CASE_NOT_FOUND */
async function readLinkCase(call: Call, linkCaseId: string): Promise<LinkCase> {
  const written = await call.state.read(KEYS.linkCase, [linkCaseId]);
  if (written === undefined) throw new CareLedgerError('LINK_CASE_NOT_FOUND', { came: linkCaseId });
  return linkCaseAt(written, call.at);
}

/** Each of the patients is told of every step. */
async function save(call: Call, linkCase: LinkCase): Promise<Outcome> {
  const { linkCaseId, status, pseudonyms, openedBy } = linkCase;
  await call.state.write(KEYS.linkCase, [linkCaseId], linkCase);
  for (const pseudonym of pseudonyms)
    await writeNotice(call, { pseudonym, kind: 'link', caseId: linkCaseId, status }, call.caller.mspId);
  const { mspId } = openedBy;
  return { result: linkCase, event: { event: EVENTS.linkCaseChanged, id: linkCaseId, mspId, status } };
}
