import { expect } from 'chai';
import { common, msp, peer } from '@hyperledger/fabric-protos';
import { KEYS } from '@careledger/protocol';
import type { Finding } from '../findings.js';
import {
  HandmadeLedger,
  streamOf,
  type DocumentWrite,
  type HandmadeCall,
} from '../testing/handmade-ledger.js';
import { makeMember, type TestMember } from '../testing/identities.js';
import { blockHeaderBytes } from './block.js';
import { sha256 } from './protobuf.js';
import { replayLedger, type Replay, type ReplayOptions } from './replay.js';

const { VALID, MVCC_READ_CONFLICT } = peer.TxValidationCode;
const ADDRESS = { prefix: KEYS.query, attributes: ['q'] } as const;

describe('replay of a ledger that nobody vouches for', () => {
  let members: TestMember[];
  let stranger: TestMember;
  before(async () => {
    members = await Promise.all(['h1MSP', 'h2MSP', 'h3MSP', 'h4MSP'].map(makeMember));
    stranger = await makeMember('h1MSP');
  });

  const write = (value: unknown, attributes = ['q']): DocumentWrite => ({ ...ADDRESS, attributes, value });
  const call = (changes: Partial<HandmadeCall> = {}): HandmadeCall => ({
    sender: members[0]!.client,
    method: 'queries:Open',
    argument: {},
    writes: [write({ is: 'first' })],
    ...changes,
  });
  const replay = (blocks: readonly Uint8Array[], options?: ReplayOptions): Promise<Replay> =>
    replayLedger(streamOf(blocks), options);
  const ledgerWith = (...blocks: readonly (readonly HandmadeCall[])[]): HandmadeLedger => {
    const ledger = new HandmadeLedger(members);
    for (const calls of blocks) {
      for (const one of calls) ledger.transact(one);
      ledger.cut();
    }
    return ledger;
  };
  const codes = ({ findings }: Replay): string[] => findings.map(({ code }) => code);
  const verdicts = ({ findings }: Replay): (readonly [string, string])[] =>
    findings.filter(isCode).map(({ expected, came }) => [expected, came] as const);
  const isCode = ({ code }: Finding): boolean => code === 'LEDGER_CODE_DIFFERS';
  const valueOf = ({ facts }: Replay, attributes = ['q']): unknown =>
    facts.latest(ADDRESS.prefix, attributes)?.value;
  const change = (
    blocks: readonly Uint8Array[],
    at: number,
    edit: (block: common.Block) => void,
  ): Uint8Array[] =>
    blocks.map((bytes, index) => {
      if (index !== at) return bytes;
      const block = common.Block.deserializeBinary(bytes);
      edit(block);
      return block.serializeBinary();
    });

  describe('the chain', () => {
    it('passes when it is whole, and says on what the check rests', async () => {
      const { blocks } = ledgerWith([call()], [call({ writes: [write({ is: 'second' })] })]);
      const whole = await replay(blocks);
      expect(whole.findings).to.deep.equal([]);
      expect(valueOf(whole)).to.deep.equal({ is: 'second' });
      const { summary } = whole;
      expect([summary.channel, summary.height, summary.transactions]).to.deep.equal(['test', 3, 3]);
      expect([summary.orderers, summary.quorum]).to.deep.equal([4, 3]);
      expect(Object.keys(summary.members)).to.deep.equal(members.map(({ mspId }) => mspId));
      const genesisHash = sha256(blockHeaderBytes(common.Block.deserializeBinary(blocks[0]!).getHeader()!));
      expect(summary.genesisHash).to.equal(genesisHash.toString('hex'));
      expect(codes(await replay(blocks, { genesisHash: summary.genesisHash }))).to.deep.equal([]);
    });

    it('of another consortium is not the one that the auditor expects', async () => {
      const { blocks } = ledgerWith([call()]);
      const found = await replay(blocks, { genesisHash: 'ab'.repeat(32) });
      expect(codes(found)).to.deep.equal(['LEDGER_GENESIS_DIFFERS']);
    });

    it('with a block missing, doubled or out of place ends there', async () => {
      const { blocks } = ledgerWith([call()], [call()], [call()]);
      const missing = await replay(blocks.filter((_, index) => index !== 2));
      expect(codes(missing)).to.deep.equal(['LEDGER_BLOCK_MISSING']);
      expect(missing.findings[0]).to.deep.include({ expected: 'block 2', came: 'block 3' });
      expect(codes(await replay([...blocks, blocks[3]!]))).to.deep.equal(['LEDGER_BLOCK_MISSING']);
      expect(codes(await replay(blocks.slice(1)))).to.deep.equal(['LEDGER_BLOCK_MISSING']);
      expect(codes(await replay([]))).to.deep.equal(['LEDGER_BLOCK_MISSING']);
    });

    it('with bytes that are no block ends there', async () => {
      const { blocks } = ledgerWith([call()]);
      const found = await replay([blocks[0]!, Buffer.from('no block')]);
      expect(codes(found)).to.deep.equal(['LEDGER_BLOCK_UNREADABLE']);
    });

    it('with a flipped bit anywhere in a transaction is found', async () => {
      const { blocks } = ledgerWith([call()], [call()]);
      const [envelope] = common.Block.deserializeBinary(blocks[1]!).getData()!.getDataList_asU8();
      for (const at of [envelope!.length >> 1, envelope!.length - 1]) {
        const flipped = Uint8Array.from(envelope!);
        flipped[at]! ^= 1;
        const found = await replay(
          change(blocks, 1, (block) => {
            block.getData()!.setDataList([flipped]);
          }),
        );
        expect(codes(found)[0]).to.equal('LEDGER_DATA_CHANGED');
        expect(valueOf(found), 'the block after it still counts').to.deep.equal({ is: 'first' });
      }
    });

    it('with a header made anew for changed transactions breaks at the next block, and no orderer signed it', async () => {
      const { blocks } = ledgerWith([call()], [call()]);
      const [other] = common.Block.deserializeBinary(ledgerWith([call()]).blocks[1]!)
        .getData()!
        .getDataList_asU8();
      const replaced = await replay(
        change(blocks, 1, (block) => {
          block.getData()!.setDataList([other!]);
          block.getHeader()!.setDataHash(sha256(other!));
        }),
      );
      expect(codes(replaced)).to.deep.equal(['LEDGER_ORDERERS_MISSING', 'LEDGER_CHAIN_BROKEN']);
    });

    it('signed by fewer orderers than a quorum is found, however often one of them signs', async () => {
      for (const signers of [[0, 1], [0, 0, 0], []]) {
        const ledger = new HandmadeLedger(members, signers);
        ledger.transact(call());
        ledger.cut();
        expect(codes(await replay(ledger.blocks)), String(signers)).to.deep.equal([
          'LEDGER_ORDERERS_MISSING',
        ]);
      }
    });
  });

  describe('validity, whatever the giver of the block states', () => {
    const ignored = async (changes: Partial<HandmadeCall>, verdict: string): Promise<void> => {
      const { blocks } = ledgerWith([call()], [call({ writes: [write({ is: 'doctored' })], ...changes })]);
      const found = await replay(blocks);
      expect(verdicts(found)).to.deep.equal([[verdict, 'VALID']]);
      expect(valueOf(found), 'the write is ignored').to.deep.equal({ is: 'first' });
    };

    it('a write set of an invalid transaction is ignored, and that is no finding', async () => {
      const stale = { blockNumber: 0, txNumber: 0 };
      const { blocks } = ledgerWith(
        [call()],
        [
          call({
            writes: [write({ is: 'late' })],
            reads: [ADDRESS],
            staleRead: stale,
            code: MVCC_READ_CONFLICT,
          }),
        ],
      );
      const found = await replay(blocks);
      expect(codes(found)).to.deep.equal([]);
      expect(valueOf(found)).to.deep.equal({ is: 'first' });
    });

    it('a valid transaction that came marked invalid is found, and counts', async () => {
      const { blocks } = ledgerWith(
        [call()],
        [call({ writes: [write({ is: 'kept back' })], code: MVCC_READ_CONFLICT })],
      );
      const found = await replay(blocks);
      expect(verdicts(found)).to.deep.equal([['VALID', 'MVCC_READ_CONFLICT']]);
      expect(valueOf(found)).to.deep.equal({ is: 'kept back' });
    });

    it('a stale read', () =>
      ignored({ reads: [ADDRESS], staleRead: { blockNumber: 0, txNumber: 0 } }, 'MVCC_READ_CONFLICT'));

    it('a read of what the same block wrote', async () => {
      const { blocks } = ledgerWith(
        [call()],
        [
          call({ writes: [write({ is: 'second' })] }),
          call({ writes: [write({ is: 'third' })], reads: [ADDRESS] }),
        ],
      );
      const found = await replay(blocks);
      expect(verdicts(found)).to.deep.equal([['MVCC_READ_CONFLICT', 'VALID']]);
      expect(valueOf(found)).to.deep.equal({ is: 'second' });
    });

    it('a range into which somebody wrote', async () => {
      const under = { prefix: KEYS.query, attributes: [] };
      const ranged = call({ writes: [write({ is: 'listed' })], ranges: [under] });
      expect(codes(await replay(ledgerWith([call()], [ranged]).blocks))).to.deep.equal([]);
      const between = call({ writes: [write({ is: 'new' }, ['p'])] });
      const { blocks } = ledgerWith([call()]);
      // Endorsed before the block that adds a key, ordered after it.
      const later = new HandmadeLedger(members);
      later.transact(call());
      later.cut();
      later.transact({ ...ranged, code: VALID });
      later.transact(between);
      later.cut();
      const [first, second] = common.Block.deserializeBinary(later.blocks[2]!).getData()!.getDataList_asU8();
      expect(blocks).to.have.length(2);
      const swapped = change(later.blocks, 2, (block) => {
        block.getData()!.setDataList([second!, first!]);
      });
      expect(verdicts(await replay(swapped))).to.deep.equal([['PHANTOM_READ_CONFLICT', 'VALID']]);
    });

    it('too few endorsements, and those of somebody who is no peer', async () => {
      const peers = members.map((member) => member.peer);
      await ignored({ endorsers: peers.slice(0, 2) }, 'ENDORSEMENT_POLICY_FAILURE');
      await ignored({ endorsers: [...peers.slice(0, 2), peers[0]!] }, 'ENDORSEMENT_POLICY_FAILURE');
      await ignored({ endorsers: [...peers.slice(0, 2), members[2]!.client] }, 'ENDORSEMENT_POLICY_FAILURE');
      const imposter = [...peers.slice(1, 3), stranger.peer];
      await ignored({ endorsers: imposter }, 'ENDORSEMENT_POLICY_FAILURE');
      const three = ledgerWith([call({ endorsers: peers.slice(0, 3) })]);
      expect(codes(await replay(three.blocks))).to.deep.equal([]);
    });

    it('an owned object without its owner’s endorsement', async () => {
      const owned = call({ policies: [{ ...ADDRESS, policy: ownedBy(members[3]!.mspId) }] });
      const change = (endorsers: readonly TestMember[]) =>
        call({ writes: [write({ is: 'second' })], endorsers: endorsers.map((member) => member.peer) });
      const without = await replay(ledgerWith([owned], [change(members.slice(0, 3))]).blocks);
      expect(verdicts(without)).to.deep.equal([['ENDORSEMENT_POLICY_FAILURE', 'VALID']]);
      expect(valueOf(without)).to.deep.equal({ is: 'first' });
      const withOwner = await replay(ledgerWith([owned], [change(members.slice(1))]).blocks);
      expect(codes(withOwner)).to.deep.equal([]);
      expect(valueOf(withOwner)).to.deep.equal({ is: 'second' });
    });

    it('a certificate of another authority that says the same of itself', () =>
      ignored({ sender: stranger.client }, 'BAD_CREATOR_SIGNATURE'));

    it('arguments or outcome changed behind the signature', () =>
      ignored(
        {
          changeEnvelope: (envelope) => {
            const payload = common.Payload.deserializeBinary(envelope.getPayload_asU8());
            payload.setData(Buffer.concat([payload.getData_asU8(), Buffer.from([0xc2, 0x3e, 0x00])]));
            envelope.setPayload(payload.serializeBinary());
          },
        },
        'BAD_CREATOR_SIGNATURE',
      ));

    it('bytes that are no transaction: anyone can have such bytes ordered', async () => {
      const { blocks } = ledgerWith([
        call({
          changeEnvelope: (envelope) => {
            envelope.setPayload(Buffer.from('no payload'));
          },
          code: 3,
        }),
        call(),
      ]);
      const found = await replay(blocks);
      expect(codes(found)).to.deep.equal([]);
      expect(valueOf(found)).to.deep.equal({ is: 'first' });
    });

    it('the same transaction again', async () => {
      const nonce = Buffer.alloc(24, 7);
      const again = [call({ nonce }), call({ nonce, writes: [write({ is: 'again' })] })] as const;
      for (const blocks of [[[again[0]], [again[1]]], [again]]) {
        const found = await replay(ledgerWith(...blocks).blocks);
        expect(verdicts(found)).to.deep.equal([['DUPLICATE_TXID', 'VALID']]);
        expect(valueOf(found)).to.deep.equal({ is: 'first' });
      }
    });

    it('names who signed a transaction whose code differs', async () => {
      const { blocks } = ledgerWith([call({ endorsers: [] })]);
      const { findings } = await replay(blocks);
      expect(findings[0]?.signedBy).to.deep.include({ mspId: 'h1MSP', name: 'gateway', blockNumber: 1 });
    });
  });
});

/** A signature policy that one member's peer satisfies. */
function ownedBy(mspId: string): Uint8Array {
  const role = new msp.MSPRole();
  role.setMspIdentifier(mspId);
  role.setRole(msp.MSPRole.MSPRoleType.PEER);
  const principal = new msp.MSPPrincipal();
  principal.setPrincipalClassification(msp.MSPPrincipal.Classification.ROLE);
  principal.setPrincipal(role.serializeBinary());
  const leaf = new common.SignaturePolicy();
  leaf.setSignedBy(0);
  const nOutOf = new common.SignaturePolicy.NOutOf();
  nOutOf.setN(1);
  nOutOf.setRulesList([leaf]);
  const rule = new common.SignaturePolicy();
  rule.setNOutOf(nOutOf);
  const envelope = new common.SignaturePolicyEnvelope();
  envelope.setRule(rule);
  envelope.setIdentitiesList([principal]);
  return envelope.serializeBinary();
}
