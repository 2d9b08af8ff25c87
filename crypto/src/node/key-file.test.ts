import { expect } from 'chai';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectRejection } from '../test-support.js';
import { readKeyFile, writeKeyFile } from './key-file.js';

describe('key file', function () {
  this.timeout(20_000);

  const secret = Uint8Array.of(1, 2, 3);
  const passphrase = 'correct horse';
  const label = 'h1/record-key';
  let folder = '';
  let path = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'careledger-key-file-'));
    path = join(folder, 'key.json');
    await writeKeyFile({ path, secret, passphrase, label });
  });
  after(() => rm(folder, { recursive: true }));

  const changed = async (
    change: (file: Record<string, Record<string, unknown>>) => void,
  ): Promise<string> => {
    const file = JSON.parse(await readFile(path, 'utf8')) as Record<string, Record<string, unknown>>;
    change(file);
    const copy = join(folder, 'changed.json');
    await writeFile(copy, JSON.stringify(file));
    return copy;
  };

  it('gives the secret back, with mode 0600 and nothing left beside it', async () => {
    expect(await readKeyFile({ path, passphrase, label })).to.deep.equal(secret);
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
    expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).to.deep.equal([]);
    expect(await readFile(path, 'utf8')).to.not.contain(Buffer.from(secret).toString('base64url'));
  });

  it('replaces an existing file', async () => {
    const other = join(folder, 'other.json');
    await writeKeyFile({ path: other, secret, passphrase, label });
    await writeKeyFile({ path: other, secret: Uint8Array.of(9), passphrase, label });
    expect(await readKeyFile({ path: other, passphrase, label })).to.deep.equal(Uint8Array.of(9));
  });

  it('refuses a wrong passphrase, another label and every changed part', async () => {
    await expectRejection(
      'CRYPTO_AUTHENTICATION_FAILED',
      readKeyFile({ path, passphrase: 'wrong horse', label }),
      'key file',
    );
    await expectRejection(
      'CRYPTO_AUTHENTICATION_FAILED',
      readKeyFile({ path, passphrase, label: 'h2/record-key' }),
      'key file',
    );
    const flip = (text: unknown): string =>
      (String(text).startsWith('A') ? 'B' : 'A') + String(text).slice(1);
    const changes: Array<(file: Record<string, Record<string, unknown>>) => void> = [
      (file) => {
        file['ciphertext'] = flip(file['ciphertext']) as never;
      },
      (file) => {
        file['kdf']!['salt'] = flip(file['kdf']!['salt']);
      },
      (file) => {
        file['cipher']!['nonce'] = flip(file['cipher']!['nonce']);
      },
      (file) => {
        file['kdf']!['N'] = 2 ** 16;
      },
    ];
    for (const change of changes)
      await expectRejection(
        'CRYPTO_AUTHENTICATION_FAILED',
        readKeyFile({ path: await changed(change), passphrase, label }),
        'key file',
      );
  });

  it('refuses costs out of bounds, other versions and what is no key file', async () => {
    for (const [name, value] of [
      ['N', 2 ** 10],
      ['N', 2 ** 30],
      ['N', 40000],
      ['r', 1],
      ['p', 100],
      ['N', '32768'],
    ] as const) {
      const copy = await changed((file) => {
        file['kdf']![name] = value;
      });
      await expectRejection(
        'CRYPTO_UNSUPPORTED',
        readKeyFile({ path: copy, passphrase, label }),
        `kdf.${name}`,
      );
    }
    await expectRejection(
      'CRYPTO_UNSUPPORTED',
      readKeyFile({
        path: await changed((file) => {
          file['version'] = 2 as never;
        }),
        passphrase,
        label,
      }),
    );
    const junk = join(folder, 'junk.json');
    for (const text of ['', 'null', '[]', '{"format":1}', '{']) {
      await writeFile(junk, text);
      await expectRejection('CRYPTO_INVALID_INPUT', readKeyFile({ path: junk, passphrase, label }));
    }
  });

  it('refuses short passphrases, empty secrets and bad labels before writing', async () => {
    const target = join(folder, 'none.json');
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      writeKeyFile({ path: target, secret, passphrase: 'short', label }),
      'passphrase',
    );
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      writeKeyFile({ path: target, secret: new Uint8Array(0), passphrase, label }),
      'secret',
    );
    await expectRejection(
      'CRYPTO_INVALID_INPUT',
      writeKeyFile({ path: target, secret, passphrase, label: '' }),
      'label',
    );
    expect(await readdir(folder)).to.not.include('none.json');
  });

  it('a failed write leaves the old file and no temporary one', async () => {
    const missing = join(folder, 'absent', 'key.json');
    let code: unknown;
    try {
      await writeKeyFile({ path: missing, secret, passphrase, label });
    } catch (error) {
      code = (error as { code: unknown }).code;
    }
    expect(code).to.equal('ENOENT');
    expect(await readKeyFile({ path, passphrase, label })).to.deep.equal(secret);
  });
});
