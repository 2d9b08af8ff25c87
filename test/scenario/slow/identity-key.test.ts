import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { CeremonyProgressReport } from '@careledger/gateway';
import type { MasterKey } from '@careledger/protocol';
import { main as careledgerCeremony } from '@careledger/gateway/command/ceremony';
import { startTestConsortium, type Person, type TestConsortium } from '../support/consortium.js';
import { dealtMachines } from '../support/dealt-machine.js';
import { mustBe } from '../support/world.js';

const HOSPITALS = [1, 2, 3, 4];

/** The identity master key comes from the gateways themselves, and waits for no other ceremony. */
describe('scenario: the identity master key', function () {
  this.timeout(60_000);

  let dataDir: string;
  let consortium: TestConsortium;
  let admin: Person;
  /** Lets the first step of the Paillier ceremony go on. */
  let release: () => void;
  let first: MasterKey;

  const masterKey = async (epoch?: number): Promise<MasterKey> => {
    const { contracts, identity } = consortium.gateway(1).services;
    const argument = epoch === undefined ? {} : { epoch };
    return contracts.evaluate(identity, 'identities', 'GetMasterKey', argument);
  };
  const until = async <T>(attempt: () => Promise<T | undefined>): Promise<T> => {
    const giveUpAtMs = Date.now() + 30_000;
    for (;;) {
      const found = await attempt().catch(() => undefined);
      if (found !== undefined) return found;
      if (Date.now() > giveUpAtMs) throw new Error('it never came');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const inEpoch = (epoch: number): Promise<MasterKey> =>
    until(async () => {
      const key = await masterKey();
      return key.sharing.epoch === epoch ? key : undefined;
    });
  const reports = async (): Promise<CeremonyProgressReport[]> =>
    mustBe(200, await admin.get('/v1/ceremonies')).body['items'] as CeremonyProgressReport[];
  const shareFiles = async (hospital: number): Promise<string[]> => {
    const files = await readdir(join(dataDir, `h${String(hospital)}`, 'custody'));
    return files.filter((name) => name.startsWith('identity-share-'));
  };
  const careledger = async (...args: string[]): Promise<{ code: number; text: string }> => {
    let text = '';
    const streams = { write: (part: string) => (text += part) };
    const where = ['--gateway', consortium.gateway(1).restUrl, '--token', admin.token];
    const code = await careledgerCeremony([...args, ...where], { out: streams, err: streams });
    return { code, text };
  };

  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'careledger-identity-key-'));
    const { paillier } = dealtMachines();
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    consortium = await startTestConsortium({
      dataDir,
      machines: () => ({
        paillier: {
          ...paillier,
          begin: async (parameters) => {
            await released;
            return paillier.begin(parameters);
          },
        },
      }),
    });
    admin = await consortium.person(1, 'admin');
  });
  after(async () => {
    release();
    await consortium.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('comes about at the first start, while the Paillier ceremony still computes', async () => {
    first = await inEpoch(0);
    expect(first.acceptedBy).to.have.length(HOSPITALS.length);
    expect(first.sharing).to.include({ threshold: 3 });
    const { contracts, identity } = consortium.gateway(1).services;
    const { items } = await contracts.evaluate(identity, 'ceremonies', 'List', {});
    expect(items.find(({ scheme }) => scheme === 'paillier')?.status).to.equal('running');
    expect(items.find(({ scheme }) => scheme === 'identity')).to.deep.include({
      status: 'finished',
      attempt: 1,
      faults: [],
    });
  });

  it('is held in shares under the hospitals’ own seals, and seen by who operates them', async () => {
    const { keyId } = first.masterKey;
    for (const hospital of HOSPITALS) {
      await until(async () => ((await shareFiles(hospital)).length > 0 ? true : undefined));
      expect(await shareFiles(hospital)).to.deep.equal([`identity-share-${keyId}-0.sealed`]);
      expect(await consortium.custodyOf(hospital).hasKeyShare({ keyId, epoch: 0 })).to.equal(true);
    }
    const { text } = await careledger('status');
    expect(text).to.match(/: finished\n {2}makes the identity master key for .*; any 3 of them extract keys/);
    await until(async () => {
      const metrics = await (await fetch(`${consortium.gateway(1).restUrl}/metrics`)).text();
      return /^careledger_identity_key_holders\{[^}]*epoch="0"[^}]*\} 4$/m.test(metrics) ? true : undefined;
    });
  });

  it('is not made twice, and is shared anew under the same P: earlier shares are erased', async () => {
    const again = await careledger('start', '--scheme', 'identity');
    expect([again.code, again.text]).to.deep.include(1);
    expect(again.text).to.match(/^KEY_EXISTS/);
    expect((await careledger('start', '--scheme', 'other')).code).to.equal(2);
    const { code, text } = await careledger('start', '--scheme', 'identity', '--redistribute');
    expect(code, text).to.equal(0);
    const anew = await inEpoch(1);
    expect(anew.masterKey).to.deep.equal(first.masterKey);
    expect(anew.sharing.commitments.slice(1)).not.to.deep.equal(first.sharing.commitments.slice(1));
    expect((await masterKey(0)).sharing).to.deep.equal(first.sharing);
    const { keyId } = first.masterKey;
    for (const hospital of HOSPITALS)
      await until(async () => {
        const files = await shareFiles(hospital);
        return files.length === 1 && files[0] === `identity-share-${keyId}-1.sealed` ? true : undefined;
      });
  });

  it('stops no other ceremony, and is stopped by none', async () => {
    release();
    await until(async () => {
      const { ceremony } = (await reports()).find((report) => report.ceremony.scheme === 'paillier') ?? {};
      return ceremony?.status === 'finished' ? true : undefined;
    });
  });
});
