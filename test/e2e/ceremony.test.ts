import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { AggregationKey } from '@careledger/protocol';
import type { Person } from '../scenario/support/people.js';
import { mustBe } from '../scenario/support/world.js';
import { CEREMONY_TIMEOUT_MS, keyOfTheConsortium } from './support/key.js';
import { runningNetwork } from './support/network.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const COMMAND_LIMIT_MS = 120_000;

describe('end to end: the key that four hospitals make', function () {
  this.timeout(CEREMONY_TIMEOUT_MS);

  const network = runningNetwork();
  const members = network.configs.map(({ hospital }) => hospital.mspId);
  let admin: Person;
  let key: AggregationKey;

  before(async () => {
    admin = await network.person(1, 'admin');
    key = await keyOfTheConsortium(admin);
  });

  it('comes from a ceremony that the first hospital started, of the configured size, held by all', () => {
    const [first] = network.configs;
    expect(key.publicKey).to.include({ keyBits: first!.aggregation.keyBits, encryption: 'djn' });
    expect(key.sharing).to.deep.include({ epoch: 0, holders: members, threshold: 3 });
    expect(key.acceptedBy).to.have.members(members);
    expect(network.configs.map(({ aggregation }) => aggregation.startsCeremony)).to.deep.equal([
      true,
      false,
      false,
      false,
    ]);
  });

  it('is seen by whoever operates the network: careledger ceremony status, network status, metrics', async () => {
    const run = async (...args: string[]): Promise<string> => {
      const options = { cwd: ROOT, timeout: COMMAND_LIMIT_MS };
      return (await promisify(execFile)(process.execPath, args, options)).stdout;
    };
    const { id } = network.configOf(2).hospital;
    const told = await run(
      'scripts/careledger.mjs',
      'ceremony',
      'status',
      '--hospital',
      id,
      '--home',
      network.home,
    );
    expect(told).to.contain(`ceremony ${key.ceremonyId}: finished`);
    const rows = JSON.parse(await run('scripts/network.mjs', 'status', '--json')) as {
      process: string;
      detail: string;
    }[];
    const gateways = rows.filter((row) => row.process === 'gateway').map(({ detail }) => detail);
    const expected = `key of ${String(key.publicKey.keyBits)} bits, epoch 0; identity key, epoch 0`;
    expect(gateways).to.deep.equal(members.map(() => expected));
  });

  it('lies in shares, each sealed in its own hospital’s custody, and nothing of the ceremony is left', async () => {
    const { keyId } = key.publicKey;
    const shares = await Promise.all(
      network.configs.map(async ({ custody }) => {
        const files = await readdir(custody.dir);
        expect(files.filter((name) => name.startsWith('ceremony'))).to.deep.equal([]);
        const share = files.filter((name) => name.startsWith('key-share'));
        expect(share).to.deep.equal([`key-share-${keyId}-0.sealed`]);
        return (await readFile(join(custody.dir, share[0]!))).toString('hex');
      }),
    );
    expect(new Set(shares).size).to.equal(members.length);
  });

  it('is not made twice', async () => {
    const again = await admin.post('/v1/ceremonies', { ceremonyId: 'ab'.repeat(16) });
    expect(again.body.code).to.equal('KEY_EXISTS');
    const { body } = mustBe(200, await admin.get('/v1/ceremonies'));
    expect(body['items'], 'one of each scheme').to.have.length(2);
  });
});
