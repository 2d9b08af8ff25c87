import { strict as assert } from 'node:assert';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import {
  decodeBlock,
  type DecodedBlock,
  type DecodedTransaction,
  type EventPosition,
  type Ledger,
  type LedgerEvent,
  type SigningIdentity,
} from '@careledger/gateway/adapters';
import type { Member, Patient, Role, Suspension } from '@careledger/protocol';
import { replayLedger } from '@careledger/verifier';
import type { Person } from './support/identities.js';
import {
  admitAll,
  anchorOf,
  codeOf,
  decisionOf,
  openingOf,
  randomId,
  randomKey,
  take,
  TestPatient,
} from './support/scenario.js';

/** One ledger under test. The first of `mspIds` is the hospital whose ledger it is. */
export interface LedgerHarness {
  readonly mspIds: readonly string[];
  ledger(): Ledger;
  /** The same channel through another hospital's own peer. */
  ledgerOf(mspId: string): Ledger;
  /** Somebody newly enrolled at a hospital. */
  person(mspId: string, role: Role): Promise<Person>;
  /** Somebody whose certificate names the MSP id and the role, of an authority that nobody knows. */
  stranger(mspId: string, role: Role): Promise<Person>;
  /** How far the proposals of `ledger()` are dated from now. */
  setProposalOffset(offsetMs: number): void;
  /** Closes `ledger()` and opens it again on the same data. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** The conformance suite of the `Ledger` port: what services may rely on, whichever adapter is behind it. */
export function ledgerConformance(name: string, makeHarness: () => Promise<LedgerHarness>): void {
  describe(`${name}: ledger port`, () => {
    let harness: LedgerHarness;
    let admins: Person[];
    let clinician: Person;
    let patient: TestPatient;
    let batchId: string;
    let fields: Pick<Member, 'name' | 'gatewayUrl' | 'encryptionKey'>;
    const ours = new Set<string>();
    const ledger = (): Ledger => harness.ledger();
    const owner = (): string => harness.mspIds[0]!;
    const others = (): string[] => harness.mspIds.slice(1);
    /** The hospital as it stands, under another name: its address and key go on being used by others. */
    const renamed = (title: string) => ({ ...fields, name: title });
    const rename = (admin: SigningIdentity, title: string) =>
      ledger().submit(admin, 'members', 'Update', renamed(title));
    const readMember = async (mspId: string) =>
      (await ledger().evaluate(admins[0]!, 'members', 'Get', { mspId })) as Member;

    before(async () => {
      harness = await makeHarness();
      admins = await Promise.all(harness.mspIds.map((mspId) => enrol(mspId, 'admin')));
      clinician = await enrol(owner(), 'clinician');
      await admitAll(
        ledger(),
        harness.mspIds.map((mspId, index) => ({ mspId, admin: admins[index]! })),
      );
      const { name: title, gatewayUrl, encryptionKey } = await readMember(owner());
      fields = { name: title, gatewayUrl, encryptionKey };
      patient = new TestPatient(ledger().channel);
      await ledger().submit(clinician, 'patients', 'Enrol', patient.enrolment(owner()));
      ({ batchId } = await anchor());
    });
    // Absent when `before` failed: then its error is the one to show.
    after(async () => {
      if ((harness as LedgerHarness | undefined) === undefined) return;
      if ((fields as object | undefined) !== undefined) await rename(admins[0]!, fields.name);
      await harness.close();
    });

    async function anchor(): Promise<{ batchId: string; txId: string; blockNumber: bigint }> {
      const argument = anchorOf(patient.pseudonym);
      const { txId, blockNumber } = await ledger().submit(clinician, 'records', 'Anchor', argument);
      return { batchId: argument.batchId, txId, blockNumber };
    }

    /** Somebody of this suite: the network's own gateways may be writing meanwhile. */
    async function enrol(mspId: string, role: Role): Promise<Person> {
      const person = await harness.person(mspId, role);
      ours.add(person.certificate);
      return person;
    }

    async function ourTransactions(from: bigint): Promise<DecodedTransaction[]> {
      const transactions = (await decodedBlocks(from)).flatMap((block) => block.transactions);
      return transactions.filter(({ creator }) => ours.has(creator.certificate));
    }

    async function decodedBlocks(from: bigint): Promise<DecodedBlock[]> {
      const height = await ledger().height(clinician);
      const blocks = await take(Number(height - from), (signal) => ledger().blocks(clinician, from, signal));
      return blocks.map(decodeBlock);
    }

    describe('a transaction', () => {
      it('answers when it is VALID on the own peer, with its place and what the contract returned', async () => {
        const before = await ledger().height(clinician);
        const { txId, blockNumber, result } = await rename(admins[0]!, 'a new name');
        expect(txId).to.match(/^[0-9a-f]{64}$/);
        expect(result).to.include({ mspId: owner(), name: 'a new name', txId });
        expect(Number(blockNumber)).to.be.at.least(Number(before));
        expect(await ledger().transaction(clinician, txId)).to.deep.equal({
          txId,
          blockNumber,
          code: 'VALID',
        });
        expect(Number(await ledger().height(clinician))).to.be.above(Number(blockNumber));
        expect(await readMember(owner())).to.include({ name: 'a new name', txId });
      });

      it('is signed by its caller and endorsed by members, in blocks that anyone can decode', async () => {
        const { txId, blockNumber } = await anchor();
        const block = (await decodedBlocks(blockNumber))[0]!;
        const found = block.transactions.find((transaction) => transaction.txId === txId);
        expect(found?.creator).to.deep.equal({ mspId: owner(), certificate: clinician.certificate });
        const endorsers = new Set(found?.call?.endorsers.map((endorser) => endorser.mspId));
        expect(endorsers.size).to.be.above(harness.mspIds.length / 2);
        expect([...endorsers]).to.include(owner());
        expect(Buffer.from(found!.call!.args[0]!).toString()).to.equal('records:Anchor');
        expect(found?.call?.writes.length).to.be.above(0);
      });

      it('has no fate when nobody sent it', async () => {
        expect(await ledger().transaction(clinician, 'ab'.repeat(32))).to.equal(undefined);
      });

      it('fails with the contract’s own code and writes nothing', async () => {
        const before = await readMember(owner());
        expect(await codeOf(rename(clinician, 'by a clinician'))).to.equal('ROLE_NOT_ALLOWED');
        expect(
          await codeOf(
            ledger().submit(clinician, 'records', 'Supersede', {
              recordId: `${randomId()}.0`,
              supersededBy: `${randomId()}.0`,
            }),
          ),
        ).to.equal('RECORD_NOT_FOUND');
        expect(await codeOf(ledger().submit(clinician, 'records', 'Anchor', { batchId: 'no' }))).to.equal(
          'SCHEMA_VIOLATION',
        );
        expect(
          await codeOf(ledger().submit(clinician, 'records', 'Anchor', anchorOf(patient.pseudonym, batchId))),
        ).to.equal('ALREADY_EXISTS');
        expect(await codeOf(ledger().evaluate(clinician, 'members', 'Get', { mspId: 'NobodyMSP' }))).to.equal(
          'MEMBER_NOT_FOUND',
        );
        expect(await readMember(owner())).to.deep.equal(before);
      });

      it('is not a transaction when it only reads', async () => {
        const start = await ledger().height(clinician);
        await ledger().evaluate(admins[0]!, 'members', 'List', {});
        await anchor();
        expect(await ourTransactions(start)).to.have.length(1);
      });
    });

    describe('conflicts', () => {
      it('lets concurrent writers of one object all through, one after another', async () => {
        const start = await ledger().height(clinician);
        const names = Array.from({ length: 6 }, (_, index) => `writer ${String(index)}`);
        const settled = await Promise.all(names.map((title) => rename(admins[0]!, title)));
        const transactions = await ourTransactions(start);
        const valid = transactions
          .filter((transaction) => transaction.code === 'VALID')
          .map((transaction) => transaction.txId);
        expect(valid).to.have.members(settled.map((committed) => committed.txId));
        for (const { code, txId } of transactions)
          expect(code, txId).to.be.oneOf(['VALID', 'MVCC_READ_CONFLICT']);
        expect((await readMember(owner())).txId).to.equal(valid.at(-1));
      });

      it('lets concurrent writers of different objects through without a conflict', async () => {
        const start = await ledger().height(clinician);
        await Promise.all(Array.from({ length: 10 }, () => anchor()));
        const codes = (await ourTransactions(start)).map((transaction) => transaction.code);
        expect(codes).to.deep.equal(Array.from({ length: 10 }, () => 'VALID'));
      });

      it('counts what a concurrent transaction adds to a range: no denial is missed by a suspension', async () => {
        const offender = await enrol(others()[0]!, 'clinician');
        const rule = { kind: 'suspend-requester', denials: 3, withinMs: 3_600_000 };
        const instructionId = randomId();
        const officer = await enrol(owner(), 'officer');
        await ledger().submit(officer, 'instructions', 'SetForMember', { instructionId, rule });
        const start = await ledger().height(clinician);
        const openings = await Promise.all(
          Array.from({ length: 5 }, () => ledger().submit(offender, 'access', 'Open', openingOf(batchId))),
        );
        const reasons = openings.map(({ result }) => decisionOf(result).reason);
        expect(reasons.filter((reason) => reason === 'NO_GRANT')).to.have.length(3);
        expect(reasons.filter((reason) => reason === 'REQUESTER_SUSPENDED')).to.have.length(2);
        const requester = { mspId: offender.mspId, enrolmentId: offender.enrolmentId };
        const suspension = (await ledger().evaluate(officer, 'instructions', 'GetSuspension', {
          ownerMspId: owner(),
          requester,
        })) as Suspension;
        expect(suspension.denials).to.equal(3);
        const codes = (await ourTransactions(start)).map((transaction) => transaction.code);
        expect(codes.filter((code) => code === 'VALID')).to.have.length(5);
        // The policy failure: two that would both have made the suspension, which is the owner's, in one block.
        const raced = ['MVCC_READ_CONFLICT', 'PHANTOM_READ_CONFLICT', 'ENDORSEMENT_POLICY_FAILURE'];
        for (const code of codes) expect(code).to.be.oneOf(['VALID', ...raced]);
        await ledger().submit(officer, 'instructions', 'RetireForMember', { instructionId });
      });
    });

    it('commits a denial as a VALID transaction', async () => {
      const outsider = await enrol(others()[1]!, 'clinician');
      const { txId, result } = await ledger().submit(outsider, 'access', 'Open', openingOf(batchId));
      expect(decisionOf(result)).to.include({ outcome: 'deny', reason: 'NO_GRANT' });
      expect(await ledger().transaction(clinician, txId)).to.include({ code: 'VALID' });
      const stands = await ledger().evaluate(clinician, 'access', 'Get', { accessId: txId });
      expect(decisionOf(stands)).to.include({ outcome: 'deny', reason: 'NO_GRANT' });
    });

    describe('endorsement', () => {
      const rotate = (endorsingMembers: readonly string[], encryption: string) =>
        ledger().submit(clinician, 'patients', 'RotateKeys', patient.rotation(encryption), {
          endorsingMembers,
        });
      const readKey = async () =>
        ((await ledger().evaluate(clinician, 'patients', 'Get', { pseudonym: patient.pseudonym })) as Patient)
          .keys.encryption;

      it('of all the others does not rewrite what a hospital owns', async () => {
        const before = await readKey();
        expect(await codeOf(rotate(others(), randomKey()))).to.equal('ENDORSEMENT_REFUSED');
        expect(await readKey()).to.equal(before);
      });

      it('of the owner and too few others does not either', async () => {
        const before = await readKey();
        expect(await codeOf(rotate([owner(), others()[0]!], randomKey()))).to.equal('ENDORSEMENT_REFUSED');
        expect(await readKey()).to.equal(before);
      });

      it('of the owner and a majority of the rest does', async () => {
        const key = randomKey();
        await rotate([owner(), others()[0]!, others()[1]!], key);
        expect(await readKey()).to.equal(key);
      });

      it('of less than a majority does not write what nobody owns', async () => {
        const argument = renamed('by two of four');
        const options = { endorsingMembers: [owner(), others()[0]!] };
        expect(await codeOf(ledger().submit(admins[0]!, 'members', 'Update', argument, options))).to.equal(
          'ENDORSEMENT_REFUSED',
        );
        expect((await readMember(owner())).name).to.not.equal('by two of four');
      });

      it('that was refused stands in a block with its code', async () => {
        const start = await ledger().height(clinician);
        await codeOf(rotate(others(), randomKey()));
        const codes = (await ourTransactions(start)).map((transaction) => transaction.code);
        expect(codes).to.deep.equal(['ENDORSEMENT_POLICY_FAILURE']);
      });
    });

    describe('who is calling', () => {
      const list = (identity: SigningIdentity) => ledger().evaluate(identity, 'members', 'List', {});

      it('refuses a certificate of an unknown authority, whatever it says', async () => {
        const stranger = await harness.stranger(owner(), 'admin');
        expect(await codeOf(rename(stranger, 'by a stranger'))).to.equal('CALLER_UNKNOWN');
        expect(await codeOf(list(stranger))).to.equal('CALLER_UNKNOWN');
      });

      it('refuses a member’s certificate under another member’s name', async () => {
        expect(await codeOf(list({ ...admins[0]!, mspId: others()[0]! }))).to.equal('CALLER_UNKNOWN');
        expect(await codeOf(list({ ...admins[0]!, mspId: 'NobodyMSP' }))).to.equal('CALLER_UNKNOWN');
      });

      it('refuses a signature of another key', async () => {
        const other = await enrol(owner(), 'admin');
        const forged = { ...admins[0]!, sign: (digest: Uint8Array) => other.sign(digest) };
        expect(await codeOf(rename(forged, 'forged'))).to.equal('CALLER_UNKNOWN');
        expect(await codeOf(list(forged))).to.equal('CALLER_UNKNOWN');
      });
    });

    describe('time', () => {
      afterEach(() => {
        harness.setProposalOffset(0);
      });

      for (const offsetMs of [-180_000, 180_000]) {
        it(`refuses a proposal dated ${String(offsetMs / 1000)} s`, async () => {
          const before = await readMember(owner());
          harness.setProposalOffset(offsetMs);
          expect(await codeOf(rename(admins[0]!, 'at another time'))).to.equal('TIMESTAMP_OUTSIDE_WINDOW');
          harness.setProposalOffset(0);
          expect(await readMember(owner())).to.deep.equal(before);
        });
      }

      it('takes one that is within two minutes', async () => {
        harness.setProposalOffset(-60_000);
        const { result } = await rename(admins[0]!, 'a minute ago');
        expect(Date.now() - Date.parse((result as Member).changedAt)).to.be.within(55_000, 75_000);
      });
    });

    describe('an idempotency key', () => {
      it('returns the first outcome and writes nothing again', async () => {
        const argument = renamed('once');
        const first = await ledger().submit(admins[0]!, 'members', 'Update', argument, {
          idempotencyKey: 'key-1',
        });
        await rename(admins[0]!, 'since then');
        const second = await ledger().submit(admins[0]!, 'members', 'Update', argument, {
          idempotencyKey: 'key-1',
        });
        expect(second.result).to.deep.equal(first.result);
        expect((await readMember(owner())).name).to.equal('since then');
      });

      it('of another body is refused', async () => {
        const argument = renamed('another');
        expect(
          await codeOf(
            ledger().submit(admins[0]!, 'members', 'Update', argument, { idempotencyKey: 'key-1' }),
          ),
        ).to.equal('IDEMPOTENCY_KEY_REUSED');
      });

      it('used at once by several requests has one outcome', async () => {
        const argument = anchorOf(patient.pseudonym);
        const idempotencyKey = randomId();
        const send = () => ledger().submit(clinician, 'records', 'Anchor', argument, { idempotencyKey });
        const outcomes = await Promise.all([send(), send(), send()]);
        const [first, ...rest] = outcomes.map(({ result }) => result);
        for (const result of rest) expect(result).to.deep.equal(first);
      });
    });

    describe('events', () => {
      const positionOf = ({ blockNumber, txId }: LedgerEvent) => ({ blockNumber, afterTxId: txId });
      /** The events of this suite: gateways of the network write no anchorings by themselves. */
      async function* anchorings(from: EventPosition | 'next', signal: AbortSignal) {
        for await (const event of ledger().events(clinician, from, signal))
          if (event.payload.event === 'records.anchored') yield event;
      }
      let start: bigint;
      let sent: string[];
      let all: LedgerEvent[];

      before(async () => {
        start = await ledger().height(clinician);
        sent = [];
        for (let round = 0; round < 3; round += 1) {
          const committed = await Promise.all([anchor(), anchor(), anchor()]);
          sent.push(...committed.map(({ txId }) => txId));
          await codeOf(
            ledger().submit(admins[0]!, 'members', 'Update', renamed('refused'), {
              endorsingMembers: [owner()],
            }),
          );
        }
        all = await take(9, (signal) => anchorings({ blockNumber: start }, signal));
      });

      it('come once for every VALID transaction and for no other, in the order of the blocks', async () => {
        expect(all.map((event) => event.txId)).to.have.members(sent);
        const order = (await ourTransactions(start)).filter(({ code }) => code === 'VALID');
        expect(all.map((event) => event.txId)).to.deep.equal(order.map(({ txId }) => txId));
        for (const { payload } of all)
          expect(payload).to.include({ event: 'records.anchored', mspId: owner() });
      });

      it('go on after any position without gap or repetition', async () => {
        for (const [index, event] of all.slice(0, -1).entries()) {
          const rest = await take(all.length - index - 1, (signal) => anchorings(positionOf(event), signal));
          expect(rest, `after event ${String(index)}`).to.deep.equal(all.slice(index + 1));
        }
      });

      it('of the next blocks only, when asked so', async () => {
        const coming = take(1, (signal) => anchorings('next', signal));
        await new Promise((resolve) => setTimeout(resolve, 500));
        const { txId } = await anchor();
        expect((await coming)[0]!.txId).to.equal(txId);
      });

      it('end when the reader stops', async () => {
        const stop = new AbortController();
        const position = positionOf(
          (await take(10, (signal) => anchorings({ blockNumber: start }, signal)))[9]!,
        );
        const reading = (async () => {
          for await (const event of anchorings(position, stop.signal)) assert.fail(event.txId);
        })();
        setTimeout(() => {
          stop.abort();
        }, 50);
        await reading;
      });
    });

    it('chains its blocks: every header names the hash of the one before', async () => {
      const blocks = await decodedBlocks(0n);
      blocks.forEach((block, index) => {
        expect(block.number).to.equal(BigInt(index));
        if (index === 0) return;
        expect(Buffer.from(block.previousHash).toString('hex'), `block ${String(index)}`).to.equal(
          Buffer.from(blocks[index - 1]!.headerHash).toString('hex'),
        );
      });
    });

    it('shows a transaction to every hospital', async () => {
      const { txId } = await anchor();
      for (const mspId of others()) {
        const reader = await enrol(mspId, 'auditor');
        const [event] = await take(1, (signal) => findEvent(harness.ledgerOf(mspId), reader, txId, signal));
        expect(event?.txId, mspId).to.equal(txId);
      }
    });

    async function* findEvent(
      at: Ledger,
      reader: SigningIdentity,
      txId: string,
      signal: AbortSignal,
    ): AsyncGenerator<LedgerEvent> {
      for await (const event of at.events(reader, { blockNumber: 1n }, signal))
        if (event.txId === txId) yield event;
    }

    it('is as it was after a restart', async () => {
      const { txId, batchId: anchored } = await anchor();
      const height = await ledger().height(clinician);
      const member = await readMember(owner());
      await harness.reopen();
      expect(Number(await ledger().height(clinician))).to.be.at.least(Number(height));
      expect(await ledger().transaction(clinician, txId)).to.include({ txId, code: 'VALID' });
      expect(await readMember(owner())).to.deep.equal(member);
      const record = await ledger().evaluate(clinician, 'records', 'Get', { recordId: `${anchored}.0` });
      expect(record).to.include({ status: 'anchored', txId });
      await anchor();
      expect(Number(await ledger().height(clinician))).to.be.above(Number(height));
    });

    // Last, so that it judges what all the others have written.
    describe('the auditor’s check', () => {
      it('derives every code that peers gave, conflicts and refusals included, from the blocks alone', async () => {
        const height = await ledger().height(clinician);
        const blocks = await take(Number(height), (signal) => ledger().blocks(clinician, 0n, signal));
        const { summary, findings } = await replayLedger(Readable.from(blocks));
        expect(findings).to.deep.equal([]);
        expect([summary.height, Object.keys(summary.members).sort()]).to.deep.equal([
          Number(height),
          [...harness.mspIds].sort(),
        ]);
        // The suite has made transactions that peers found invalid, so both outcomes were derived.
        const codes = blocks.flatMap((block) => decodeBlock(block).transactions.map(({ code }) => code));
        expect(new Set(codes).size, [...new Set(codes)].join(', ')).to.be.above(1);
      });
    });
  });
}
