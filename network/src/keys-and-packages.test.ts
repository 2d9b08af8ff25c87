import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { buildDigest } from './build-digest.js';
import { NetworkError } from './errors.js';
import { writeFileAtomic } from './files.js';
import { privateKeyFingerprints } from './fingerprints.js';
import { tarGzip } from './tar.js';
import { parseBlockHeight } from './status.js';

describe('files of a hospital', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'careledger-files-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const newKey = (): string =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString();

  it('finds the same key in two folders, whatever form it has, and none among public files', () => {
    const key = newKey();
    for (const name of ['h1/identities', 'h2/deep/er', 'h3', 'exchange/h1'])
      mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, 'h1/identities/key.pem'), key);
    writeFileSync(join(folder, 'h2/deep/er/connection.json'), JSON.stringify({ client_key: key }));
    writeFileSync(join(folder, 'h3/key.pem'), newKey());
    writeFileSync(
      join(folder, 'exchange/h1/hospital.json'),
      '{"identityRoot":"-----BEGIN CERTIFICATE-----"}',
    );
    const found = privateKeyFingerprints(folder);
    expect([...(found.get('h1') ?? [])]).to.have.length(1);
    expect(found.get('h2')).to.deep.equal(found.get('h1'));
    expect(found.get('h3')).to.not.deep.equal(found.get('h1'));
    expect(found.get('exchange')?.size).to.equal(0);
  });

  it('sees the key of an IPFS node', () => {
    mkdirSync(join(folder, 'h1'));
    writeFileSync(join(folder, 'h1/config'), '{"Identity":{"PeerID":"12D3","PrivKey":"CAES"}}');
    expect(privateKeyFingerprints(folder).get('h1')).to.deep.equal(new Set(['ipfs:12D3']));
  });

  it('writes secrets for the owner only', () => {
    const file = join(folder, 'a', 'secret');
    writeFileAtomic(file, 'x');
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(statSync(join(folder, 'a')).mode & 0o777).to.equal(0o700);
  });

  it('makes the same archive from the same files, in the form tar knows', () => {
    const files = [{ name: 'metadata.json', content: Buffer.from('{}') }];
    expect(tarGzip(files)).to.deep.equal(tarGzip(files));
    const plain = gunzipSync(tarGzip(files));
    expect(plain.length % 512).to.equal(0);
    expect(plain.subarray(0, 13).toString()).to.equal('metadata.json');
    expect(plain.subarray(257, 262).toString()).to.equal('ustar');
    expect(tarGzip([{ name: 'metadata.json', content: Buffer.from('[]') }])).to.not.deep.equal(
      tarGzip(files),
    );
  });

  it('digests what the chaincode executes, and nothing else', () => {
    expect(() => buildDigest(folder)).to.throw(NetworkError, 'NET_CHAINCODE_MISSING');
    writeFileSync(join(folder, 'package.json'), '{}');
    writeFileSync(join(folder, 'index.js'), 'a');
    const digest = buildDigest(folder);
    writeFileSync(join(folder, 'index.test.js'), 'b');
    writeFileSync(join(folder, 'notes.txt'), 'c');
    expect(buildDigest(folder)).to.equal(digest);
    writeFileSync(join(folder, 'index.js'), 'A');
    expect(buildDigest(folder)).to.not.equal(digest);
  });

  it("reads the ledger's height from the peer's metrics", () => {
    const metrics =
      'ledger_blockchain_height{channel="other"} 3\nledger_blockchain_height{channel="careledger"} 14\n';
    expect(parseBlockHeight(metrics, 'careledger')).to.equal(14);
    expect(parseBlockHeight(metrics, 'absent')).to.equal(null);
  });
});
