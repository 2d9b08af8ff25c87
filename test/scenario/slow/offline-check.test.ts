import { cp, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  ciphertextToText,
  encodeRow,
  encryptWith,
  openingFromJson,
  plaintextProofToJson,
  provePlaintextKnowledge,
  randomUnit,
} from '@careledger/crypto';
import { main as exportEvidence } from '@careledger/gateway/command/export';
import { common, peer } from '@hyperledger/fabric-protos';
import type { Panel, QueryDetails } from '@careledger/protocol';
import type { CeremonyReport, QueryReport, Report } from '@careledger/verifier';
import { main as verify } from '@careledger/verifier/command';
import { LAYOUT, startAggregateWorld, type AggregateWorld, type Row } from '../support/aggregate.js';
import { mustBe } from '../support/world.js';

interface Checked<Report> {
  readonly code: number;
  readonly report: Report;
}

const HOSPITALS = [1, 2, 3, 4];
const FORGER = 4;
const NOWHERE = { write: () => true };
const QUIET = { out: NOWHERE, err: NOWHERE };

describe('the auditor’s check, with every gateway stopped', function () {
  this.timeout(120_000);

  let world: AggregateWorld;
  let folder: string;
  let honest: QueryDetails;
  let forged: QueryDetails;
  let refused: QueryDetails;
  let ceremonyId: string;
  let isStopped = false;
  let refusals: unknown[];
  const files = (name: string): string => join(folder, name);
  const evidence = (): string => files('evidence');

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'careledger-audit-'));
    world = await startAggregateWorld({ realCeremony: true });
    await world.register(LAYOUT);
    for (const hospital of HOSPITALS) {
      const rows = [...Array(6).keys()].map((index): Row => ({
        patient: `${String(hospital)}/${String(index)}`,
        // The last patient of each hospital is outside the cohort.
        subject: { sex: index === 5 ? 'male' : 'female', conditions: [] },
        values: { temperature: String(index - 2), sex: index === 5 ? 'male' : 'female' },
      }));
      mustBe(201, await world.put(hospital, rows));
    }
    ceremonyId = world.key.ceremonyId;
    const asked = { cohort: { sex: 'female' }, statistic: 'sum' } as const;
    honest = await world.ask(asked);
    world.beforeSubmitting(FORGER, 'queries:Contribute', forge);
    forged = await world.ask(asked);
    world.beforeSubmitting(FORGER, 'queries:Contribute', undefined);
    refused = await world.ask({ cohort: { sex: 'male' } }, await world.consortium.person(2, 'researcher'));
    for (const details of [honest, forged]) {
      const { queryId } = details.query;
      for (const hospital of HOSPITALS) {
        const opening = mustBe(
          200,
          await world.officers[hospital - 1]!.get(`/v1/queries/${queryId}/opening`),
        );
        await writeFile(files(openingFile(queryId, hospital)), JSON.stringify(opening.body));
      }
      await takeAway('query', queryId);
    }
    refusals = await askedByOthers();
    await world.stop();
    isStopped = true;
  });
  after(async () => {
    if (!isStopped) await world.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const openingFile = (queryId: string, hospital: number): string =>
    `${queryId}-${String(hospital)}.opening.json`;

  async function takeAway(...what: readonly string[]): Promise<void> {
    const auditor = await world.consortium.person(2, 'auditor');
    const source = ['--gateway', world.consortium.gateway(2).restUrl, '--token', auditor.token];
    expect(await exportEvidence([...what, '--to', evidence(), ...source], QUIET)).to.equal(0);
  }

  /** What people get who are to take no evidence away, and what there is past the end. */
  async function askedByOthers(): Promise<unknown[]> {
    const { consortium, researcher } = world;
    const clinician = await consortium.person(1, 'clinician');
    const auditor = await consortium.person(1, 'auditor');
    const [panel] = honest.contributions.flatMap(({ panelIds = [] }) => panelIds);
    const refusedRequests = [
      await clinician.get('/v1/ledger/blocks?from=0'),
      await researcher.get(`/v1/panels/${panel!}/content`),
      await auditor.get('/v1/ledger/blocks?from=-1'),
      await auditor.get(`/v1/panels/${'ff'.repeat(16)}/content`),
    ];
    const past = mustBe(200, await auditor.get('/v1/ledger/blocks?from=1000000'));
    return [...refusedRequests.map(({ body }) => body.code), past.body['blocks']];
  }

  /** A contribution of the forger's own making: it knows what it holds, and it is not the product of its rows. */
  async function forge(argument: object): Promise<object> {
    const { publicKey } = world;
    const { queryId, panelIds } = argument as { queryId: string; panelIds: string[] };
    const officer = world.officers[FORGER - 1]!;
    const { body } = mustBe(200, await officer.get(`/v1/queries/${queryId}/opening`));
    const { maskPlaintext } = openingFromJson(body);
    const rows = [-2, -1, 0, 1, 2].map((temperature) =>
      encodeRow(LAYOUT, { temperature: String(temperature), sex: 'female' }),
    );
    // One patient, four degrees warmer.
    const lie = encodeRow(LAYOUT, { temperature: '-1' }) - encodeRow(LAYOUT, { temperature: '-5' });
    const plaintext = rows.reduce((sum, row) => sum + row, maskPlaintext + lie);
    const randomness = randomUnit(publicKey);
    const ciphertext = encryptWith(publicKey, plaintext, randomness);
    const panels = await Promise.all(
      panelIds.map(async (id) => mustBe(200, await officer.get(`/v1/panels/${id}`)).body as unknown as Panel),
    );
    const context = { mspId: officer.mspId, queryId, panels: panels.map(({ cid }) => cid) };
    const proof = provePlaintextKnowledge({ publicKey, ciphertext, plaintext, randomness, context });
    return {
      ...argument,
      ciphertext: ciphertextToText(publicKey, ciphertext),
      proof: plaintextProofToJson(publicKey, proof),
    };
  }

  async function said(args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
    let text = '';
    const out = { write: (part: string) => (text += part) };
    return { code: await verify(args, { out, err: out }), text };
  }
  async function checkedAs<Report>(args: readonly string[]): Promise<Checked<Report>> {
    const { code, text } = await said([...args, '--json']);
    return { code, report: JSON.parse(text) as Report };
  }
  const check = (...args: readonly string[]) => checkedAs<QueryReport>(args);
  const codesOf = ({ report }: Checked<Report>): string[] => [
    ...new Set(report.findings.map(({ code }) => code)),
  ];
  /** The evidence, copied and changed. */
  async function doctored(change: (copy: string) => Promise<void>): Promise<string> {
    const copy = await mkdtemp(join(folder, 'doctored-'));
    await cp(evidence(), copy, { recursive: true });
    await change(copy);
    return copy;
  }
  const openings = (queryId: string, hospitals: readonly number[]): string[] =>
    hospitals.flatMap((hospital) => ['--opening', files(openingFile(queryId, hospital))]);

  it('derives an honest query again, every opened contribution from its anchored rows', async () => {
    const { queryId } = honest.query;
    const { code, report } = await check(
      'query',
      queryId,
      '--from',
      evidence(),
      ...openings(queryId, HOSPITALS),
    );
    expect(report.findings).to.deep.equal([]);
    expect(code).to.equal(0);
    expect(report.query?.results).to.deep.equal(honest.query.results);
    expect(report.query?.results?.[0]?.count).to.equal('20');
    expect(report.opened.map(({ rows }) => rows)).to.deep.equal([5, 5, 5, 5]);
    expect(report.subsets).to.equal(4);
    expect(report.budget?.spent).to.equal(1);
  });

  it('says in words what was checked, on what it rests, and that a test key protects nothing', async () => {
    const { text } = await said(['query', honest.query.queryId, '--from', evidence()]);
    expect(text).to.include('VERIFIED').and.include('TEST KEY').and.include('rests on');
    const [, genesis] = /block 0 ([0-9a-f]{64})/.exec(text) ?? [];
    const block = join(evidence(), 'blocks', '000000000.block');
    for (const expected of [genesis!, block]) {
      const { code } = await check(
        'query',
        honest.query.queryId,
        '--from',
        evidence(),
        '--genesis',
        expected,
      );
      expect(code).to.equal(0);
    }
    const other = await check(
      'query',
      honest.query.queryId,
      '--from',
      evidence(),
      '--genesis',
      'ab'.repeat(32),
    );
    expect([other.code, ...codesOf(other)]).to.deep.equal([1, 'LEDGER_GENESIS_DIFFERS']);
  });

  it('of a refused query lists who refused and why', async () => {
    const { code, report } = await check('query', refused.query.queryId, '--from', evidence());
    expect([code, report.query?.status]).to.deep.equal([0, 'refused']);
    expect(report.refusals.map(({ reason }) => reason)).to.deep.equal(Array(4).fill('COHORT_BELOW_MINIMUM'));
  });

  it('of the ceremony: every round posted by all, every holder’s acceptance', async () => {
    const { code, report } = await checkedAs<CeremonyReport>(['ceremony', ceremonyId, '--from', evidence()]);
    expect(report.findings).to.deep.equal([]);
    expect([code, report.ceremony?.status, report.keyId]).to.deep.equal([
      0,
      'finished',
      world.publicKey.keyId,
    ]);
    expect(report.rounds).to.be.at.least(1);
    const none = await checkedAs<CeremonyReport>(['ceremony', 'ab'.repeat(16), '--from', evidence()]);
    expect(codesOf(none)).to.deep.equal(['CEREMONY_NOT_FOUND']);
  });

  it('finds the hospital that contributed something else than its rows, as soon as it has to open them', async () => {
    const { queryId } = forged.query;
    const [told, lied] = [honest, forged].map(({ query }) => query.results?.[0]?.exact?.numerator);
    expect(lied, 'the lie went through').to.not.equal(told);
    expect((await check('query', queryId, '--from', evidence())).code).to.equal(0);
    const others = HOSPITALS.filter((hospital) => hospital !== FORGER);
    expect((await check('query', queryId, '--from', evidence(), ...openings(queryId, others))).code).to.equal(
      0,
    );
    const found = await check('query', queryId, '--from', evidence(), ...openings(queryId, [FORGER]));
    expect([found.code, ...codesOf(found)]).to.deep.equal([1, 'CONTRIBUTION_MISMATCH']);
    expect(found.report.findings[0]?.signedBy?.mspId).to.equal(world.officers[FORGER - 1]!.mspId);
  });

  it('finds another hospital’s opening, or another query’s, to be no proof of anything', async () => {
    const { queryId } = honest.query;
    const [own] = openings(forged.query.queryId, [1]).slice(1);
    const found = await check('query', queryId, '--from', evidence(), '--opening', own!);
    expect([found.code, ...codesOf(found)]).to.deep.equal([1, 'CONTRIBUTION_MISMATCH']);
  });

  describe('finds evidence that was changed on the way', () => {
    const blockOf = async (copy: string, isIt: (bytes: Buffer) => boolean): Promise<string> => {
      const blocks = join(copy, 'blocks');
      for (const name of (await readdir(blocks)).sort()) {
        if (isIt(await readFile(join(blocks, name)))) return join(blocks, name);
      }
      throw new Error('no such block');
    };
    const publication = (copy: string): Promise<string> =>
      blockOf(copy, (bytes) => bytes.includes('queries:Publish') && bytes.includes(honest.query.queryId));
    const checked = async (change: (copy: string) => Promise<void>, ...more: readonly string[]) =>
      check('query', honest.query.queryId, '--from', await doctored(change), ...more);

    it('a published figure', async () => {
      const figure = honest.query.results![0]!.decimal!;
      const found = await checked(async (copy) => {
        const file = await publication(copy);
        const bytes = await readFile(file);
        const at = bytes.indexOf(`"decimal":"${figure}"`);
        expect(at, 'the figure is in the block').to.be.at.least(0);
        bytes[at + '"decimal":"'.length + figure.length - 1]! ^= 1;
        await writeFile(file, bytes);
      });
      expect(found.code).to.equal(1);
      expect(codesOf(found)).to.include('LEDGER_DATA_CHANGED');
    });

    it('a block that is missing', async () => {
      const found = await checked(async (copy) => rm(await publication(copy)));
      expect(codesOf(found)).to.include('LEDGER_BLOCK_MISSING');
    });

    it('a block in which a valid transaction is marked invalid', async () => {
      const found = await checked(async (copy) => {
        const file = await publication(copy);
        const block = common.Block.deserializeBinary(await readFile(file));
        const metadata = block.getMetadata()!.getMetadataList_asU8();
        metadata[common.BlockMetadataIndex.TRANSACTIONS_FILTER]!.fill(
          peer.TxValidationCode.MVCC_READ_CONFLICT,
        );
        block.getMetadata()!.setMetadataList(metadata);
        await writeFile(file, block.serializeBinary());
      });
      expect([found.code, ...codesOf(found)]).to.deep.equal([1, 'LEDGER_CODE_DIFFERS']);
      expect(found.report.query?.status, 'the write counts all the same').to.equal('decrypted');
    });

    it('bytes of the record store', async () => {
      const { queryId } = honest.query;
      const flip = async (copy: string): Promise<void> => {
        for (const name of await readdir(join(copy, 'records'))) {
          const file = join(copy, 'records', name);
          const bytes = await readFile(file);
          bytes[bytes.length >> 1]! ^= 1;
          await writeFile(file, bytes);
        }
      };
      const found = await checked(flip, ...openings(queryId, [1]));
      expect([found.code, ...codesOf(found)]).to.deep.equal([1, 'PANEL_CONTENT_CHANGED']);
      expect((await checked(flip)).code, 'without an opening, no row is needed').to.equal(0);
    });
  });

  it('takes its evidence only where auditors, data officers and administrators may', () => {
    expect(refusals).to.deep.equal([
      'ROLE_NOT_ALLOWED',
      'ROLE_NOT_ALLOWED',
      'SCHEMA_VIOLATION',
      'PANEL_NOT_FOUND',
      [],
    ]);
  });

  it('asks for its folder: wrong usage is exit code 2', async () => {
    const { queryId } = honest.query;
    for (const args of [
      ['query', queryId],
      ['statistic', queryId, '--from', evidence()],
      ['query', queryId, '--from', evidence(), '--unknown'],
      ['panel', queryId, '--from', evidence()],
    ])
      expect((await said(args)).code, args.join(' ')).to.equal(2);
    expect(await exportEvidence(['blocks'], QUIET)).to.equal(2);
  });
});
