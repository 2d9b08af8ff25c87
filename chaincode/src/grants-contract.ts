import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  LIMITS,
  endForward,
  expirePast,
  lineageOf,
  liveGrant,
  nextStatus,
  parentOf,
  revokeGrant,
  tagName,
  type BookChange,
  type Consortium,
  type GrantChain,
  type PatientGrant,
} from '@careledger/protocol';
import { requireActiveMember, type Call, type Outcome } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';
import { readEndedGrant, readGrantBook, writeGrantBook } from './shell/grant-books.js';
import { readPage } from './shell/paging.js';
import { readSigningPatient } from './shell/patient-authority.js';
import { readEdges } from './sharing/edges.js';
import { forwardRenewed, forwarded, granted, renewed, type Granted } from './sharing/granting.js';
import { setSharing, sharingStateOf } from './sharing/tag-states.js';
import { writeNotice } from './shell/notices.js';

/**
 * What patients allow. Signed by the patient; any staff of any active member may relay it. What a grantee hands on within
 * the patient's hops is the grantee's own transaction.
 */
export class GrantsContract extends CareLedgerContract<'grants'> {
  constructor() {
    super('grants');
  }

  @Transaction()
  Grant(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Grant', { argumentJson, idempotencyKey }, async (call, request) =>
      outcomeOf(await granted(call, await requireActiveMember(call), request)),
    );
  }

  @Transaction()
  Forward(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Forward', { argumentJson, idempotencyKey }, async (call, request) =>
      outcomeOf(await forwarded(call, await requireActiveMember(call), request)),
    );
  }

  @Transaction()
  Renew(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Renew', { argumentJson, idempotencyKey }, async (call, request) =>
      outcomeOf(await renewed(call, await requireActiveMember(call), request)),
    );
  }

  @Transaction()
  RenewForward(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'RenewForward', { argumentJson, idempotencyKey }, async (call, request) =>
      outcomeOf(await forwardRenewed(call, await requireActiveMember(call), request)),
    );
  }

  /** By the patient, of any live grant: the patient's own and every one that stands on it. */
  @Transaction()
  Revoke(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Revoke', { argumentJson, idempotencyKey }, async (call, request) => {
      const consortium = await requireActiveMember(call);
      await readSigningPatient(call, request);
      const { pseudonym, grantId } = request.arguments;
      const book = await readGrantBook(call, pseudonym);
      if (!book.grants.some((grant) => grant.grantId === grantId))
        await assertEndable(call, { pseudonym, grantId, step: 'revoke' });
      return ended(call, consortium, grantId, revokeGrant(book, grantId, call.at, call.txId));
    });
  }

  /** By the hospital that forwarded; the patient revokes. */
  @Transaction()
  EndForward(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'EndForward',
      { argumentJson, idempotencyKey },
      async (call, { pseudonym, grantId }) => {
        requireRole(call.caller, ['clinician', 'officer', 'researcher']);
        const consortium = await requireActiveMember(call);
        const book = await readGrantBook(call, pseudonym);
        if (!book.grants.some((grant) => grant.grantId === grantId))
          await assertEndable(call, { pseudonym, grantId, step: 'end' });
        assertForwardedBy(liveGrant(book, grantId), call.caller.mspId);
        return ended(call, consortium, grantId, endForward(book, grantId, call.at, call.txId));
      },
    );
  }

  @Transaction()
  SetSharing(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'SetSharing', { argumentJson, idempotencyKey }, async (call, request) => {
      const consortium = await requireActiveMember(call);
      await readSigningPatient(call, request);
      const before = await readGrantBook(call, request.arguments.pseudonym);
      const book = setSharing(before, request.arguments);
      await writeGrantBook(call, consortium, { book, ended: [] });
      const { pseudonym, mspId } = book;
      const status = request.arguments.sharable ? 'opened' : 'closed';
      const { recordType, sensitivity } = request.arguments;
      const about = tagName(recordType, sensitivity);
      const notice = { pseudonym, kind: 'sharing', caseId: call.txId, status, about } as const;
      await writeNotice(call, notice);
      const event = { event: EVENTS.grantChanged, id: pseudonym, pseudonym, mspId, status } as const;
      return { result: sharingStateOf(book), event };
    });
  }

  /** Moves grants whose time is over to the ended ones. Anyone may: decisions do not wait for it. */
  @Transaction()
  Sweep(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Sweep', { argumentJson, idempotencyKey }, async (call, { pseudonym }) => {
      const consortium = await requireActiveMember(call);
      const book = await readGrantBook(call, pseudonym);
      const change = expirePast(book, call.at, call.txId);
      if (change.ended.length > 0) await writeGrantBook(call, consortium, change);
      const expired = change.ended.map(({ grantId }) => grantId);
      const event = {
        event: EVENTS.grantChanged,
        id: pseudonym,
        pseudonym,
        mspId: book.mspId,
        status: 'expired',
      } as const;
      return { result: { expired }, event };
    });
  }

  /** Live grants only: what a proxy asks before it gives anything. */
  @Transaction(false)
  Chain(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(
      context,
      'Chain',
      argumentJson,
      async (call, { pseudonym, grantId, tag }): Promise<GrantChain> => {
        const book = await readGrantBook(call, pseudonym);
        const links: GrantChain['links'] = [];
        for (const grant of lineageOf(book.grants, liveGrant(book, grantId))) {
          const edges = (grant.edges ?? []).filter((edge) => tag === undefined || isOfTag(edge, tag));
          links.push({ grant, edges: await readEdges(call, { ...grant, edges }) });
        }
        return { links };
      },
    );
  }

  @Transaction(false)
  GetSharing(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'GetSharing', argumentJson, async (call, { pseudonym }) =>
      sharingStateOf(await readGrantBook(call, pseudonym)),
    );
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, async (call, { pseudonym, grantId }) => {
      const { grants } = await readGrantBook(call, pseudonym);
      const live = grants.find((grant) => grant.grantId === grantId);
      const grant = live ?? (await readEndedGrant(call, pseudonym, grantId));
      if (grant === undefined) throw new CareLedgerError('GRANT_NOT_FOUND');
      return grant;
    });
  }

  @Transaction(false)
  List(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'List', argumentJson, async (call, request) => {
      const { pseudonym, ended: isEnded } = request;
      const { grants } = await readGrantBook(call, pseudonym);
      if (!isEnded) return { items: grants.slice(0, LIMITS.liveGrantsPerPatient) };
      const load = async ([endedAt = '', grantId = '']: readonly string[]) => {
        const grant = await call.state.read(KEYS.endedGrant, [pseudonym, endedAt, grantId]);
        return grant === undefined ? [] : [grant];
      };
      return readPage(call.state, { prefix: KEYS.endedGrant, attributes: [pseudonym], load }, request);
    });
  }
}

/** Says of a grant that has ended that it has, instead of that there is none. */
async function assertEndable(
  call: Call,
  of: { readonly pseudonym: string; readonly grantId: string; readonly step: 'revoke' | 'end' },
): Promise<void> {
  const before = await readEndedGrant(call, of.pseudonym, of.grantId);
  if (before !== undefined) nextStatus('grant', before.status, of.step);
}

function assertForwardedBy(grant: PatientGrant, mspId: string): void {
  const { basis } = grant;
  if (parentOf(grant) !== undefined && typeof basis === 'object' && 'by' in basis && basis.by.mspId === mspId)
    return;
  throw new CareLedgerError('NOT_OWNER', { message: 'Only the hospital that forwarded ends the forward.' });
}

async function ended(
  call: Call,
  consortium: Consortium,
  grantId: string,
  change: BookChange,
): Promise<Outcome> {
  await writeGrantBook(call, consortium, change);
  const grant = change.ended.find((candidate) => candidate.grantId === grantId);
  if (grant === undefined) throw new TypeError('an ending that ended no grant');
  return outcomeOf({ grant, book: change.book });
}

function isOfTag(
  edge: { readonly recordType: string; readonly sensitivity: string },
  tag: { readonly recordType: string; readonly sensitivity: string },
): boolean {
  return edge.recordType === tag.recordType && edge.sensitivity === tag.sensitivity;
}

function outcomeOf({ grant, book: { mspId } }: Granted): Outcome {
  const { grantId, pseudonym, status } = grant;
  const event = { event: EVENTS.grantChanged, id: grantId, pseudonym, mspId, status } as const;
  return { result: grant, event };
}
