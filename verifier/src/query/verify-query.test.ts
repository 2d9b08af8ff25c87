import { expect } from 'chai';
import {
  ciphertextFromText,
  ciphertextToText,
  modPow,
  provePartialDecryption,
  provenPartialToJson,
  type PaillierPublicKey,
} from '@careledger/crypto';
import { KEYS } from '@careledger/protocol';
import type { Finding } from '../findings.js';
import { replayLedger } from '../ledger/replay.js';
import { streamOf } from '../testing/handmade-ledger.js';
import {
  MSP_IDS,
  QUERY_ID,
  QueryMaker,
  handmadeQuery,
  ledgerOf,
  type HandmadeQuery,
  type Step,
} from '../testing/handmade-query.js';
import { verifyQuery, type QueryReport } from './verify-query.js';

type Document = Record<string, unknown>;

describe('offline check of a query', () => {
  let honest: HandmadeQuery;
  let publicKey: PaillierPublicKey;
  before(async () => {
    honest = await handmadeQuery();
    ({ publicKey } = honest);
  });

  const reportOf = async (steps: readonly Step[], queryId = QUERY_ID): Promise<QueryReport> =>
    verifyQuery(await replayLedger(streamOf(ledgerOf(honest, steps).blocks)), queryId);
  const codesOf = ({ findings }: QueryReport): string[] => findings.map(({ code }) => code);
  /** Copies of the honest steps, so that each test doctors its own. */
  const copies = (): Step[] => structuredClone(honest.steps) as Step[];
  const stepOf = (steps: readonly Step[], method: string, sender?: string): Step =>
    steps.find((step) => step.method === method && (sender === undefined || step.sender === sender))!;
  const documentOf = (step: Step): Document => step.writes[0]!.value as Document;
  /** Changes what the sender signed and what stands on the ledger alike: the sender itself lies. */
  const lie = (step: Step, changes: Document): void => {
    Object.assign(step.argument, changes);
    Object.assign(documentOf(step), changes);
  };
  /** Changes later versions of the query: what the contract wrote. */
  const alter = (steps: readonly Step[], changes: Document): void => {
    for (const method of ['queries:Complete', 'queries:Publish'])
      for (const [name, value] of Object.entries(changes)) {
        const document = documentOf(stepOf(steps, method));
        if (name in document) document[name] = value;
      }
  };
  const doctored = async (edit: (steps: Step[]) => unknown): Promise<QueryReport> => {
    const steps = copies();
    const edited = edit(steps);
    return reportOf(Array.isArray(edited) ? (edited as Step[]) : steps);
  };
  const only = (report: QueryReport, ...codes: readonly string[]): readonly Finding[] => {
    expect([...new Set(codesOf(report))], JSON.stringify(report.findings, undefined, 1)).to.deep.equal(codes);
    return report.findings;
  };
  const aggregateOf = (steps: readonly Step[]): bigint =>
    ciphertextFromText(publicKey, documentOf(stepOf(steps, 'queries:Complete'))['aggregate'] as string);

  it('passes for an honest one, over every majority of the shares', async () => {
    const report = await reportOf(honest.steps);
    expect(report.findings).to.deep.equal([]);
    expect(report.query?.results).to.have.length(1);
    expect([report.contributors, report.shares]).to.deep.equal([[...MSP_IDS], [...MSP_IDS]]);
    expect(report.subsets).to.equal(4);
    expect(report.key).to.deep.include({ keyBits: 512, threshold: 3, epoch: 0 });
  });

  it('finds no query where there is none', async () => {
    only(await reportOf(honest.steps, 'b2'.repeat(16)), 'QUERY_NOT_FOUND');
  });

  it('cannot pass a query that has no result yet', async () => {
    const isLast = ({ method }: Step): boolean => method === 'queries:Publish';
    only(await reportOf(honest.steps.filter((step) => !isLast(step))), 'QUERY_NOT_ENDED');
  });

  it('passes a query that was refused, lists the reasons, and takes no result of it', async () => {
    const refused = (results?: unknown): Step[] => {
      const steps = copies();
      const first = steps.findIndex(({ method }) => method === 'queries:Contribute');
      const end = structuredClone(stepOf(steps, 'queries:Publish'));
      const refusal = { mspId: 'h2MSP', reason: 'TOO_FEW_CONTRIBUTORS' };
      const ended = { ...documentOf(end), status: 'refused', refusal, contributors: [] } as Document;
      for (const name of ['aggregate', 'combined']) ended[name] = undefined;
      ended['results'] = results;
      const refusals = MSP_IDS.map((mspId): Step => {
        const argument = { queryId: QUERY_ID, reason: 'NO_ROWS' };
        const { at, txId } = documentOf(stepOf(steps, 'queries:Contribute', mspId));
        const value = { ...argument, mspId, outcome: 'refused', at, txId };
        const attributes = [QUERY_ID, mspId];
        const writes = [{ prefix: KEYS.contribution, attributes, value }];
        return { sender: mspId, method: 'queries:Refuse', argument, writes };
      });
      const last = { ...end, method: 'queries:Complete', writes: [{ ...end.writes[0]!, value: ended }] };
      return [...steps.slice(0, first), ...refusals, last];
    };
    const report = await reportOf(refused());
    only(report);
    expect(report.refusals).to.deep.equal(MSP_IDS.map((mspId) => ({ mspId, reason: 'NO_ROWS' })));
    only(await reportOf(refused(report.query?.results ?? [])), 'RESULT_MISMATCH');
  });

  describe('key', () => {
    const keyOf = (steps: readonly Step[]): Document =>
      documentOf(stepOf(steps, 'queries:AcceptKey', 'h4MSP'));

    it('with an acceptance missing, or of another sharing', async () => {
      const missing = await doctored((steps) =>
        steps.filter(({ method, sender }) => method !== 'queries:AcceptKey' || sender !== 'h3MSP'),
      );
      const [finding] = only(missing, 'KEY_NOT_ACCEPTED');
      expect(finding?.subject).to.equal('acceptance of h3MSP');
      const other = await doctored((steps) => {
        stepOf(steps, 'queries:AcceptKey', 'h3MSP').argument['sharingDigest'] = 'ab'.repeat(32);
      });
      only(other, 'KEY_NOT_ACCEPTED');
    });

    it('in whose place another one was written, which nobody accepted', async () => {
      const report = await doctored((steps) => {
        const key = keyOf(steps);
        key['sharing'] = { ...(key['sharing'] as Document), threshold: 2 };
      });
      expect(codesOf(report)).to.include.members(['KEY_NOT_ACCEPTED', 'KEY_INVALID']);
    });

    it('that is not what its id says', async () => {
      const report = await doctored((steps) => {
        const document = keyOf(steps)['publicKey'] as Document;
        document['n'] = `B${String(document['n']).slice(1)}`;
      });
      expect(codesOf(report)).to.include('KEY_INVALID');
    });
  });

  describe('contributions', () => {
    it('whose proof of plaintext knowledge is another’s, or bent', async () => {
      const replayed = await doctored((steps) => {
        const { argument } = stepOf(steps, 'queries:Contribute', 'h2MSP');
        lie(stepOf(steps, 'queries:Contribute', 'h1MSP'), { proof: argument['proof'] });
      });
      const [finding] = only(replayed, 'CONTRIBUTION_PROOF_INVALID');
      expect(finding?.subject).to.equal('contribution of h1MSP');
      expect(finding?.signedBy).to.deep.include({ mspId: 'h1MSP', name: 'gateway' });
    });

    it('that is no ciphertext', async () => {
      const report = await doctored((steps) => {
        lie(stepOf(steps, 'queries:Contribute', 'h1MSP'), { ciphertext: 'AAAA' });
      });
      only(report, 'CONTRIBUTION_INVALID');
    });

    it('by somebody who was not asked, or is no member any more', async () => {
      const uninvited = await doctored((steps) => {
        for (const step of steps)
          for (const { value } of step.writes) {
            const document = value as Document;
            if ('members' in document) document['members'] = MSP_IDS.slice(0, 3);
          }
      });
      const [finding] = only(uninvited, 'CONTRIBUTOR_NOT_MEMBER');
      expect(finding?.signedBy?.mspId).to.equal('h4MSP');
      const left = await doctored((steps) => {
        const at = steps.findIndex(({ method }) => method === 'queries:Open');
        const change = structuredClone(stepOf(steps, 'members:Vote'));
        documentOf(change)['activeMembers'] = MSP_IDS.slice(0, 3);
        return [...steps.slice(0, at + 1), change, ...steps.slice(at + 1)];
      });
      only(left, 'CONTRIBUTOR_NOT_MEMBER');
    });

    it('that the ledger says are of one hospital, and another one signed', async () => {
      const report = await doctored((steps) => {
        stepOf(steps, 'queries:Contribute', 'h4MSP').sender = 'h1MSP';
      });
      const [finding] = only(report, 'DOCUMENT_NOT_SIGNED');
      expect(finding).to.deep.include({
        expected: 'a transaction of h4MSP',
        came: 'one of h1MSP',
      });
    });

    it('of which the ledger has another than the hospital signed', async () => {
      const report = await doctored((steps) => {
        documentOf(stepOf(steps, 'queries:Contribute', 'h4MSP'))['commitment'] = 'ab'.repeat(32);
      });
      only(report, 'DOCUMENT_NOT_SIGNED');
    });

    it('written twice', async () => {
      const report = await doctored((steps) => {
        const at = steps.findIndex(({ method }) => method === 'queries:Complete');
        const again = structuredClone(stepOf(steps, 'queries:Contribute', 'h4MSP'));
        return [...steps.slice(0, at), again, ...steps.slice(at)];
      });
      only(report, 'DOCUMENT_REWRITTEN');
    });

    it('from panels of another hospital, or from none', async () => {
      const foreign = await doctored((steps) => {
        const { argument } = stepOf(steps, 'queries:Contribute', 'h2MSP');
        lie(stepOf(steps, 'queries:Contribute', 'h1MSP'), { panelIds: argument['panelIds'] });
      });
      // The proof names the CIDs of the panels, so it goes too.
      expect(codesOf(foreign)).to.deep.equal(['PANEL_INVALID', 'CONTRIBUTION_PROOF_INVALID']);
      const none = await doctored((steps) => {
        lie(stepOf(steps, 'queries:Contribute', 'h1MSP'), { panelIds: ['ff'.repeat(16)] });
      });
      expect(codesOf(none)).to.deep.equal(['PANEL_INVALID', 'CONTRIBUTION_PROOF_INVALID']);
    });

    it('of fewer hospitals than the minimum', async () => {
      const two = MSP_IDS.slice(0, 2);
      const report = await doctored((steps) => {
        alter(steps, { contributors: [...two] });
        return steps.filter(
          ({ method, sender }) => method !== 'queries:Contribute' || two.some((mspId) => mspId === sender),
        );
      });
      only(report, 'TOO_FEW_CONTRIBUTORS', 'AGGREGATE_MISMATCH');
    });
  });

  describe('aggregate', () => {
    it('over more rows than the layout has room for', async () => {
      const report = await doctored((steps) => {
        lie(stepOf(steps, 'panels:Anchor', 'h1MSP'), { rows: 98 });
      });
      const [finding] = only(report, 'TOO_MANY_RECORDS');
      expect(finding).to.deep.include({ expected: 'at most 100 rows', came: '107' });
    });

    it('that is not the product', async () => {
      const report = await doctored((steps) => {
        // With shares of it, so that nothing else is wrong.
        const { nSquared } = publicKey;
        const maker = new QueryMaker(honest.dealt);
        const forged = (aggregateOf(steps) * maker.rows()[0]!) % nSquared;
        const at = steps.findIndex(({ method }) => method === 'queries:Complete');
        const shares = MSP_IDS.map((mspId) => maker.share(mspId, forged));
        return [...steps.slice(0, at), maker.complete(forged), ...shares, maker.publish(forged)];
      });
      expect(codesOf(report)).to.deep.equal(['AGGREGATE_MISMATCH', 'RESULT_MISMATCH']);
      expect(report.findings[0]?.signedBy?.mspId).to.equal('h2MSP');
    });

    it('that names other contributors', async () => {
      const report = await doctored((steps) => {
        alter(steps, { contributors: MSP_IDS.slice(0, 3) });
      });
      only(report, 'AGGREGATE_MISMATCH');
    });
  });

  describe('shares', () => {
    it('moved by an amount of the holder’s choice: x = 1 mod n still holds, the proof does not', async () => {
      const { n, nSquared } = publicKey;
      const report = await doctored((steps) => {
        const step = stepOf(steps, 'queries:Share', 'h2MSP');
        const value = ciphertextFromText(publicKey, step.argument['value'] as string);
        const moved = (value * (1n + 1000n * n)) % nSquared;
        lie(step, { value: ciphertextToText(publicKey, moved) });
      });
      const [finding] = only(report, 'SHARE_PROOF_INVALID', 'SHARE_MISSING');
      expect(finding?.subject).to.equal('share of h2MSP');
      expect(finding?.signedBy).to.deep.include({ mspId: 'h2MSP' });
    });

    it('with the proof of another share', async () => {
      const report = await doctored((steps) => {
        const { argument } = stepOf(steps, 'queries:Share', 'h1MSP');
        lie(stepOf(steps, 'queries:Share', 'h2MSP'), { proof: argument['proof'] });
      });
      only(report, 'SHARE_PROOF_INVALID', 'SHARE_MISSING');
    });

    it('of another ciphertext', async () => {
      const report = await doctored((steps) => {
        const maker = new QueryMaker(honest.dealt);
        const other = maker.share('h3MSP', maker.rows()[0]!);
        return steps.map((step) => (step === stepOf(steps, 'queries:Share', 'h3MSP') ? other : step));
      });
      const [finding] = only(report, 'SHARE_OF_ANOTHER', 'SHARE_MISSING');
      expect(finding?.came).to.equal('one of another ciphertext');
    });

    it('of another epoch: shares of two sharings do not mix', async () => {
      const report = await doctored((steps) => {
        const { dealt } = honest;
        const share = { ...dealt.shares[2]!, epoch: 1 };
        const sharing = { ...dealt.sharing, epoch: 1 };
        const context = { queryId: QUERY_ID, step: 'aggregate', index: 0 } as const;
        const ciphertext = aggregateOf(steps);
        const partial = provePartialDecryption({ publicKey, sharing, ciphertext, context, share });
        const { epoch, value, proof } = provenPartialToJson(publicKey, partial);
        lie(stepOf(steps, 'queries:Share', 'h3MSP'), { epoch, value, proof });
      });
      const [finding] = only(report, 'SHARE_OF_ANOTHER', 'SHARE_MISSING');
      expect(finding).to.deep.include({ expected: 'epoch 0', came: 'epoch 1' });
    });

    it('too few of them, or none of a contributor', async () => {
      const without = (...missing: readonly string[]) =>
        doctored((steps) =>
          steps.filter(({ method, sender }) => method !== 'queries:Share' || !missing.includes(sender)),
        );
      const one = await without('h4MSP');
      const [finding] = only(one, 'SHARE_MISSING');
      expect(finding?.expected).to.equal('a share of h4MSP, which contributed');
      const two = await without('h3MSP', 'h4MSP');
      expect(only(two, 'SHARE_MISSING').map(({ expected }) => expected)).to.include('3 shares that hold');
      expect(two.subsets).to.equal(0);
    });

    it('under verification keys of which one fits no polynomial: every proof holds, majorities disagree', async () => {
      const { dealt } = honest;
      const [odd] = dealt.shares.slice(-1);
      const changed = { ...odd!, value: odd!.value + 1n };
      const { verificationBase: base, verificationKeys, holders } = dealt.sharing;
      const delta = holders.reduce((product, _, index) => product * BigInt(index + 1), 1n);
      const oddKey = modPow(base, delta * changed.value, publicKey.nSquared);
      const sharing = { ...dealt.sharing, verificationKeys: [...verificationKeys.slice(0, -1), oddKey] };
      const made = await handmadeQuery({
        ...dealt,
        sharing,
        shares: [...dealt.shares.slice(0, -1), changed],
      });
      only(await reportOf(made.steps), 'SUBSETS_DISAGREE');
    });

    it('none of a contributor that has left since, or of an earlier sharing, is no finding', async () => {
      const after = (method: string, steps: Step[], added: Step): Step[] => {
        const at = steps.findLastIndex((step) => step.method === method);
        return [...steps.slice(0, at + 1), added, ...steps.slice(at + 1)];
      };
      const left = await doctored((steps) => {
        const change = structuredClone(stepOf(steps, 'members:Vote'));
        documentOf(change)['activeMembers'] = MSP_IDS.slice(0, 3);
        const without = steps.filter(
          ({ method, sender }) => method !== 'queries:Share' || sender !== 'h4MSP',
        );
        return after('queries:Share', without, change);
      });
      only(left);
      const { dealt } = honest;
      const again = await handmadeQuery({
        ...dealt,
        sharing: { ...dealt.sharing, epoch: 1 },
        shares: dealt.shares.map((share) => ({ ...share, epoch: 1 })),
      });
      const aggregate = aggregateOf(again.steps);
      const older = (combined: readonly string[]) => {
        const steps = again.steps.map((step) =>
          step.method === 'queries:Share' && step.sender === 'h4MSP'
            ? new QueryMaker(dealt).share('h4MSP', aggregate)
            : structuredClone(step),
        );
        documentOf(stepOf(steps, 'queries:Publish'))['combined'] = { epoch: 1, holders: combined };
        const change = structuredClone(stepOf(steps, 'members:Vote'));
        documentOf(change)['activeMembers'] = MSP_IDS.slice(0, 3);
        return after('queries:Share', steps, change);
      };
      only(await reportOf(older(MSP_IDS.slice(0, 3))));
      only(await reportOf(older(MSP_IDS.slice(1))), 'SHARE_MISSING');
    });

    it('rejected for a proof that holds', async () => {
      const report = await doctored((steps) => {
        const at = steps.findIndex(({ method }) => method === 'queries:Publish');
        const step = structuredClone(stepOf(steps, 'queries:Share', 'h1MSP'));
        const value = { ...documentOf(step), reason: 'PROOF_INVALID' };
        const attributes = [QUERY_ID, 'h1MSP', 'ab'.repeat(32)];
        const writes = [{ prefix: KEYS.rejectedPartial, attributes, value }];
        return [...steps.slice(0, at), { ...step, writes }, ...steps.slice(at)];
      });
      only(report, 'SHARE_REJECTED_WRONGLY');
      expect(report.rejectedShares[0]).to.deep.include({ mspId: 'h1MSP', reason: 'PROOF_INVALID' });
    });

    it('rejected rightly is listed, and no finding', async () => {
      const report = await doctored((steps) => {
        const at = steps.findIndex(({ method }) => method === 'queries:Publish');
        const step = structuredClone(stepOf(steps, 'queries:Share', 'h1MSP'));
        lie(step, { value: stepOf(steps, 'queries:Share', 'h2MSP').argument['value'] });
        const value = { ...documentOf(step), reason: 'PROOF_INVALID' };
        const attributes = [QUERY_ID, 'h1MSP', 'ab'.repeat(32)];
        const writes = [{ prefix: KEYS.rejectedPartial, attributes, value }];
        return [...steps.slice(0, at), { ...step, writes }, ...steps.slice(at)];
      });
      only(report);
      expect(report.rejectedShares).to.have.length(1);
    });
  });

  describe('result', () => {
    const results = (change: (result: Document) => void) =>
      doctored((steps) => {
        const [result] = documentOf(stepOf(steps, 'queries:Publish'))['results'] as Document[];
        change(result!);
      });

    it('with another figure or count, or left out', async () => {
      only(await results((result) => void (result['decimal'] = '9.9')), 'RESULT_MISMATCH');
      only(await results((result) => void (result['count'] = '13')), 'RESULT_MISMATCH');
      const none = await doctored((steps) => {
        documentOf(stepOf(steps, 'queries:Publish'))['results'] = [];
      });
      const [finding] = only(none, 'RESULT_MISMATCH');
      expect(finding?.came).to.equal('[]');
      expect(finding?.signedBy?.mspId, 'who sent the publication').to.equal('h2MSP');
    });

    it('of a query that was another when it was opened', async () => {
      const report = await doctored((steps) => {
        documentOf(stepOf(steps, 'queries:Publish'))['cohort'] = { sex: 'female' };
      });
      only(report, 'DOCUMENT_REWRITTEN');
    });

    it('of a query that its researcher did not sign like this', async () => {
      const report = await doctored((steps) => {
        for (const method of ['queries:Open', 'queries:Complete', 'queries:Publish'])
          documentOf(stepOf(steps, method))['cohort'] = { sex: 'female' };
      });
      only(report, 'DOCUMENT_NOT_SIGNED');
    });

    it('over a layout that is not what its digest says', async () => {
      const report = await doctored((steps) => {
        documentOf(stepOf(steps, 'panels:RegisterLayout'))['digest'] = 'ab'.repeat(32);
      });
      only(report, 'LAYOUT_INVALID');
    });
  });

  it('a document that has not its form is found, not taken for granted', async () => {
    const report = await doctored((steps) => {
      delete documentOf(stepOf(steps, 'queries:Share', 'h4MSP'))['proof'];
    });
    only(report, 'DOCUMENT_UNREADABLE', 'SHARE_MISSING');
  });
});
