import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  MIN_CONTRIBUTORS,
  assertCohort,
  nextStatus,
  spendBudget,
  type Contribution,
  type OpenQuery,
  type PartialShare,
  type QueryDetails,
} from '@careledger/protocol';
import { arithmeticUnder, assertFields, type KeySize } from './aggregate/arithmetic.js';
import {
  allOf,
  readContributions,
  readKey,
  readLayout,
  readPartials,
  readQuery,
  requireKey,
} from './aggregate/reading.js';
import { acceptedShare, assertNewShare, rejectedShare, sharesToCombine } from './aggregate/shares.js';
import {
  assertAnswers,
  assertHolder,
  assertMissing,
  endedQuery,
  haveRoom,
  ownPanels,
  savedContribution,
  savedQuery,
} from './aggregate/steps.js';
import { AGGREGATION_KEY, checkedSharing } from './ceremony/aggregation-key.js';
import {
  accepted,
  assertRegistered,
  registeredOrAccepted,
  registeringCeremony,
} from './ceremony/key-registration.js';
import { requireActiveMember, type Call } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';
import { readPage } from './shell/paging.js';

/**
 * Statistics over several hospitals: opened, contributed, decrypted by every key holder, published; or refused, with
 * the reason. Contributions and shares each have one writer and their own key, so that hospitals answer at once.
 */
export class QueriesContract extends CareLedgerContract<'queries'> {
  constructor(private readonly keySize: KeySize = {}) {
    super('queries');
  }

  /**
   * By a holder, at the end of its ceremony: the first registration, an acceptance of what another one registered, or a
   * conflict, which ends the attempt and stands on the ledger with both documents.
   */
  @Transaction()
  RegisterKey(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'RegisterKey', { argumentJson, idempotencyKey }, async (call, document) => {
      requireRole(call.caller, ['admin', 'gateway']);
      const consortium = await requireActiveMember(call);
      const ceremony = await registeringCeremony(call, document, AGGREGATION_KEY.scheme);
      const digest = checkedSharing(ceremony, document, this.keySize);
      return registeredOrAccepted(call, ceremony, { kind: AGGREGATION_KEY, document, digest, consortium });
    });
  }

  /** By every other holder, once it has its share; the last acceptance puts the key in force and ends the ceremony. */
  @Transaction()
  AcceptKey(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'AcceptKey', { argumentJson, idempotencyKey }, async (call, argument) => {
      requireRole(call.caller, ['admin', 'gateway']);
      await requireActiveMember(call);
      const ceremony = await registeringCeremony(call, argument, AGGREGATION_KEY.scheme);
      assertRegistered(ceremony, argument.sharingDigest);
      return accepted(call, ceremony, AGGREGATION_KEY);
    });
  }

  @Transaction(false)
  GetKey(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'GetKey', argumentJson, (call, { epoch }) => readKey(call, epoch));
  }

  /**
   * Asks the active members that hold a share of the key, so that every contributor has a say in decrypting. A requester
   * whose budget is used up asks nobody, and that it tried stands on the ledger.
   */
  @Transaction()
  Open(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Open', { argumentJson, idempotencyKey }, async (call, fields) => {
      requireRole(call.caller, ['researcher', 'officer']);
      const consortium = await requireActiveMember(call);
      assertCohort(fields.cohort);
      const { publicKey, sharing } = await readKey(call);
      const { layout } = await readLayout(call, fields.layoutId, fields.layoutVersion);
      assertFields(layout, fields);
      if (layout.keyBits !== publicKey.keyBits) {
        throw new CareLedgerError('SCHEMA_VIOLATION', {
          expected: `a layout for ${String(publicKey.keyBits)} bits`,
        });
      }
      const before = await call.state.read(KEYS.query, [fields.queryId]);
      const isWithinBudget = await spent(call, fields);
      const status = nextStatus('query', before?.status, isWithinBudget ? 'open' : 'deny');
      await call.state.mark(KEYS.queriesByTime, [call.at, fields.queryId]);
      const stamp = { researcher: call.caller, openedAt: call.at, txId: call.txId };
      const query = { ...fields, keyId: publicKey.keyId, ...stamp, status };
      if (!isWithinBudget) {
        const refusal = { mspId: call.caller.mspId, reason: 'BUDGET_EXHAUSTED' } as const;
        return savedQuery(call, { ...query, members: [], refusal, endedAt: call.at }, EVENTS.queryEnded);
      }
      const members = consortium.activeMembers.filter((mspId) => sharing.holders.includes(mspId));
      return savedQuery(call, { ...query, members }, EVENTS.queryOpened);
    });
  }

  @Transaction()
  Contribute(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Contribute', { argumentJson, idempotencyKey }, async (call, argument) => {
      const { queryId, panelIds } = argument;
      requireRole(call.caller, ['gateway', 'officer']);
      await requireActiveMember(call);
      const query = await readQuery(call, queryId);
      await assertAnswers(call, query);
      const key = await requireKey(call, query.keyId);
      const { cids: panels, rows: panelRows } = await ownPanels(call, query, panelIds);
      const context = { mspId: call.caller.mspId, queryId, panels };
      arithmeticUnder(key, this.keySize).assertContribution(argument, context);
      return savedContribution(call, { ...argument, panelRows, outcome: 'contributed' });
    });
  }

  /** While a query is open: the member does not contribute. Later: it does not decrypt, and the query ends. */
  @Transaction()
  Refuse(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'Refuse',
      { argumentJson, idempotencyKey },
      async (call, { queryId, reason }) => {
        requireRole(call.caller, ['gateway', 'officer']);
        await requireActiveMember(call);
        const query = await readQuery(call, queryId);
        if (query.status === 'opened') {
          await assertAnswers(call, query);
          return savedContribution(call, { queryId, outcome: 'refused', reason });
        }
        assertHolder(await requireKey(call, query.keyId), call.caller.mspId);
        return endedQuery(call, query, 'refuse', { refusal: { mspId: call.caller.mspId, reason } });
      },
    );
  }

  /** Anyone may, when every asked member that is still active has answered. */
  @Transaction()
  Complete(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Complete', { argumentJson, idempotencyKey }, async (call, { queryId }) => {
      const { activeMembers } = await requireActiveMember(call);
      const query = await readQuery(call, queryId);
      const status = nextStatus('query', query.status, 'complete');
      const answers = await readContributions(call, query);
      const awaited = query.members.filter((mspId) => activeMembers.includes(mspId));
      assertMissing('answer', awaited, answers);
      const given = answers.filter(({ outcome }) => outcome === 'contributed');
      const contributors = given.map(({ mspId }) => mspId);
      if (given.length < MIN_CONTRIBUTORS) {
        const refusal = { mspId: call.caller.mspId, reason: 'TOO_FEW_CONTRIBUTORS' } as const;
        return endedQuery(call, query, 'refuse', { contributors, refusal });
      }
      const { layout } = await readLayout(call, query.layoutId, query.layoutVersion);
      if (!haveRoom(layout, given)) {
        const refusal = { mspId: call.caller.mspId, reason: 'TOO_MANY_RECORDS' } as const;
        return endedQuery(call, query, 'refuse', { contributors, refusal });
      }
      const arithmetic = arithmeticUnder(await requireKey(call, query.keyId), this.keySize);
      const aggregate = arithmetic.sum(given.map(({ ciphertext = '' }: Contribution) => ciphertext));
      return savedQuery(call, { ...query, status, contributors, aggregate }, EVENTS.queryCompleted);
    });
  }

  /**
   * One holder's partial decryption, of the ciphertext that it multiplied itself, with the proof that its share was used.
   * One that does not verify, or is of anything else, does not count, and stands on the ledger with its sender's name.
   */
  @Transaction()
  Share(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Share', { argumentJson, idempotencyKey }, async (call, argument) => {
      requireRole(call.caller, ['gateway']);
      await requireActiveMember(call);
      const query = await readQuery(call, argument.queryId);
      // Shares are for what could still be published.
      nextStatus('query', query.status, 'publish');
      const key = await requireKey(call, query.keyId);
      const { mspId } = call.caller;
      assertHolder(key, mspId);
      await assertNewShare(call, key, argument);
      const share: PartialShare = { ...argument, mspId, at: call.at, txId: call.txId };
      const rejection = arithmeticUnder(key, this.keySize).rejectionOf(query, share);
      return rejection === undefined ? acceptedShare(call, share) : rejectedShare(call, share, rejection);
    });
  }

  /** Anyone may, when the shares are there that `sharesToCombine` asks for. The contract combines them itself. */
  @Transaction()
  Publish(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Publish', { argumentJson, idempotencyKey }, async (call, { queryId }) => {
      const consortium = await requireActiveMember(call);
      const query = await readQuery(call, queryId);
      nextStatus('query', query.status, 'publish');
      const key = await requireKey(call, query.keyId);
      const { sharing } = key;
      const posted = await readPartials(call, queryId, sharing);
      const partials = sharesToCombine(query, posted, { sharing, consortium });
      const { layout } = await readLayout(call, query.layoutId, query.layoutVersion);
      const results = arithmeticUnder(key, this.keySize).results({ query, layout, partials });
      const combined = { epoch: sharing.epoch, holders: partials.map(({ mspId }) => mspId) };
      return endedQuery(call, query, 'publish', { results, combined });
    });
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, async (call, { queryId }): Promise<QueryDetails> => {
      const query = await readQuery(call, queryId);
      const contributions = await readContributions(call, query);
      const partials = await allOf(call.state.documents(KEYS.partial, [queryId]));
      const rejected = await allOf(call.state.documents(KEYS.rejectedPartial, [queryId]));
      return { query, contributions, partials, rejected };
    });
  }

  @Transaction(false)
  List(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'List', argumentJson, (call, request) => {
      const load = async ([, queryId = '']: readonly string[]) => [await readQuery(call, queryId)];
      return readPage(call.state, { prefix: KEYS.queriesByTime, attributes: [], load }, request);
    });
  }
}

/** Takes a query's fields from the requester's budget; false, and nothing taken, when they are more than is left. */
async function spent(call: Call, { fields }: OpenQuery): Promise<boolean> {
  const requester = [call.caller.mspId, call.caller.enrolmentId];
  const budget = spendBudget(await call.state.read(KEYS.queryBudget, requester), call.at, fields.length);
  if (budget !== undefined) await call.state.write(KEYS.queryBudget, requester, budget);
  return budget !== undefined;
}
