import { readFileSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { bytesToBase64Url, generateCeremonySigningKeys } from '@careledger/crypto';
import type { CeremonyLimits, CeremonyProgressReport } from '@careledger/gateway';
import type { AggregationKey, Ceremony } from '@careledger/protocol';
import { main as careledgerCeremony } from '@careledger/gateway/command/ceremony';
import { startTestConsortium, TEST_KEY, type Person, type TestConsortium } from '../support/consortium.js';
import { dealtMachines } from '../support/dealt-machine.js';
import { Hooks } from '../support/hooks.js';
import { mustBe } from '../support/world.js';

const PATH = '/ceremony/v1';
const MEMBERS = [1, 2, 3, 4].map((hospital) => `Hospital${String(hospital)}MSP`);
const [, SECOND, THIRD, FOURTH] = MEMBERS as [string, string, string, string];
/** Short, so that silence shows soon; far above what an honest gateway takes here. */
const LIMITS: Partial<CeremonyLimits> = { roundMs: 6_000, retryMs: 50, recheckMs: 200 };

/**
 * One ceremony among four gateways that goes wrong in one way after the other, attempt by attempt, until it makes a key.
 */
describe('scenario: the ceremony of the consortium’s Paillier key', function () {
  this.timeout(90_000);

  let dataDir: string;
  let hooks: Hooks;
  let consortium: TestConsortium;
  let admin: Person;
  let admitFourth: () => void;

  const reports = async (who = admin): Promise<CeremonyProgressReport[]> =>
    (mustBe(200, await who.get('/v1/ceremonies')).body['items'] as CeremonyProgressReport[]).filter(
      ({ ceremony: { scheme } }) => scheme === 'paillier',
    );
  const until = async (
    isThere: (report: CeremonyProgressReport) => boolean,
  ): Promise<CeremonyProgressReport> => {
    const giveUpAtMs = Date.now() + 45_000;
    for (;;) {
      const [report] = await reports();
      if (report !== undefined && isThere(report)) return report;
      if (Date.now() > giveUpAtMs) throw new Error(`it never came: ${JSON.stringify(report)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const faultsOf = ({ faults }: Ceremony): unknown[] =>
    faults.map(({ attempt, accused, reason }) => [attempt, accused, reason]);
  const careledger = async (...args: string[]): Promise<{ code: number; text: string }> => {
    let text = '';
    const streams = { write: (part: string) => (text += part) };
    const where = ['--gateway', consortium.gateway(1).restUrl, '--token', admin.token];
    const code = await careledgerCeremony([...args, ...where], { out: streams, err: streams });
    return { code, text };
  };

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'careledger-ceremony-'));
    hooks = new Hooks();
    const admitted = new Promise<void>((resolve) => {
      admitFourth = resolve;
    });
    hooks.beforeSubmit(FOURTH, 'ceremonies:Join', async (argument) => {
      await admitted;
      return argument;
    });
    const { identity } = dealtMachines();
    consortium = await startTestConsortium({
      dataDir,
      realCeremony: true,
      machines: () => ({ identity }),
      aggregation: { ...TEST_KEY, limits: LIMITS },
      wrapModules: (mspId, modules) => hooks.wrap(mspId, modules),
    });
    admin = await consortium.person(1, 'admin');
  });
  after(async () => {
    await consortium.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('starts by itself when all are members, waits for whoever is away, and keeps no gateway from being ready', async () => {
    const { ceremony, awaited } = await until((report) => report.awaited.length === 1);
    expect(ceremony).to.deep.include({
      status: 'joining',
      attempt: 1,
      keyBits: 512,
      holders: MEMBERS,
      threshold: 3,
    });
    expect(awaited).to.deep.equal([{ mspId: FOURTH, what: 'join' }]);
    for (const { restUrl } of consortium.gateways)
      expect((await fetch(`${restUrl}/readyz`)).status).to.equal(200);
    const { code, text } = await careledger('status');
    expect([code, text]).to.deep.include(0);
    expect(text).to.match(/joining; waiting for Hospital4MSP to join/);
    const { body } = await admin.get('/v1/aggregation-key');
    expect(body.code).to.equal('KEY_NOT_FOUND');
  });

  it('hands its messages to participants only, each to its own, and to nobody before they have posted', async () => {
    // The third answers the second with what it had for the first: not what it posted for the second.
    const seen = new Map<string, string>();
    hooks.onAnswer(THIRD, PATH, (caller, answer) => {
      seen.set(caller, answer);
      return caller === SECOND ? changed(answer) : answer;
    });
    admitFourth();
    const { ceremony } = await until((report) => report.ceremony.faults.length > 0);
    hooks.onAnswer(THIRD, PATH, undefined);
    expect(faultsOf(ceremony)[0]).to.deep.equal([1, THIRD, 'EQUIVOCATION']);
    expect(ceremony.faults[0]).to.include({ accuser: SECOND });
    expect(new Set(seen.values()).size, 'one message for each').to.equal(seen.size);
  });

  it('begins anew, and names who says other things to all than it posted', async () => {
    hooks.beforeSubmit(SECOND, 'ceremonies:Post', (argument) => {
      const { digests } = argument as { digests: Record<string, string> };
      return Promise.resolve({ ...argument, digests: { ...digests, [SECOND]: 'ab'.repeat(32) } });
    });
    const { ceremony } = await until((report) =>
      faultsOf(report.ceremony).some((fault) => isOf(fault, SECOND)),
    );
    hooks.beforeSubmit(SECOND, 'ceremonies:Post', undefined);
    expect(faultsOf(ceremony).find((fault) => isOf(fault, SECOND))).to.include('EQUIVOCATION');
  });

  it('names whose messages are not signed with the key that it joined with', async () => {
    // The fourth signs with a key of its own, and its gateway does not mind that it joined with another.
    let own: unknown;
    hooks.beforeSubmit(FOURTH, 'ceremonies:Join', (argument) => {
      own = (argument as { signingKey: string }).signingKey;
      const signingKey = bytesToBase64Url(generateCeremonySigningKeys().publicKey);
      return Promise.resolve({ ...argument, signingKey });
    });
    hooks.onRead(FOURTH, 'ceremonies:Get', (result) => {
      const { joined, ...rest } = result as Ceremony;
      const seen = joined.map((one) => (one.mspId === FOURTH ? { ...one, signingKey: own } : one));
      return { ...rest, joined: seen };
    });
    const named = (fault: unknown): boolean => isOf(fault, FOURTH);
    // The attempt that runs meanwhile ends by a resumption: the next one has the wrong key.
    const [{ ceremony: before }] = (await reports()) as [CeremonyProgressReport];
    if (before.status === 'running') await careledger('resume', '--detach');
    const { ceremony } = await until((report) => faultsOf(report.ceremony).some(named));
    hooks.beforeSubmit(FOURTH, 'ceremonies:Join', undefined);
    hooks.onRead(FOURTH, 'ceremonies:Get', undefined);
    expect(faultsOf(ceremony).find(named)).to.include('GARBAGE');
  });

  it('names who is silent when the time of a round is over, and then makes the key', async () => {
    let silence: () => void = () => undefined;
    const silent = new Promise<void>((resolve) => {
      silence = resolve;
    });
    hooks.beforeSubmit(THIRD, 'ceremonies:Post', async (argument) => {
      await silent;
      return argument;
    });
    const wasNamed = (fault: unknown): boolean => isOf(fault, THIRD) && (fault as string[])[2] === 'SILENT';
    const named = await until((report) => faultsOf(report.ceremony).some(wasNamed));
    expect(named.ceremony.faults.find(({ reason }) => reason === 'SILENT')?.accuser).not.to.equal(THIRD);
    hooks.beforeSubmit(THIRD, 'ceremonies:Post', undefined);
    silence();
    const { ceremony } = await until((report) => report.ceremony.status === 'finished');
    expect(ceremony.attempt, 'four were ended').to.be.at.least(5);
    const { code, text } = await careledger('status');
    expect(code).to.equal(0);
    expect(text)
      .to.match(/: finished\n/)
      .and.match(/named Hospital3MSP: SILENT/);
  });

  it('leaves each hospital its share under its own seal, and nothing else of the ceremony', async () => {
    const key = mustBe(200, await admin.get('/v1/aggregation-key')).body as unknown as AggregationKey;
    const { keyId } = key.publicKey;
    expect(key.publicKey).to.include({ keyBits: 512, encryption: 'djn' });
    expect(key.acceptedBy).to.have.members(MEMBERS);
    for (const hospital of [1, 2, 3, 4]) {
      const custody = consortium.custodyOf(hospital);
      await eventually(async () => (await custody.ceremonies.kept()).length === 0);
      expect(await custody.hasKeyShare({ keyId, epoch: 0 })).to.equal(true);
      const files = readdirSync(join(dataDir, `h${String(hospital)}`, 'custody'));
      expect(files.filter((name) => name.startsWith('ceremony'))).to.deep.equal([]);
      const share = readFileSync(
        join(dataDir, `h${String(hospital)}`, 'custody', `key-share-${keyId}-0.sealed`),
      );
      expect(share.includes(keyId), 'sealed').to.equal(false);
    }
  });

  it('is started by administrators only, and not again where there is a key', async () => {
    const officer = await consortium.person(1, 'officer');
    const body = { ceremonyId: 'ab'.repeat(16) };
    expect((await officer.post('/v1/ceremonies', body)).body.code).to.equal('ROLE_NOT_ALLOWED');
    expect((await admin.post('/v1/ceremonies', body)).body.code).to.equal('KEY_EXISTS');
    const { code, text } = await careledger('start');
    expect(code).to.equal(1);
    expect(text).to.match(/^KEY_EXISTS: .*\n.*redistribute/);
    expect((await careledger('start', 'twice')).code).to.equal(2);
    expect(await reports(officer)).to.have.length(1);
  });
});

function isOf(fault: unknown, mspId: string): boolean {
  return (fault as readonly unknown[])[1] === mspId;
}

async function eventually(isThere: () => Promise<boolean>): Promise<void> {
  const giveUpAtMs = Date.now() + 10_000;
  while (!(await isThere())) {
    if (Date.now() > giveUpAtMs) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The same answer with one byte of the message changed. */
function changed(answer: string): string {
  const { message } = JSON.parse(answer) as { message: string };
  const bytes = Buffer.from(message, 'base64url');
  bytes[bytes.length - 1]! ^= 1;
  return JSON.stringify({ message: bytes.toString('base64url') });
}
