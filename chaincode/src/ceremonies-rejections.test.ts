import { expect } from 'chai';
import { MAX_CEREMONY_ATTEMPTS_IN_ALL, MAX_CEREMONY_ROUNDS, type ErrorCode } from '@careledger/protocol';
import { contracts } from './index.js';
import { TestAggregate } from './testing/aggregation.js';
import { TEST_KEY_BITS, TestCeremony, documentsOf, oneTimeKeys, reshared } from './testing/ceremony.js';
import {
  ALPHA,
  BRAVO,
  CHARLIE,
  DELTA,
  DIGEST,
  HOSPITALS,
  admitFifth,
  fourHospitals,
  id,
  staff,
  vote,
} from './testing/consortium.js';
import { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed, type Rejection } from './testing/rejections.js';

const gateway = (mspId: string) => staff(mspId, 'gateway');
const admin = staff(ALPHA, 'admin');
const ECHO = 'EchoMSP';
/** A point of order 1, and text with bits after its last byte. */
const SMALL_ORDER = 'AQ'.padEnd(43, 'A');
const NOT_CANONICAL = 'AQ'.padEnd(42, 'A') + 'B';

describe('ceremonies refused', () => {
  let ledger: MemoryLedger;
  beforeEach(async () => {
    ledger = await fourHospitals();
  });

  const running = async (changes: object = {}) => {
    const ceremony = await new TestCeremony(ledger, changes).start();
    await ceremony.joinAll();
    return ceremony;
  };
  const refusing =
    (argument: object, caller = gateway(ALPHA)) =>
    (why: string, code: ErrorCode, changes: object, by = caller): Rejection => ({
      why,
      code,
      caller: by,
      argument: { ...argument, ...changes },
    });

  it('a start', async () => {
    const { plan } = new TestCeremony(ledger);
    const refused = refusing(plan, admin);
    await expectRejections(ledger, 'ceremonies:Start', [
      ...malformed(admin, plan),
      refused('an officer', 'ROLE_NOT_ALLOWED', {}, staff(ALPHA, 'officer')),
      refused('no member', 'MEMBER_NOT_ACTIVE', {}, staff(ECHO, 'admin')),
      refused('a holder that is no member', 'MEMBER_NOT_ACTIVE', { holders: [ALPHA, BRAVO, ECHO] }),
      refused('a key without a member', 'SCHEMA_VIOLATION', { holders: [ALPHA, BRAVO, CHARLIE] }),
      refused('two holders', 'SCHEMA_VIOLATION', { holders: [ALPHA, BRAVO] }),
      refused('a holder twice', 'SCHEMA_VIOLATION', { holders: [ALPHA, BRAVO, CHARLIE, CHARLIE] }),
      refused('dealers of nothing', 'SCHEMA_VIOLATION', { dealers: [ALPHA, BRAVO, CHARLIE] }),
      refused('a size that is none', 'SCHEMA_VIOLATION', { keyBits: 520 }),
      refused('a key that there is not', 'KEY_NOT_FOUND', {
        purpose: 'redistribute',
        dealers: [ALPHA, BRAVO, CHARLIE],
      }),
    ]);
    await ledger.submit(admin, 'ceremonies:Start', plan);
    await expectRejections(ledger, 'ceremonies:Start', [
      refused('the same id', 'ALREADY_EXISTS', {}),
      refused('a second one', 'CEREMONY_UNFINISHED', { ceremonyId: id() }),
    ]);
  });

  it('a start of redistribution', async () => {
    const aggregate = await new TestAggregate(ledger).setUp();
    const redistribute = { purpose: 'redistribute', dealers: [ALPHA, BRAVO, CHARLIE] } as const;
    const { plan } = new TestCeremony(ledger, { ...redistribute, dealers: [...redistribute.dealers] });
    const refused = refusing(plan, admin);
    await expectRejections(ledger, 'ceremonies:Start', [
      refused('a second key', 'KEY_EXISTS', { purpose: 'generate', dealers: undefined }),
      refused('no dealers', 'SCHEMA_VIOLATION', { dealers: undefined }),
      refused('fewer dealers than the threshold', 'SCHEMA_VIOLATION', { dealers: [ALPHA, BRAVO] }),
      refused('a dealer without a share', 'SCHEMA_VIOLATION', { dealers: [ALPHA, BRAVO, ECHO] }),
      refused('another size', 'SCHEMA_VIOLATION', { keyBits: 1024 }),
    ]);
    await vote(ledger, CHARLIE, 'suspend');
    const rest = { holders: [ALPHA, BRAVO, DELTA] };
    await expectRejections(ledger, 'ceremonies:Start', [
      refused('a suspended dealer', 'MEMBER_NOT_ACTIVE', rest),
      refused('a suspended holder', 'MEMBER_NOT_ACTIVE', { dealers: [ALPHA, BRAVO, DELTA] }),
    ]);
    const { ceremony } = await aggregate.redistribute(rest.holders, [ALPHA, BRAVO, DELTA]);
    expect(ceremony).to.include({ status: 'finished', epoch: 1 });
  });

  it('a key below 2048 bits, where the contracts are those of a Fabric process', async () => {
    const deployed = await fourHospitals(new MemoryLedger(contracts));
    const { plan } = new TestCeremony(deployed);
    for (const keyBits of [TEST_KEY_BITS, 1024, 2032])
      expect((await deployed.refusal(admin, 'ceremonies:Start', { ...plan, keyBits })).code).to.equal(
        'SCHEMA_VIOLATION',
      );
    const ceremony = new TestCeremony(deployed, { keyBits: 2048 });
    await ceremony.start();
    await ceremony.joinAll();
    const short = { ...(await ceremony.registration(documentsOf(new TestAggregate(deployed).key))) };
    expect((await deployed.refusal(gateway(ALPHA), 'queries:RegisterKey', short)).message).to.match(
      /keyBits/,
    );
  });

  it('a joining', async () => {
    const ceremony = await new TestCeremony(ledger).start();
    const argument = { ceremonyId: ceremony.ceremonyId, attempt: 1, ...oneTimeKeys() };
    const refused = refusing(argument);
    await admitFifth(ledger, ECHO);
    await expectRejections(ledger, 'ceremonies:Join', [
      ...malformed(gateway(ALPHA), argument),
      refused('an administrator', 'ROLE_NOT_ALLOWED', {}, admin),
      refused('no member', 'MEMBER_NOT_ACTIVE', {}, gateway('FoxtrotMSP')),
      refused('no participant', 'NOT_OWNER', {}, gateway(ECHO)),
      refused('an unknown ceremony', 'CEREMONY_NOT_FOUND', { ceremonyId: id() }),
      refused('another attempt', 'TRANSITION_NOT_ALLOWED', { attempt: 2 }),
      refused('a signing key of small order', 'SCHEMA_VIOLATION', { signingKey: SMALL_ORDER }),
      refused('a key in other text', 'SCHEMA_VIOLATION', { encryptionKey: NOT_CANONICAL }),
      refused('a short key', 'SCHEMA_VIOLATION', { encryptionKey: 'AAAA' }),
    ]);
    await ledger.submit(gateway(ALPHA), 'ceremonies:Join', argument);
    const { encryptionKey, signingKey } = argument;
    await expectRejections(ledger, 'ceremonies:Join', [
      refused('twice', 'ALREADY_EXISTS', oneTimeKeys()),
      refused('another’s signing key', 'ALREADY_EXISTS', { ...oneTimeKeys(), signingKey }, gateway(BRAVO)),
      refused(
        'another’s encryption key',
        'ALREADY_EXISTS',
        { ...oneTimeKeys(), encryptionKey },
        gateway(BRAVO),
      ),
    ]);
    await ceremony.joinAll([BRAVO, CHARLIE, DELTA]);
    await expectRejections(ledger, 'ceremonies:Join', [
      refused('a running attempt', 'TRANSITION_NOT_ALLOWED', oneTimeKeys()),
    ]);
  });

  it('a post', async () => {
    const waiting = await new TestCeremony(ledger).start();
    const early = await waiting.post();
    await expectRejections(ledger, 'ceremonies:Post', [
      { why: 'before it runs', code: 'TRANSITION_NOT_ALLOWED', caller: gateway(ALPHA), argument: early },
    ]);
    await waiting.joinAll();
    await admitFifth(ledger, ECHO);
    const argument = await waiting.post();
    const { [DELTA]: _delta, ...three } = argument.digests;
    expect(_delta).to.equal(DIGEST);
    const refused = refusing(argument);
    await expectRejections(ledger, 'ceremonies:Post', [
      ...malformed(gateway(ALPHA), argument),
      refused('an administrator', 'ROLE_NOT_ALLOWED', {}, admin),
      refused('no participant', 'NOT_OWNER', {}, gateway(ECHO)),
      refused('an unknown ceremony', 'CEREMONY_NOT_FOUND', { ceremonyId: id() }),
      refused('another attempt', 'TRANSITION_NOT_ALLOWED', { attempt: 2 }),
      refused('a round too far', 'SCHEMA_VIOLATION', { round: MAX_CEREMONY_ROUNDS + 1 }),
      refused('a participant without a digest', 'SCHEMA_VIOLATION', { digests: three }),
      refused('a digest for a stranger', 'SCHEMA_VIOLATION', {
        digests: { ...argument.digests, [ECHO]: DIGEST },
      }),
      refused('a stranger in a place', 'SCHEMA_VIOLATION', { digests: { ...three, [ECHO]: DIGEST } }),
      refused('a digest that is none', 'SCHEMA_VIOLATION', {
        digests: { ...argument.digests, [DELTA]: 'ab' },
      }),
      refused('names that are none', 'SCHEMA_VIOLATION', { digests: { ...three, __proto: DIGEST } }),
    ]);
    await ledger.submit(gateway(ALPHA), 'ceremonies:Post', argument);
    const other = Object.fromEntries(HOSPITALS.map((mspId) => [mspId, 'cd'.repeat(32)]));
    await expectRejections(ledger, 'ceremonies:Post', [
      refused('another message for the same round', 'ALREADY_EXISTS', { digests: other }),
      refused('the same again', 'ALREADY_EXISTS', {}),
    ]);
    await ledger.submit(gateway(BRAVO), 'ceremonies:Blame', await waiting.blame(ALPHA));
    await expectRejections(ledger, 'ceremonies:Post', [
      refused('an attempt that has ended', 'TRANSITION_NOT_ALLOWED', { round: 1 }),
    ]);
  });

  it('a blame', async () => {
    const ceremony = await new TestCeremony(ledger).start();
    const early = await ceremony.blame(DELTA);
    await expectRejections(ledger, 'ceremonies:Blame', [
      { why: 'before it runs', code: 'TRANSITION_NOT_ALLOWED', caller: gateway(ALPHA), argument: early },
    ]);
    await ceremony.joinAll();
    await admitFifth(ledger, ECHO);
    const argument = await ceremony.blame(DELTA);
    const refused = refusing(argument);
    await expectRejections(ledger, 'ceremonies:Blame', [
      ...malformed(gateway(ALPHA), argument),
      refused('an administrator', 'ROLE_NOT_ALLOWED', {}, admin),
      refused('no participant', 'NOT_OWNER', {}, gateway(ECHO)),
      refused('itself', 'SCHEMA_VIOLATION', { accused: ALPHA }),
      refused('a stranger', 'SCHEMA_VIOLATION', { accused: ECHO }),
      refused('a reason that only the contract finds', 'SCHEMA_VIOLATION', { reason: 'KEY_CONFLICT' }),
      refused('an attempt to come', 'TRANSITION_NOT_ALLOWED', { attempt: 2 }),
      ...(['GARBAGE', 'EQUIVOCATION', 'PROOF_INVALID'] as const).map((reason) =>
        refused(`${reason} in a message that was never posted`, 'TRANSITION_NOT_ALLOWED', { reason }),
      ),
    ]);
    await ledger.submit(gateway(DELTA), 'ceremonies:Post', await ceremony.post(2));
    await expectRejections(ledger, 'ceremonies:Blame', [
      refused('the wrong round', 'TRANSITION_NOT_ALLOWED', { reason: 'EQUIVOCATION', round: 1 }),
    ]);
    const right = { ...argument, reason: 'EQUIVOCATION', round: 2 };
    await ledger.submit(gateway(ALPHA), 'ceremonies:Blame', right);
    await expectRejections(ledger, 'ceremonies:Blame', [
      refused('a second time', 'ALREADY_EXISTS', { accused: BRAVO }),
      refused('an attempt that does not run yet', 'TRANSITION_NOT_ALLOWED', { attempt: 2 }, gateway(BRAVO)),
    ]);
    await ceremony.joinAll();
    await ledger.submit(gateway(DELTA), 'ceremonies:Blame', await ceremony.blame(ALPHA));
    await expectRejections(ledger, 'ceremonies:Blame', [
      refused('an attempt long ago', 'TRANSITION_NOT_ALLOWED', {}, gateway(BRAVO)),
    ]);
  });

  it('a resumption, and giving up', async () => {
    const ceremony = await running();
    const { ceremonyId } = ceremony;
    await admitFifth(ledger, ECHO);
    const argument = { ceremonyId, attempt: 1 };
    const refused = refusing(argument, admin);
    await expectRejections(ledger, 'ceremonies:Resume', [
      ...malformed(admin, argument),
      refused('an officer', 'ROLE_NOT_ALLOWED', {}, staff(ALPHA, 'officer')),
      refused('no participant', 'NOT_OWNER', {}, staff(ECHO, 'admin')),
      refused('another attempt', 'TRANSITION_NOT_ALLOWED', { attempt: 2 }),
      refused('no attempt', 'SCHEMA_VIOLATION', { attempt: MAX_CEREMONY_ATTEMPTS_IN_ALL + 1 }),
      refused('for a reason that names somebody', 'SCHEMA_VIOLATION', { reason: 'SILENT' }),
    ]);
    await expectRejections(ledger, 'ceremonies:Abandon', [
      ...malformed(admin, { ceremonyId }),
      {
        why: 'an officer',
        code: 'ROLE_NOT_ALLOWED',
        caller: staff(ALPHA, 'officer'),
        argument: { ceremonyId },
      },
      { why: 'no participant', code: 'NOT_OWNER', caller: staff(ECHO, 'admin'), argument: { ceremonyId } },
    ]);
    await ledger.submit(admin, 'ceremonies:Abandon', { ceremonyId });
    await expectRejections(ledger, 'ceremonies:Abandon', [
      { why: 'again', code: 'TRANSITION_NOT_ALLOWED', caller: admin, argument: { ceremonyId } },
    ]);
  });

  it('everything, once it has finished', async () => {
    const aggregate = new TestAggregate(ledger);
    const ceremony = await running();
    const { ceremonyId } = ceremony;
    const posted = await ceremony.post();
    const blame = await ceremony.blame(DELTA);
    await ceremony.finish(documentsOf(aggregate.key));
    const refused = (caller = gateway(ALPHA)) => ({
      why: 'finished',
      code: 'TRANSITION_NOT_ALLOWED' as const,
      caller,
    });
    const steps: [string, object][] = [
      ['ceremonies:Join', { ceremonyId, attempt: 1, ...oneTimeKeys() }],
      ['ceremonies:Post', posted],
      ['ceremonies:Blame', blame],
      ['ceremonies:Resume', { ceremonyId, attempt: 1 }],
      ['ceremonies:Abandon', { ceremonyId }],
      ['queries:RegisterKey', { ceremonyId, attempt: 1, ...documentsOf(reshared(aggregate.key, HOSPITALS)) }],
      ['queries:AcceptKey', { ceremonyId, attempt: 1, sharingDigest: DIGEST }],
    ];
    for (const [method, argument] of steps)
      await expectRejections(ledger, method, [{ ...refused(), argument }]);
  });
});
