import {
  ciphertextFromText,
  ciphertextToBytes,
  ciphertextToText,
  modInverse,
  rerandomise,
} from '@careledger/crypto/core';
import { LIMITS } from '@careledger/protocol';
import { LAYOUT, TestAggregate } from './testing/aggregation.js';
import { ALPHA, BRAVO, CHARLIE, CID, fourHospitals, id, staff } from './testing/consortium.js';
import type { MemoryLedger } from './testing/memory-ledger.js';
import { expectRejections, malformed } from './testing/rejections.js';

const gateway = (mspId: string) => staff(mspId, 'gateway');
const researcher = staff(ALPHA, 'researcher');
describe('queries refused', () => {
  let ledger: MemoryLedger;
  let aggregate: TestAggregate;
  beforeEach(async () => {
    ledger = await fourHospitals();
    aggregate = await new TestAggregate(ledger).setUp();
  });

  describe('what is refused with an error', () => {
    it('an opening', async () => {
      const argument = aggregate.queryFields();
      const refused = (
        why: string,
        code: Parameters<typeof expectRejections>[2][0]['code'],
        changes: object,
      ) => ({
        why,
        code,
        caller: researcher,
        argument: aggregate.queryFields(changes),
      });
      const deep = Array.from({ length: LIMITS.cohortDepth }).reduce<object>((cohort) => ({ not: cohort }), {
        all: true,
      });
      await expectRejections(ledger, 'queries:Open', [
        ...malformed(researcher, argument),
        { why: 'a clinician', code: 'ROLE_NOT_ALLOWED', caller: staff(ALPHA, 'clinician'), argument },
        { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: staff('EchoMSP', 'researcher'), argument },
        refused('an unknown layout', 'PANEL_NOT_FOUND', { layoutId: 'lungs' }),
        refused('an unknown field', 'SCHEMA_VIOLATION', { fields: ['height'] }),
        refused('a field of the other kind', 'SCHEMA_VIOLATION', { fields: ['sex'] }),
        refused('a deep cohort', 'COHORT_INVALID', { cohort: deep }),
        refused('an empty band', 'COHORT_INVALID', { cohort: { age: { from: 9, to: 8 } } }),
        refused('free code', 'SCHEMA_VIOLATION', { cohort: { code: 'true' } }),
      ]);
      const queryId = await aggregate.query();
      await expectRejections(ledger, 'queries:Open', [refused('a used id', 'ALREADY_EXISTS', { queryId })]);
    });

    it('a contribution', async () => {
      const queryId = await aggregate.query();
      const argument = await aggregate.contribution(queryId, ALPHA, [30]);
      const { publicKey } = aggregate.key;
      const zero = Buffer.alloc(publicKey.keyBits / 8).toString('base64url');
      const text = (value: bigint) => Buffer.from(ciphertextToBytes(publicKey, value)).toString('base64url');
      const refused = (
        why: string,
        code: Parameters<typeof expectRejections>[2][0]['code'],
        changes: object,
      ) => ({
        why,
        code,
        caller: gateway(ALPHA),
        argument: { ...argument, ...changes },
      });
      await expectRejections(ledger, 'queries:Contribute', [
        ...malformed(gateway(ALPHA), argument),
        { why: 'a researcher', code: 'ROLE_NOT_ALLOWED', caller: researcher, argument },
        { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: gateway('EchoMSP'), argument },
        { why: 'another hospital’s panels', code: 'NOT_OWNER', caller: gateway(BRAVO), argument },
        refused('0', 'CIPHERTEXT_INVALID', { ciphertext: text(0n) }),
        refused('1', 'CIPHERTEXT_INVALID', { ciphertext: text(1n) }),
        refused('a multiple of n', 'CIPHERTEXT_INVALID', { ciphertext: text(publicKey.n * 5n) }),
        refused('n^2', 'CIPHERTEXT_INVALID', { ciphertext: text(publicKey.nSquared) }),
        refused('a ciphertext of another width', 'CIPHERTEXT_INVALID', { ciphertext: 'AAAA' }),
        refused('an unknown panel', 'PANEL_NOT_FOUND', { panelIds: [id()] }),
        refused('an unknown query', 'QUERY_NOT_FOUND', { queryId: id() }),
        refused('a proof cut short', 'PROOF_INVALID', { proof: { ...argument.proof, z: 'AAAA' } }),
        refused('a proof with an answer of 0', 'PROOF_INVALID', { proof: { ...argument.proof, w: zero } }),
      ]);
      await ledger.submit(staff(ALPHA, 'officer'), 'panels:RegisterLayout', {
        layout: { ...LAYOUT, version: 2 },
      });
      const fields = aggregate.panelFields({ layoutVersion: 2 });
      await ledger.submit(gateway(ALPHA), 'panels:Anchor', fields);
      await expectRejections(ledger, 'queries:Contribute', [
        refused('a panel of another layout', 'CONTRIBUTION_MISMATCH', { panelIds: [fields.panelId] }),
      ]);
      await ledger.submit(gateway(ALPHA), 'queries:Contribute', argument);
      await expectRejections(ledger, 'queries:Contribute', [
        refused('a second answer', 'ALREADY_EXISTS', {}),
      ]);
      await expectRejections(ledger, 'queries:Complete', [
        {
          why: 'answers missing',
          code: 'TRANSITION_NOT_ALLOWED',
          caller: gateway(ALPHA),
          argument: { queryId },
        },
        { why: 'no member', code: 'MEMBER_NOT_ACTIVE', caller: gateway('EchoMSP'), argument: { queryId } },
      ]);
    });

    it('a contribution of a ciphertext that another hospital, query or panel was proved for', async () => {
      const [queryId, other] = [await aggregate.query(), await aggregate.query()];
      const { argument, prove } = await aggregate.contributionOf(queryId, ALPHA, [
        { age: 30, sex: 'female' },
      ]);
      const refused = (why: string, changes: object, caller = gateway(ALPHA)) => ({
        why,
        code: 'PROOF_INVALID' as const,
        caller,
        argument: { ...argument, ...changes },
      });
      const elsewhere = aggregate.panelFields({ cid: `b${'c'.repeat(58)}` });
      await ledger.submit(gateway(ALPHA), 'panels:Anchor', elsewhere);
      const theirs = { panelIds: [await aggregate.panel(BRAVO)] };
      await expectRejections(ledger, 'queries:Contribute', [
        refused('replayed in another query', { queryId: other }),
        refused('copied by another hospital', theirs, gateway(BRAVO)),
        refused(
          'copied, with a proof for the copier’s other query',
          { ...theirs, proof: prove({ mspId: BRAVO, queryId: other }) },
          gateway(BRAVO),
        ),
        refused('moved to another panel', { panelIds: [elsewhere.panelId] }),
        refused('with a panel more', { panelIds: [...argument.panelIds, elsewhere.panelId] }),
        refused('proved for panels in another order', {
          panelIds: [...argument.panelIds, elsewhere.panelId],
          proof: prove({ panels: [elsewhere.cid, CID] }),
        }),
      ]);
      await ledger.submit(gateway(ALPHA), 'queries:Contribute', {
        ...argument,
        panelIds: [...argument.panelIds, elsewhere.panelId],
        proof: prove({ panels: [CID, elsewhere.cid] }),
      });
    });

    it('a contribution made from another’s without knowing what it holds', async () => {
      const queryId = await aggregate.query();
      const { publicKey } = aggregate.key;
      const { n, nSquared } = publicKey;
      const theirs = await aggregate.contributionOf(queryId, BRAVO, [{ age: 41, sex: 'male' }]);
      await ledger.submit(gateway(BRAVO), 'queries:Contribute', theirs.argument);
      const posted = ciphertextFromText(publicKey, theirs.argument.ciphertext);
      const { proof } = theirs.argument;
      const mauled: [string, bigint][] = [
        ['the same', posted],
        ['the same and 1', (posted * (1n + n)) % nSquared],
        ['twice the same', (posted * posted) % nSquared],
        ['minus the same', modInverse(posted, nSquared)],
        ['the same, re-randomised', rerandomise(publicKey, posted)],
      ];
      const panelIds = [await aggregate.panel(CHARLIE)];
      await expectRejections(
        ledger,
        'queries:Contribute',
        mauled.map(([why, ciphertext]) => ({
          why,
          code: 'PROOF_INVALID' as const,
          caller: gateway(CHARLIE),
          argument: {
            ...theirs.argument,
            ciphertext: ciphertextToText(publicKey, ciphertext),
            panelIds,
            proof,
          },
        })),
      );
    });
  });
});
