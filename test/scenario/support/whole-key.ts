import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  publicKeyFromJson,
  sharingFromJson,
  thresholdShareFromJson,
  type PaillierPublicKey,
  type Sharing,
  type ThresholdPublicKeyJson,
  type ThresholdShare,
} from '@careledger/crypto';
import { factorFromShares, type KeySecrets } from '@careledger/crypto/testing';
import { expect } from 'chai';
import { ClassicLevel } from 'classic-level';
import { openCustody } from './opened-custody.js';
import {
  bytesOf,
  createSearch,
  formsOf,
  searchFolder,
  type SecretSearch,
  type Sighting,
} from './secret-search.js';

export interface HospitalOnDisk {
  readonly mspId: string;
  /** Everything that its processes keep. */
  readonly folder: string;
  readonly custody: { readonly dir: string; readonly passphrase: string };
}

export interface ConsortiumOnDisk {
  readonly hospitals: readonly HospitalOnDisk[];
  /** What they share: a ledger, an exchange of public files. */
  readonly shared: readonly string[];
  readonly key: ThresholdPublicKeyJson;
}

const TEST = { allowTestKeySize: true };
const SHARE_FILE = /^key-share-/;
/** State, messages and one-time keys of a ceremony. */
const CEREMONY_FILE = /^ceremony-/;
const ERASED_LIMIT_MS = 20_000;

/** Waits until every custody has put its share in place and erased what the ceremony needed. */
export async function untilCeremonyIsErased(dirs: readonly string[]): Promise<void> {
  const deadline = Date.now() + ERASED_LIMIT_MS;
  for (;;) {
    const names = (await Promise.all(dirs.map((dir) => readdir(dir)))).flat();
    const left = names.filter((name) => CEREMONY_FILE.test(name));
    const shares = names.filter((name) => SHARE_FILE.test(name));
    if (left.length === 0 && shares.length >= dirs.length) return;
    if (Date.now() > deadline)
      throw new Error(`still ${left.join(', ')}, and ${String(shares.length)} shares`);
    await pause(100);
  }
}

interface Opened {
  readonly publicKey: PaillierPublicKey;
  readonly sharing: Sharing;
  readonly secrets: KeySecrets;
  /** Files of each custody, opened. */
  readonly custodies: ReadonlyMap<string, ReadonlyMap<string, Buffer>>;
  readonly shares: readonly ThresholdShare[];
}

function sharesIn(custody: ReadonlyMap<string, Buffer>): ThresholdShare[] {
  return [...custody]
    .filter(([name]) => SHARE_FILE.test(name))
    .map(([, bytes]) => thresholdShareFromJson(JSON.parse(bytes.toString('utf8'))));
}

async function openAll({ hospitals, key }: ConsortiumOnDisk): Promise<Opened> {
  const publicKey = publicKeyFromJson(key.publicKey, TEST);
  const sharing = sharingFromJson(publicKey, key.sharing);
  const custodies = new Map<string, ReadonlyMap<string, Buffer>>();
  for (const { mspId, custody } of hospitals) custodies.set(mspId, await openCustody(custody));
  const shares = [...custodies.values()].flatMap(sharesIn);
  const secrets = factorFromShares({ n: publicKey.n, sharing, shares });
  if (secrets === undefined) throw new Error('all shares together do not factor n');
  return { publicKey, sharing, secrets, custodies, shares };
}

/** Everything that is anywhere, custodies opened with their hospital's passphrase. */
async function sightings(
  { hospitals, shared }: ConsortiumOnDisk,
  { custodies }: Opened,
  search: SecretSearch,
): Promise<Sighting[]> {
  const found: Sighting[] = [];
  for (const folder of [...hospitals.map((hospital) => hospital.folder), ...shared]) {
    const looked = await searchFolder(folder, search);
    expect(looked.files, `files in ${folder}`).to.be.above(0);
    found.push(...looked.sightings);
  }
  for (const [mspId, files] of custodies)
    for (const [name, bytes] of files) found.push(...search(`${mspId} ${name}`, bytes));
  return found;
}

function majorities<T>(items: readonly T[], size: number): T[][] {
  if (size === 0) return [[]];
  return items.flatMap((item, index) =>
    majorities(items.slice(index + 1), size - 1).map((rest) => [item, ...rest]),
  );
}

/**
 * No process holds the key whole: what a majority of custodies makes of it is nowhere on disk. To be called inside a
 * `describe`, with a consortium whose key is active and whose ceremony has ended.
 */
export function itHoldsNoWholeKey(consortium: () => ConsortiumOnDisk): void {
  let opened: Opened;
  let wanted: SecretSearch;

  before(async () => {
    opened = await openAll(consortium());
    const { p, q, phi, lambda, exponent } = opened.secrets;
    const secrets = { p, q, phi, lambda, 'F(0)': exponent };
    wanted = createSearch({ secrets, known: [opened.publicKey.n] });
  });

  it('each custody holds one share, its own, and every majority of them is the key', () => {
    const { publicKey, sharing, shares, secrets, custodies } = opened;
    for (const [mspId, files] of custodies)
      expect(sharesIn(files).map(({ holder, keyId, epoch }) => [holder, keyId, epoch])).to.deep.equal([
        [mspId, publicKey.keyId, sharing.epoch],
      ]);
    expect(secrets.p * secrets.q).to.equal(publicKey.n);
    const { n } = publicKey;
    for (const chosen of majorities(shares, sharing.threshold))
      expect(factorFromShares({ n, sharing, shares: chosen })?.phi).to.equal(secrets.phi);
    for (const chosen of majorities(shares, sharing.threshold - 1))
      expect(factorFromShares({ n, sharing, shares: chosen })).to.equal(undefined);
  });

  it('the search finds each number in each form, in a file, across two pieces of one, and in a database', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'careledger-planted-'));
    try {
      const { p, q, phi, lambda, exponent } = opened.secrets;
      const planted = Object.entries({ p, q, phi, lambda, 'F(0)': exponent });
      for (const [secret, value] of planted)
        for (const [form, bytes] of formsOf(value)) {
          const path = join(folder, 'file');
          await writeFile(path, Buffer.concat([Buffer.from('..'), bytes, Buffer.from('..')]));
          const { sightings: seen } = await searchFolder(folder, wanted);
          expect(seen, `${secret} as ${form}`).to.deep.include({ secret, form, where: path });
        }
      await rm(join(folder, 'file'));
      expect((await searchFolder(folder, wanted)).sightings).to.deep.equal([]);

      const long = Buffer.alloc(16 * 1_048_576 + 100);
      bytesOf(p).copy(long, 16 * 1_048_576 - 5);
      await writeFile(join(folder, 'long'), long);
      expect((await searchFolder(folder, wanted)).sightings.map(({ secret }) => secret)).to.include('p');
      await rm(join(folder, 'long'));

      await mkdir(join(folder, 'tables'));
      const database = new ClassicLevel<string, string>(join(folder, 'tables', 'rows'));
      for (let row = 0; row < 200; row++)
        await database.put(`row ${String(row)}`, JSON.stringify({ q: (q + BigInt(row)).toString(10) }));
      await database.compactRange('', '~');
      await database.close();
      const { sightings: rows, databases } = await searchFolder(folder, wanted);
      expect(databases).to.deep.equal([join(folder, 'tables', 'rows')]);
      const place = rows.filter(({ secret, where }) => secret === 'q' && where.endsWith('entry row 0'));
      expect(place.map(({ form }) => form)).to.include('decimal');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('n itself is no sighting, and n is everywhere: the search did look', async () => {
    const { publicKey } = opened;
    const looked = await sightings(
      consortium(),
      opened,
      createSearch({ secrets: { n: publicKey.n }, known: [] }),
    );
    expect(looked.length).to.be.above(0);
    expect(wanted('n', Buffer.concat([...formsOf(publicKey.n).values()]))).to.deep.equal([]);
  });

  it('p, q, phi, lambda and F(0) are in no file, database or opened custody of any hospital, nor on the ledger', async () => {
    expect(await sightings(consortium(), opened, wanted)).to.deep.equal([]);
  });

  it('each share is in its own hospital’s custody alone, once it is opened', async () => {
    const secrets = Object.fromEntries(opened.shares.map(({ holder, value }) => [holder, value]));
    const found = await sightings(consortium(), opened, createSearch({ secrets, known: [] }));
    const places = new Set(
      found.map(({ secret, where }) => `${secret}: ${where.replace(/-[0-9a-f]{64}.*/, '')}`),
    );
    const expected = consortium().hospitals.map(({ mspId }) => `${mspId}: ${mspId} key-share`);
    expect([...places].sort()).to.deep.equal(expected.sort());
  });
}
