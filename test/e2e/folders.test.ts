import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { privateKeyFingerprints } from '@careledger/network';
import { runningNetwork } from './support/network.js';

const EXCHANGE = 'exchange';

/** Private keys in the exchange, and those that two folders share. */
function strayKeys(fingerprints: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const holders = new Map<string, string[]>();
  for (const [folder, keys] of fingerprints)
    for (const key of keys) holders.set(key, [...(holders.get(key) ?? []), folder]);
  return [...holders]
    .filter(([, folders]) => folders.length > 1 || folders.includes(EXCHANGE))
    .map(([key]) => key);
}

describe('end to end: what lies in whose folder', function () {
  this.timeout(60_000);

  const network = runningNetwork();

  it('no private key is in two hospitals’ folders, and none in the exchange', () => {
    const fingerprints = privateKeyFingerprints(network.home);
    const hospitals = network.configs.map(({ hospital }) => hospital.id);
    expect([...fingerprints.keys()]).to.include.members([...hospitals, EXCHANGE]);
    // Two authorities, eleven identities and the IPFS node at least: it did look.
    for (const id of hospitals) expect(fingerprints.get(id)?.size ?? 0, id).to.be.at.least(14);
    expect(strayKeys(fingerprints)).to.deep.equal([]);
  });

  it('one that had strayed would be found', async () => {
    const home = await mkdtemp(join(tmpdir(), 'careledger-stray-'));
    try {
      const key = join('identities', 'peer', 'msp', 'keystore', 'key.pem');
      await cp(join(network.home, 'h1', key), join(home, 'h1', key));
      expect(strayKeys(privateKeyFingerprints(home))).to.deep.equal([]);
      await cp(join(network.home, 'h1', key), join(home, EXCHANGE, 'h1', 'root.pem'));
      expect(strayKeys(privateKeyFingerprints(home)).length).to.equal(1);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  });
});
