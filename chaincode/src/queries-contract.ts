import { Context, Transaction } from 'fabric-contract-api';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  MIN_CONTRIBUTORS,
  assertCohort,
  nextStatus,
  type AggregationKey,
  type Contribution,
  type PartialShare,
  type Query,
  type QueryDetails,
} from '@careledger/protocol';
import { arithmeticUnder, assertFields, assertPublicKey, type KeySize } from './aggregate/arithmetic.js';
import {
  CURRENT_KEY,
  readContributions,
  readKey,
  readLayout,
  readPartials,
  readQuery,
  requireActiveKey,
} from './aggregate/reading.js';
import {
  assertAnswers,
  assertHeldByAll,
  assertHolder,
  assertMissing,
  assertOwnPanels,
  endedQuery,
  savedContribution,
  savedKey,
  savedQuery,
} from './aggregate/steps.js';
import { assertActive, requireActiveMember } from './shell/call.js';
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

  /** A key that not every holder has accepted yet may be replaced; an active one never. */
  @Transaction()
  RegisterKey(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'RegisterKey', { argumentJson, idempotencyKey }, async (call, argument) => {
      const { publicKey, origin, holders } = argument;
      requireRole(call.caller, ['admin', 'gateway']);
      const consortium = await requireActiveMember(call);
      const before = await call.state.read(KEYS.aggregationKey, CURRENT_KEY);
      if (before?.status === 'active')
        throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second aggregation key' });
      assertPublicKey(publicKey, this.keySize);
      for (const holder of holders) assertActive(consortium, holder);
      assertHeldByAll(consortium, holders);
      const stamp = { registeredBy: call.caller.mspId, registeredAt: call.at, txId: call.txId };
      return savedKey(call, {
        publicKey,
        origin,
        holders: [...holders],
        acceptedBy: [],
        status: 'registered',
        ...stamp,
      });
    });
  }

  /** By each holder, once it has its share; the last acceptance makes the key active. */
  @Transaction()
  AcceptKey(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'AcceptKey', { argumentJson, idempotencyKey }, async (call, { keyId }) => {
      requireRole(call.caller, ['admin', 'gateway']);
      await requireActiveMember(call);
      const key = await readKey(call);
      const { mspId } = call.caller;
      if (key.publicKey.keyId !== keyId) throw new CareLedgerError('KEY_NOT_FOUND', { came: keyId });
      assertHolder(key, mspId);
      if (key.acceptedBy.includes(mspId))
        throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second acceptance' });
      const acceptedBy = [...key.acceptedBy, mspId];
      const status: AggregationKey['status'] =
        acceptedBy.length === key.holders.length ? 'active' : 'registered';
      return savedKey(call, { ...key, acceptedBy, status, txId: call.txId });
    });
  }

  @Transaction(false)
  GetKey(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'GetKey', argumentJson, (call) => readKey(call));
  }

  /** Asks the active members that hold a share of the key, so that every contributor has a say in decrypting. */
  @Transaction()
  Open(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Open', { argumentJson, idempotencyKey }, async (call, fields) => {
      requireRole(call.caller, ['researcher', 'officer']);
      const consortium = await requireActiveMember(call);
      assertCohort(fields.cohort);
      const { publicKey, holders } = await requireActiveKey(call);
      const { layout } = await readLayout(call, fields.layoutId, fields.layoutVersion);
      assertFields(layout, fields);
      if (layout.keyBits !== publicKey.keyBits) {
        throw new CareLedgerError('SCHEMA_VIOLATION', {
          expected: `a layout for ${String(publicKey.keyBits)} bits`,
        });
      }
      const before = await call.state.read(KEYS.query, [fields.queryId]);
      const query: Query = {
        ...fields,
        keyId: publicKey.keyId,
        researcher: call.caller,
        status: nextStatus('query', before?.status, 'open'),
        members: consortium.activeMembers.filter((mspId) => holders.includes(mspId)),
        openedAt: call.at,
        txId: call.txId,
      };
      await call.state.mark(KEYS.queriesByTime, [call.at, query.queryId]);
      return savedQuery(call, query, EVENTS.queryOpened);
    });
  }

  @Transaction()
  Contribute(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Contribute', { argumentJson, idempotencyKey }, async (call, argument) => {
      const { queryId, ciphertext, commitment, panelIds } = argument;
      requireRole(call.caller, ['gateway', 'officer']);
      await requireActiveMember(call);
      const query = await readQuery(call, queryId);
      await assertAnswers(call, query);
      arithmeticUnder(await requireActiveKey(call, query.keyId), this.keySize).assertCiphertext(ciphertext);
      await assertOwnPanels(call, query, panelIds);
      return savedContribution(call, {
        queryId,
        outcome: 'contributed',
        ciphertext,
        commitment,
        panelIds: [...panelIds],
      });
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
        assertHolder(await requireActiveKey(call, query.keyId), call.caller.mspId);
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
      const arithmetic = arithmeticUnder(await requireActiveKey(call, query.keyId), this.keySize);
      const aggregate = arithmetic.sum(given.map(({ ciphertext = '' }: Contribution) => ciphertext));
      return savedQuery(call, { ...query, status, contributors, aggregate }, EVENTS.queryCompleted);
    });
  }

  /** One holder's partial decryption, of the ciphertext that it multiplied itself. */
  @Transaction()
  Share(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Share', { argumentJson, idempotencyKey }, async (call, argument) => {
      const { queryId, ciphertextDigest, value } = argument;
      requireRole(call.caller, ['gateway']);
      await requireActiveMember(call);
      const { mspId } = call.caller;
      const query = await readQuery(call, queryId);
      // Shares are for what could still be published.
      nextStatus('query', query.status, 'publish');
      const key = await requireActiveKey(call, query.keyId);
      assertHolder(key, mspId);
      const arithmetic = arithmeticUnder(key, this.keySize);
      arithmetic.assertCiphertext(value);
      if (arithmetic.digest(query.aggregate ?? '') !== ciphertextDigest) {
        throw new CareLedgerError('RESULT_MISMATCH', {
          message: 'The share is of another ciphertext than the aggregate.',
        });
      }
      if (await call.state.exists(KEYS.partial, [queryId, mspId])) {
        throw new CareLedgerError('ALREADY_EXISTS', { came: 'a second share' });
      }
      const result: PartialShare = { queryId, mspId, ciphertextDigest, value, at: call.at, txId: call.txId };
      await call.state.write(KEYS.partial, [queryId, mspId], result);
      return { result, event: { event: EVENTS.queryShared, id: queryId, mspId, status: query.status } };
    });
  }

  /** Anyone may, when every holder has shared. The contract combines the shares itself. */
  @Transaction()
  Publish(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Publish', { argumentJson, idempotencyKey }, async (call, { queryId }) => {
      await requireActiveMember(call);
      const query = await readQuery(call, queryId);
      nextStatus('query', query.status, 'publish');
      const key = await requireActiveKey(call, query.keyId);
      const partials = await readPartials(call, queryId, key.holders);
      assertMissing('share', key.holders, partials);
      const { layout } = await readLayout(call, query.layoutId, query.layoutVersion);
      const results = arithmeticUnder(key, this.keySize).results({ query, layout, partials });
      return endedQuery(call, query, 'publish', { results });
    });
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, async (call, { queryId }): Promise<QueryDetails> => {
      const query = await readQuery(call, queryId);
      const { holders } = await readKey(call);
      const contributions = await readContributions(call, query);
      return { query, contributions, partials: await readPartials(call, queryId, holders) };
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
