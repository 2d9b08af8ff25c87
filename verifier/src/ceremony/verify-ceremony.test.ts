import { expect } from 'chai';
import { dealMasterKey } from '@careledger/crypto/testing';
import { KEYS } from '@careledger/protocol';
import { replayLedger } from '../ledger/replay.js';
import { OWN_TX, streamOf } from '../testing/handmade-ledger.js';
import {
  CEREMONY_ID,
  MSP_IDS,
  handmadeQuery,
  ledgerOf,
  type HandmadeQuery,
  type Step,
} from '../testing/handmade-query.js';
import { verifyCeremony, type CeremonyReport } from './verify-ceremony.js';

const AT = '2026-11-21T10:00:00.000Z';
const ROUNDS = [0, 1, 2];

describe('offline check of a ceremony', () => {
  let query: HandmadeQuery;
  before(async () => {
    query = await handmadeQuery();
  });

  function post(mspId: string, round: number): Step {
    const digests = Object.fromEntries(MSP_IDS.map((to) => [to, 'ab'.repeat(32)]));
    const argument = { ceremonyId: CEREMONY_ID, attempt: 1, round, digests };
    const attributes = [CEREMONY_ID, '0001', String(round).padStart(4, '0'), mspId];
    const value = { ...argument, mspId, at: AT, txId: OWN_TX };
    const writes = [{ prefix: KEYS.ceremonyPost, attributes, value }];
    return { sender: mspId, method: 'ceremonies:Post', argument, writes };
  }

  function document(changes: object): Step {
    const value = {
      ceremonyId: CEREMONY_ID,
      scheme: 'paillier',
      purpose: 'generate',
      keyBits: 512,
      holders: [...MSP_IDS],
      threshold: 3,
      status: 'finished',
      attempt: 1,
      participants: [...MSP_IDS],
      joined: [],
      faults: [],
      interruptions: [],
      epoch: 0,
      startedBy: { mspId: 'h1MSP', enrolmentId: 'gateway', role: 'gateway' },
      startedAt: AT,
      txId: OWN_TX,
      ...changes,
    };
    const writes = [{ prefix: KEYS.ceremony, attributes: [CEREMONY_ID], value }];
    return { sender: 'h1MSP', method: 'ceremonies:Start', argument: {}, writes };
  }

  async function check(
    edit: (posts: Step[]) => Step[] = (posts) => posts,
    changes: object = {},
    ceremonyId = CEREMONY_ID,
  ): Promise<CeremonyReport> {
    const posts = edit(ROUNDS.flatMap((round) => MSP_IDS.map((mspId) => post(mspId, round))));
    const preparation = query.steps.slice(0, 6);
    const steps = [document(changes), ...posts, ...preparation];
    return verifyCeremony(await replayLedger(streamOf(ledgerOf(query, steps).blocks)), ceremonyId);
  }
  const codesOf = ({ findings }: CeremonyReport): string[] => findings.map(({ code }) => code);

  it('passes when everybody posted every round and accepted the same sharing', async () => {
    const report = await check();
    expect(codesOf(report)).to.deep.equal([]);
    expect(report).to.deep.include({ rounds: 3, keyId: query.publicKey.keyId, epoch: 0 });
  });

  it('finds a round that somebody did not post, and a post that another one signed', async () => {
    const missing = await check((posts) => posts.filter((_, index) => index !== 5));
    expect(codesOf(missing)).to.deep.equal(['CEREMONY_POST_MISSING']);
    expect(missing.findings[0]).to.deep.include({ subject: 'round 1', expected: 'digests of h2MSP' });
    const forged = await check((posts) =>
      posts.map((step, index) => (index === 5 ? { ...step, sender: 'h1MSP' } : step)),
    );
    expect(codesOf(forged)).to.deep.equal(['DOCUMENT_NOT_SIGNED']);
  });

  it('lists who was named in attempts that failed: no finding, unless nobody signed that', async () => {
    const blame = { attempt: 1, round: 2, accused: 'h3MSP', reason: 'SILENT' };
    const fault = { ...blame, accuser: 'h1MSP', at: AT, txId: OWN_TX };
    const named = async (said: object): Promise<CeremonyReport> => {
      const step = { ...document({ faults: [fault] }), method: 'ceremonies:Blame' };
      return check((posts) => [...posts, { ...step, argument: { ceremonyId: CEREMONY_ID, ...said } }]);
    };
    const report = await named(blame);
    expect(codesOf(report)).to.deep.equal([]);
    expect(report.faults.map(({ accused, accuser }) => [accused, accuser])).to.deep.equal([
      ['h3MSP', 'h1MSP'],
    ]);
    expect(codesOf(await named({ ...blame, accused: 'h4MSP' }))).to.deep.equal(['DOCUMENT_NOT_SIGNED']);
    expect(codesOf(await check(undefined, { faults: [fault] }))).to.deep.equal(['DOCUMENT_NOT_SIGNED']);
  });

  describe('of the identity master key', () => {
    const dealt = dealMasterKey({ holders: MSP_IDS });
    const other = dealMasterKey({ holders: MSP_IDS });
    const attempt = { ceremonyId: CEREMONY_ID, attempt: 1 };
    const documents = { masterKey: dealt.masterKey, sharing: dealt.sharing };

    /** Everyone posts, the first registers, the others accept. */
    async function checkIdentity(
      edit: (steps: Step[]) => Step[] = (steps) => steps,
      changes: object = {},
    ): Promise<CeremonyReport> {
      const { sharingDigest } = dealt;
      const [first, ...others] = MSP_IDS;
      const key = {
        ...{ ...documents, ...attempt, sharingDigest, acceptedBy: [...MSP_IDS], status: 'active' },
        ...{ registeredBy: first, registeredAt: AT, txId: OWN_TX, ...changes },
      };
      const register: Step = {
        sender: first,
        method: 'identities:RegisterMasterKey',
        argument: { ...attempt, ...documents },
        writes: [],
      };
      const accepts = others.map((sender, index): Step => ({
        sender,
        method: 'identities:AcceptMasterKey',
        argument: { ...attempt, sharingDigest },
        writes:
          index === others.length - 1
            ? [{ prefix: KEYS.masterKey, attributes: ['current'], value: key }]
            : [],
      }));
      const posts = ROUNDS.flatMap((round) => MSP_IDS.map((mspId) => post(mspId, round)));
      const ceremony = document({ scheme: 'identity', keyBits: undefined });
      const steps = [ceremony, ...posts, ...edit([register, ...accepts])];
      return verifyCeremony(await replayLedger(streamOf(ledgerOf(query, steps).blocks)), CEREMONY_ID);
    }

    it('passes when every holder signed for the same sharing', async () => {
      const report = await checkIdentity();
      expect(codesOf(report)).to.deep.equal([]);
      expect(report).to.deep.include({ rounds: 3, keyId: dealt.masterKey.keyId, epoch: 0 });
    });

    it('finds a holder that did not, also one that signed for something else', async () => {
      const without = await checkIdentity((steps) => steps.filter((_, index) => index !== 1));
      expect(codesOf(without)).to.deep.equal(['KEY_NOT_ACCEPTED']);
      const { masterKey, sharing } = other;
      const another = await checkIdentity(([first, ...rest]) => [
        { ...first!, argument: { ...attempt, masterKey, sharing } },
        ...rest,
      ]);
      expect(codesOf(another)).to.deep.equal(['KEY_NOT_ACCEPTED']);
    });

    it('finds documents that do not fit together, and a minority that would be enough', async () => {
      const swapped = await checkIdentity(undefined, { masterKey: other.masterKey });
      expect(codesOf(swapped)).to.include('KEY_INVALID');
      const low = { ...dealt.sharing, threshold: 2 };
      expect(codesOf(await checkIdentity(undefined, { sharing: low }))).to.include('KEY_INVALID');
      expect(codesOf(await checkIdentity(undefined, { sharing: {} }))).to.deep.equal(['DOCUMENT_UNREADABLE']);
    });
  });

  it('cannot pass one that has not finished, has another form, or is not there', async () => {
    expect(codesOf(await check(undefined, { status: 'running' }))).to.deep.equal(['CEREMONY_NOT_FINISHED']);
    expect(codesOf(await check(undefined, { threshold: 1 }))).to.deep.equal(['DOCUMENT_UNREADABLE']);
    expect(codesOf(await check(undefined, {}, 'ff'.repeat(16)))).to.deep.equal(['CEREMONY_NOT_FOUND']);
  });
});
