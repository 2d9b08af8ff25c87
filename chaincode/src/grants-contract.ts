import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  LIMITS,
  addGrant,
  assertGrantPeriod,
  expirePast,
  nextStatus,
  revokeGrant,
  type PatientGrant,
} from '@careledger/protocol';
import { assertActive, requireActiveMember, type Call } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { readGrantBook, writeGrantBook } from './shell/grant-books.js';
import { readPage } from './shell/paging.js';
import { readSigningPatient } from './shell/patient-authority.js';

/** What patients allow. Signed by the patient; any staff of any active member may relay it. */
export class GrantsContract extends CareLedgerContract<'grants'> {
  constructor() {
    super('grants');
  }

  @Transaction()
  Grant(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Grant', { argumentJson, idempotencyKey }, async (call, request) => {
      const consortium = await requireActiveMember(call);
      const patient = await readSigningPatient(call, request);
      if (patient.status !== 'enrolled') {
        throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
          expected: 'an enrolled patient',
          came: `a patient that is ${patient.status}`,
        });
      }
      const { edges, ...terms } = request.arguments;
      if (edges !== undefined)
        throw new CareLedgerError('SCHEMA_VIOLATION', {
          expected: 'no edges: the patient has no identity key',
          came: 'edges',
        });
      assertGrantPeriod(terms, call.at);
      assertActive(consortium, terms.grantee.mspId);
      const ended = await readEnded(call, terms.pseudonym, terms.grantId);
      const status = nextStatus('grant', ended?.status, 'grant');
      const grant: PatientGrant = { ...terms, status, basis: 'patient', createdAt: call.at, txId: call.txId };
      const book = await readGrantBook(call, terms.pseudonym);
      await writeGrantBook(call, consortium, addGrant(book, grant, call.at, call.txId));
      return { result: grant, event: eventOf(grant, book.mspId) };
    });
  }

  @Transaction()
  Revoke(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Revoke', { argumentJson, idempotencyKey }, async (call, request) => {
      const consortium = await requireActiveMember(call);
      await readSigningPatient(call, request);
      const { pseudonym, grantId } = request.arguments;
      const book = await readGrantBook(call, pseudonym);
      const isLive = book.grants.some((grant) => grant.grantId === grantId);
      const ended = isLive ? undefined : await readEnded(call, pseudonym, grantId);
      if (ended !== undefined) nextStatus('grant', ended.status, 'revoke');
      const change = revokeGrant(book, grantId, call.at, call.txId);
      await writeGrantBook(call, consortium, change);
      const [revoked] = change.ended;
      if (revoked === undefined) throw new TypeError('a revocation that ended no grant');
      return { result: revoked, event: eventOf(revoked, book.mspId) };
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

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, async (call, { pseudonym, grantId }) => {
      const { grants } = await readGrantBook(call, pseudonym);
      const live = grants.find((grant) => grant.grantId === grantId);
      const grant = live ?? (await readEnded(call, pseudonym, grantId));
      if (grant === undefined) throw new CareLedgerError('GRANT_NOT_FOUND');
      return grant;
    });
  }

  @Transaction(false)
  List(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'List', argumentJson, async (call, request) => {
      const { pseudonym, ended } = request;
      const { grants } = await readGrantBook(call, pseudonym);
      if (!ended) return { items: grants.slice(0, LIMITS.liveGrantsPerPatient) };
      const load = async ([endedAt = '', grantId = '']: readonly string[]) => {
        const grant = await call.state.read(KEYS.endedGrant, [pseudonym, endedAt, grantId]);
        return grant === undefined ? [] : [grant];
      };
      return readPage(call.state, { prefix: KEYS.endedGrant, attributes: [pseudonym], load }, request);
    });
  }
}

async function readEnded(call: Call, pseudonym: string, grantId: string): Promise<PatientGrant | undefined> {
  const found = await call.state.read(KEYS.endedGrantId, [pseudonym, grantId]);
  return found === undefined
    ? undefined
    : call.state.read(KEYS.endedGrant, [pseudonym, found.endedAt, grantId]);
}

function eventOf({ grantId, pseudonym, status }: PatientGrant, mspId: string) {
  return { event: EVENTS.grantChanged, id: grantId, pseudonym, mspId, status } as const;
}
