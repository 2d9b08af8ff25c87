import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { common, msp } from '@hyperledger/fabric-protos';
import { expect } from 'chai';
import {
  EmbeddedAuthority,
  decodeBlock,
  type EmbeddedLedger,
  type EmbeddedLedgerOptions,
} from '@careledger/gateway/adapters';
import { CareLedgerError } from '@careledger/protocol';
import { makeConsortium, MSP_IDS, type EmbeddedConsortium } from './support/embedded-consortium.js';
import { enrolPerson, type Person } from './support/identities.js';
import { codeOf, take } from './support/scenario.js';
import { SCRATCH_CONTRACTS, type Step } from './support/scratch-contract.js';

/** Rules of the embedded ledger that the real contracts never come to, or that need a turned clock. */
describe('embedded ledger: Fabric’s rules', () => {
  let consortium: EmbeddedConsortium;
  let ledger: EmbeddedLedger;
  let caller: Person;

  const reopen = async (options: Partial<EmbeddedLedgerOptions> = {}) => {
    await (ledger as EmbeddedLedger | undefined)?.close();
    ledger = await consortium.open({ contracts: SCRATCH_CONTRACTS, ...options });
  };
  const submit = (steps: readonly Step[], endorsingMembers?: readonly string[]) =>
    ledger.submit(
      caller,
      'members',
      'Update',
      { steps },
      endorsingMembers === undefined ? {} : { endorsingMembers },
    );
  const read = async (...steps: readonly Step[]) =>
    (await ledger.evaluate(caller, 'members', 'Get', { steps })) as unknown[];
  const codes = async (from: bigint) => {
    const blocks = await take(Number((await ledger.height()) - from), (signal) =>
      ledger.blocks(caller, from, signal),
    );
    return blocks
      .map(decodeBlock)
      .flatMap((block) => block.transactions.map((transaction) => transaction.code));
  };
  const failure = async (pending: Promise<unknown>): Promise<string> => {
    const error: unknown = await pending.catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(CareLedgerError);
    const cause = (error as CareLedgerError).cause;
    return cause instanceof Error ? cause.message : (error as CareLedgerError).message;
  };

  before(async () => {
    consortium = await makeConsortium();
    caller = await enrolPerson(consortium.authority(MSP_IDS[0]), MSP_IDS[0], 'clinician');
  });
  beforeEach(() => reopen());
  after(async () => {
    await ledger.close();
    await consortium.remove();
  });

  describe('state', () => {
    it('is read as committed, never as the same transaction wrote it', async () => {
      const { result } = await submit([
        { put: 'own', value: '1' },
        { get: 'own' },
        { range: ['own', 'own0'] },
      ]);
      expect(result).to.deep.equal([null, '', []]);
      expect(await read({ get: 'own' })).to.deep.equal(['1']);
      const { result: second } = await submit([{ delete: 'own' }, { get: 'own' }]);
      expect(second).to.deep.equal([null, '1']);
      expect(await read({ get: 'own' })).to.deep.equal(['']);
    });

    it('is not written by what only reads', async () => {
      await read({ put: 'evaluated', value: '1' });
      expect(await read({ get: 'evaluated' })).to.deep.equal(['']);
    });

    it('takes no empty value and no empty key', async () => {
      expect(await failure(submit([{ put: 'empty', value: '' }]))).to.match(/empty value/);
      expect(await failure(submit([{ put: '', value: 'x' }]))).to.match(/must not be empty/);
    });

    it('sorts keys by their UTF-8 bytes, and a simple range leaves composite keys out', async () => {
      const keys = ['é', 'z', '\u{10000}', '\uFFFD', 'a', 'aa'];
      await submit([
        ...keys.map((key) => ({ put: `sort-${key}`, value: '1' })),
        { putUnder: ['sort', 'x'], value: '1' },
      ]);
      const expected = keys
        .map((key) => `sort-${key}`)
        .sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
      expect(await read({ range: ['sort-', 'sort.'] })).to.deep.equal([expected]);
      expect(((await read({ range: ['', ''] })) as string[][])[0]).to.include.members(expected);
      expect(
        ((await read({ range: ['', ''] })) as string[][])[0]!.every((key) => !key.startsWith('\u0000')),
      ).to.equal(true);
    });

    it('finds composite keys by whole attributes only', async () => {
      await submit([
        { putUnder: ['kind', 'a', '1'], value: 'x' },
        { putUnder: ['kind', 'a', '2'], value: 'x' },
        { putUnder: ['kind', 'ab', '3'], value: 'x' },
        { putUnder: ['kinds', 'a', '4'], value: 'x' },
      ]);
      expect(await read({ under: ['kind', 'a'] })).to.deep.equal([
        [
          ['a', '1'],
          ['a', '2'],
        ],
      ]);
      expect(await read({ under: ['kind'] })).to.deep.equal([
        [
          ['a', '1'],
          ['a', '2'],
          ['ab', '3'],
        ],
      ]);
    });

    it('gives long ranges whole and in pages', async () => {
      const keys = Array.from({ length: 350 }, (_, index) => `long-${String(index).padStart(4, '0')}`);
      await submit(keys.map((key) => ({ put: key, value: '1' })));
      expect(await read({ range: ['long-', 'long.'] })).to.deep.equal([keys]);
      const paged: string[] = [];
      let bookmark = '';
      do {
        const [page] = (await read({ page: ['long-', 'long.'], size: 99, bookmark })) as [
          { keys: string[]; bookmark: string; fetchedRecordsCount: number },
        ];
        expect(page.fetchedRecordsCount).to.equal(page.keys.length);
        paged.push(...page.keys);
        ({ bookmark } = page);
      } while (bookmark !== '');
      expect(paged).to.deep.equal(keys);
    });

    it('is not written after or before a paginated query', async () => {
      const page: Step = { page: ['a', 'b'], size: 1 };
      const put: Step = { put: 'a', value: '1' };
      expect(await failure(submit([page, put]))).to.match(/already performed a paginated query/);
      expect(await failure(submit([put, page]))).to.match(/read-only transaction/);
    });
  });

  describe('conflicts', () => {
    it('invalidates the second reader of a key that the first wrote, in one block', async () => {
      await reopen({
        batchTimeoutMs: 50,
        conflictRetry: { attempts: 1, firstDelayMs: 1, maxDelayMs: 1, catchUpMs: 0 },
      });
      const start = await ledger.height();
      const steps: Step[] = [{ get: 'contended' }, { put: 'contended', value: 'x' }];
      const settled = await Promise.allSettled([submit(steps), submit(steps), submit(steps)]);
      expect(settled.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
      for (const outcome of settled) {
        if (outcome.status === 'rejected')
          expect((outcome.reason as CareLedgerError).code).to.equal('LEDGER_CONFLICT');
      }
      expect((await codes(start)).sort()).to.deep.equal([
        'MVCC_READ_CONFLICT',
        'MVCC_READ_CONFLICT',
        'VALID',
      ]);
    });

    it('does not invalidate blind writes', async () => {
      const start = await ledger.height();
      await Promise.all(['1', '2', '3'].map((value) => submit([{ put: 'blind', value }])));
      expect(await codes(start)).to.deep.equal(['VALID', 'VALID', 'VALID']);
      expect(await read({ get: 'blind' })).to.deep.equal(['3']);
    });

    it('sees a phantom that is added, removed or changed inside a range, in one block or in an earlier one', async () => {
      const once = { attempts: 1, firstDelayMs: 1, maxDelayMs: 1, catchUpMs: 0 };
      await submit([
        { put: 'ph-1', value: '1' },
        { put: 'ph-3', value: '1' },
      ]);
      const changes: Step[] = [{ put: 'ph-2', value: '1' }, { delete: 'ph-1' }, { put: 'ph-3', value: '2' }];
      for (const batchTimeoutMs of [0, 50]) {
        for (const [index, change] of changes.entries()) {
          await reopen({ batchTimeoutMs, conflictRetry: once });
          const start = await ledger.height();
          const scan: Step[] = [{ range: ['ph-', 'ph.'] }, { put: `scanned-${String(index)}`, value: 'x' }];
          const outcomes = await Promise.allSettled([submit([change]), submit(scan)]);
          expect(outcomes[0].status).to.equal('fulfilled');
          expect(await codes(start), `change ${String(index)}`).to.deep.equal([
            'VALID',
            'PHANTOM_READ_CONFLICT',
          ]);
        }
      }
    });

    it('does not mind what changes beyond the part of a range that was read', async () => {
      const keys = Array.from({ length: 150 }, (_, index) => `far-${String(index).padStart(4, '0')}`);
      await submit(keys.map((key) => ({ put: key, value: '1' })));
      const start = await ledger.height();
      const scan: Step[] = [
        { range: ['far-', 'far.'], atMost: 5 },
        { put: 'scanned-far', value: 'x' },
      ];
      await Promise.all([submit([{ put: 'far-0149', value: '2' }]), submit(scan)]);
      expect(await codes(start)).to.deep.equal(['VALID', 'VALID']);
    });
  });

  describe('endorsement policies of keys', () => {
    const policyOf = (...mspIds: readonly string[]): string => {
      const envelope = new common.SignaturePolicyEnvelope();
      const nOutOf = new common.SignaturePolicy.NOutOf();
      nOutOf.setN(mspIds.length);
      mspIds.forEach((mspId, index) => {
        const role = new msp.MSPRole();
        role.setMspIdentifier(mspId);
        role.setRole(msp.MSPRole.MSPRoleType.PEER);
        const principal = new msp.MSPPrincipal();
        principal.setPrincipal(role.serializeBinary());
        envelope.addIdentities(principal);
        const signedBy = new common.SignaturePolicy();
        signedBy.setSignedBy(index);
        nOutOf.addRules(signedBy);
      });
      const rule = new common.SignaturePolicy();
      rule.setNOutOf(nOutOf);
      envelope.setRule(rule);
      return Buffer.from(envelope.serializeBinary()).toString('base64');
    };
    const [h1, h2, h3, h4] = MSP_IDS;

    it('take the place of the chaincode’s policy', async () => {
      const base64 = policyOf(h1);
      await submit([
        { put: 'h1-only', value: '1' },
        { policy: 'h1-only', base64 },
      ]);
      expect(await read({ policyOf: 'h1-only' })).to.deep.equal([base64]);
      await submit([{ put: 'h1-only', value: '2' }], [h1]);
      expect(await codeOf(submit([{ put: 'h1-only', value: '3' }], [h2, h3, h4]))).to.equal(
        'ENDORSEMENT_REFUSED',
      );
      expect(await read({ get: 'h1-only' })).to.deep.equal(['2']);
    });

    it('hold for deleting a key and for changing the policy too, and go with the key', async () => {
      await submit([
        { put: 'guarded', value: '1' },
        { policy: 'guarded', base64: policyOf(h1) },
      ]);
      expect(await codeOf(submit([{ delete: 'guarded' }], [h2, h3, h4]))).to.equal('ENDORSEMENT_REFUSED');
      expect(await codeOf(submit([{ policy: 'guarded', base64: policyOf(h2) }], [h2, h3, h4]))).to.equal(
        'ENDORSEMENT_REFUSED',
      );
      await submit([{ delete: 'guarded' }], [h1]);
      await submit([{ put: 'guarded', value: 'anew' }], [h2, h3, h4]);
      expect(await read({ policyOf: 'guarded' })).to.deep.equal(['']);
    });

    it('leave the chaincode’s policy to the other keys of the transaction', async () => {
      await submit([
        { put: 'mixed', value: '1' },
        { policy: 'mixed', base64: policyOf(h1) },
      ]);
      expect(
        await codeOf(
          submit(
            [
              { put: 'mixed', value: '2' },
              { put: 'plain', value: '2' },
            ],
            [h1],
          ),
        ),
      ).to.equal('ENDORSEMENT_REFUSED');
      await submit(
        [
          { put: 'mixed', value: '2' },
          { put: 'plain', value: '2' },
        ],
        [h1, h2, h3],
      );
    });

    it('demand a majority of a transaction that writes nothing', async () => {
      expect(await codeOf(submit([{ get: 'x' }], [h1, h2]))).to.equal('ENDORSEMENT_REFUSED');
      await submit([{ get: 'x' }], [h1, h2, h3]);
    });

    it('that cannot be read permit nobody', async () => {
      await submit([
        { put: 'broken', value: '1' },
        { policy: 'broken', base64: Buffer.from('no policy').toString('base64') },
      ]);
      await reopen({ conflictRetry: { attempts: 1, firstDelayMs: 1, maxDelayMs: 1, catchUpMs: 0 } });
      expect(await codeOf(submit([{ put: 'broken', value: '2' }]))).to.equal('ENDORSEMENT_REFUSED');
    });

    it('changed in a block let no later write of the key into that block', async () => {
      await submit([{ put: 'changing', value: '1' }]);
      await reopen({ batchTimeoutMs: 200 });
      const start = await ledger.height();
      const change = submit([{ policy: 'changing', base64: policyOf(h1, h2) }]);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await Promise.all([change, submit([{ put: 'changing', value: '2' }])]);
      expect(await codes(start)).to.deep.equal(['VALID', 'ENDORSEMENT_POLICY_FAILURE', 'VALID']);
      expect(await read({ get: 'changing' })).to.deep.equal(['2']);
    });
  });

  describe('proposals', () => {
    it('are refused once their certificate has expired', async () => {
      const inTwoYearsMs = Date.now() + 2 * 365 * 86_400_000;
      await reopen({ clock: () => inTwoYearsMs });
      expect(await codeOf(submit([{ get: 'x' }]))).to.equal('CALLER_UNKNOWN');
      expect(await codeOf(read({ get: 'x' }))).to.equal('CALLER_UNKNOWN');
    });

    it('are refused before their certificate begins', async () => {
      await reopen({ clock: () => Date.now() - 86_400_000 });
      expect(await codeOf(read({ get: 'x' }))).to.equal('CALLER_UNKNOWN');
    });

    it('of a certificate authority’s own certificate are refused', async () => {
      const authority = consortium.authority(MSP_IDS[0]);
      expect(
        await codeOf(
          ledger.evaluate({ ...caller, certificate: authority.rootCertificate }, 'members', 'Get', {
            steps: [],
          }),
        ),
      ).to.equal('CALLER_UNKNOWN');
      expect(
        await codeOf(
          ledger.evaluate({ ...caller, certificate: 'no certificate' }, 'members', 'Get', { steps: [] }),
        ),
      ).to.equal('CALLER_UNKNOWN');
    });

    it('of a TLS certificate are refused', async () => {
      const tls = await consortium
        .authority(MSP_IDS[0])
        .issueTls({ commonName: 'gateway', hosts: ['127.0.0.1'] });
      expect(
        await codeOf(
          ledger.evaluate({ ...caller, certificate: tls.certificatePem }, 'members', 'Get', { steps: [] }),
        ),
      ).to.equal('CALLER_UNKNOWN');
    });

    it('with a signature of a high S are refused', async () => {
      const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
      const sign = async (digest: Uint8Array) => {
        const der = Buffer.from(await caller.sign(digest));
        const r = der.subarray(4, 4 + der[3]!);
        const s = (order - BigInt(`0x${der.subarray(6 + der[3]!).toString('hex')}`))
          .toString(16)
          .padStart(64, '0');
        const high = Buffer.concat([Buffer.of(0), Buffer.from(s, 'hex')]);
        const body = Buffer.concat([Buffer.of(2, r.length), r, Buffer.of(2, high.length), high]);
        return Buffer.concat([Buffer.of(0x30, body.length), body]);
      };
      expect(await codeOf(ledger.evaluate({ ...caller, sign }, 'members', 'Get', { steps: [] }))).to.equal(
        'CALLER_UNKNOWN',
      );
    });

    it('with the id of an earlier transaction are refused, and two at once stand in a block once', async () => {
      const nonce = new Uint8Array(24).fill(5);
      await reopen({ makeNonce: () => nonce });
      const start = await ledger.height();
      const settled = await Promise.allSettled([
        submit([{ put: 'dup', value: '1' }]),
        submit([{ put: 'dup', value: '2' }]),
      ]);
      expect(settled.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected']);
      expect(await codes(start)).to.deep.equal(['VALID', 'DUPLICATE_TXID']);
      expect(await codeOf(submit([{ put: 'dup', value: '3' }]))).to.equal('ALREADY_EXISTS');
      const { txId } = (settled[0] as PromiseFulfilledResult<{ txId: string }>).value;
      expect(await ledger.transaction(caller, txId)).to.include({ code: 'VALID' });
      await reopen();
      expect(await read({ get: 'dup' })).to.deep.equal(['1']);
    });

    it('that the contract fails without a code become INTERNAL, and nothing is written', async () => {
      const start = await ledger.height();
      expect(await codeOf(submit([{ put: 'failed', value: '1' }, { fail: 'boom' }]))).to.equal('INTERNAL');
      expect(await codeOf(submit([{ fail: 'RECORD_NOT_FOUND: none' }]))).to.equal('RECORD_NOT_FOUND');
      expect(await ledger.height()).to.equal(start);
      expect(await read({ get: 'failed' })).to.deep.equal(['']);
    });
  });

  describe('blocks', () => {
    it('are signed by the orderer that block 0 names, over Fabric’s bytes', async () => {
      const { blockNumber } = await submit([{ put: 'signed', value: '1' }]);
      const [genesis] = await take(1, (signal) => ledger.blocks(caller, 0n, signal));
      const [bytes] = await take(1, (signal) => ledger.blocks(caller, blockNumber, signal));
      const block = common.Block.deserializeBinary(bytes!);
      const metadata = common.Metadata.deserializeBinary(
        block.getMetadata()!.getMetadataList_asU8()[common.BlockMetadataIndex.SIGNATURES]!,
      );
      const signature = metadata.getSignaturesList()[0]!;
      const consenter = consenterOf(genesis!);
      expect(
        common.IdentifierHeader.deserializeBinary(signature.getIdentifierHeader_asU8()).getIdentifier(),
      ).to.equal(consenter.getId());
      const certificate = new X509Certificate(Buffer.from(consenter.getIdentity_asU8()));
      const header = block.getHeader()!;
      const signed = Buffer.concat([
        metadata.getValue_asU8(),
        signature.getIdentifierHeader_asU8(),
        asn1(header),
      ]);
      const key = createPublicKey(certificate.publicKey.export({ type: 'spki', format: 'pem' }));
      expect(verify('sha256', signed, key, signature.getSignature_asU8())).to.equal(true);
      expect(
        verify('sha256', Buffer.concat([signed, Buffer.of(0)]), key, signature.getSignature_asU8()),
      ).to.equal(false);
    });

    it('hold the transactions in the order in which they came', async () => {
      await reopen({ batchTimeoutMs: 50 });
      const start = await ledger.height();
      const sent = await Promise.all(
        Array.from({ length: 20 }, (_, index) => submit([{ put: `order-${String(index)}`, value: '1' }])),
      );
      const blocks = await take(Number((await ledger.height()) - start), (signal) =>
        ledger.blocks(caller, start, signal),
      );
      expect(blocks.length).to.be.below(20);
      expect(
        blocks.map(decodeBlock).flatMap((block) => block.transactions.map(({ txId }) => txId)),
      ).to.have.members(sent.map(({ txId }) => txId));
    });

    it('are cut by number under load', async () => {
      await reopen({ maxMessages: 3, batchTimeoutMs: 200 });
      const start = await ledger.height();
      await Promise.all(
        Array.from({ length: 7 }, (_, index) => submit([{ put: `cut-${String(index)}`, value: '1' }])),
      );
      const blocks = await take(Number((await ledger.height()) - start), (signal) =>
        ledger.blocks(caller, start, signal),
      );
      expect(blocks.map((bytes) => decodeBlock(bytes).transactions.length)).to.deep.equal([3, 3, 1]);
    });
  });

  describe('opening and closing', () => {
    it('belongs to one process at a time', async () => {
      expect(await codeOf(consortium.open({ contracts: SCRATCH_CONTRACTS }))).to.equal('LEDGER_UNAVAILABLE');
    });

    it('refuses a folder of another consortium', async () => {
      await ledger.close();
      expect(await codeOf(consortium.open({ channel: 'another' }))).to.equal('LEDGER_UNAVAILABLE');
      const stranger = await EmbeddedAuthority.open({
        directory: `${consortium.directory}/stranger`,
        mspId: MSP_IDS[0],
        passphrase: 'another passphrase',
      });
      const members = [
        { mspId: MSP_IDS[0], rootCertificate: stranger.rootCertificate, peer: stranger.node('peer') },
      ];
      expect(await codeOf(consortium.open({ members }))).to.equal('LEDGER_UNAVAILABLE');
      await reopen();
    });

    it('writes what was accepted, ends its readers, and answers LEDGER_UNAVAILABLE from then on', async () => {
      const stop = new AbortController();
      const reading = (async () => {
        let count = 0;
        for await (const block of ledger.blocks(caller, 0n, stop.signal)) count += Math.min(1, block.length);
        return count;
      })();
      const accepted = submit([{ put: 'last', value: '1' }]);
      await new Promise((resolve) => setTimeout(resolve, 30));
      await ledger.close();
      await accepted;
      expect(await reading).to.be.above(0);
      expect(await codeOf(submit([{ put: 'late', value: '1' }]))).to.equal('LEDGER_UNAVAILABLE');
      expect(await codeOf(read({ get: 'last' }))).to.equal('LEDGER_UNAVAILABLE');
      expect(await codeOf(ledger.height())).to.equal('LEDGER_UNAVAILABLE');
      await ledger.close();
      await reopen();
      expect(await read({ get: 'last' })).to.deep.equal(['1']);
    });
  });

  function consenterOf(genesis: Uint8Array): common.Consenter {
    const envelope = common.Envelope.deserializeBinary(
      common.Block.deserializeBinary(genesis).getData()!.getDataList_asU8()[0]!,
    );
    const config = common.ConfigEnvelope.deserializeBinary(
      common.Payload.deserializeBinary(envelope.getPayload_asU8()).getData_asU8(),
    );
    const orderer = valueOf(
      config.getConfig()!.getChannelGroup()!.getGroupsMap(),
      'Orderer',
    ) as common.ConfigGroup;
    const orderers = valueOf(orderer.getValuesMap(), 'Orderers') as common.ConfigValue;
    return common.Orderers.deserializeBinary(orderers.getValue_asU8()).getConsenterMappingList()[0]!;
  }

  /** The generated types of map fields name a package that is not installed. */
  function valueOf(field: unknown, key: string): unknown {
    return (field as { get(key: string): unknown }).get(key);
  }

  /** Fabric's header in ASN.1, written out here once more so that the adapter's is not checked against itself. */
  function asn1(header: common.BlockHeader): Buffer {
    const number = Buffer.from([0x02, 0x01, header.getNumber()]);
    if (header.getNumber() > 127) throw new Error('this test writes small numbers only');
    const octets = (bytes: Uint8Array) => Buffer.concat([Buffer.of(0x04, bytes.length), bytes]);
    const body = Buffer.concat([
      number,
      octets(header.getPreviousHash_asU8()),
      octets(header.getDataHash_asU8()),
    ]);
    return Buffer.concat([Buffer.of(0x30, body.length), body]);
  }
});
