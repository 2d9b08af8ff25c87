import { createDecipheriv, hkdfSync } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeParts, readKeyFile } from '@careledger/crypto';

const SUFFIX = '.sealed';
const NONCE_BYTES = 12;
const HEAD_BYTES = 1 + NONCE_BYTES;
const TAG_BYTES = 16;

/**
 * What somebody reads in a custody folder who has its passphrase: every sealed file by name. Written against the format
 * in `gateway/src/custody/sealing.ts`, not with its code, which gives no secret away.
 */
export async function openCustody(options: {
  readonly dir: string;
  readonly passphrase: string;
}): Promise<Map<string, Buffer>> {
  const { dir, passphrase } = options;
  const path = join(dir, 'master.key');
  const masterKey = await readKeyFile({ path, passphrase, label: 'careledger custody master key' });
  const names = (await readdir(dir)).filter((name) => name.endsWith(SUFFIX));
  const opened = new Map<string, Buffer>();
  for (const name of names) opened.set(name, openSealed(masterKey, name, await readFile(join(dir, name))));
  return opened;
}

/** A name is `kind-id`, and both may have hyphens: the kind is the prefix under which the file opens. */
function openSealed(masterKey: Uint8Array, name: string, sealed: Buffer): Buffer {
  for (let end = name.indexOf('-'); end > 0; end = name.indexOf('-', end + 1)) {
    const label = name.slice(0, end);
    const key = hkdfSync('sha256', masterKey, '', encodeParts('careledger/custody/v1', label), 32);
    const decipher = createDecipheriv('aes-256-gcm', new Uint8Array(key), sealed.subarray(1, HEAD_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(encodeParts('careledger/custody-sealed/v1', label, name));
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    const body = sealed.subarray(HEAD_BYTES, sealed.length - TAG_BYTES);
    try {
      return Buffer.concat([decipher.update(body), decipher.final()]);
    } catch {
      continue;
    }
  }
  throw new Error(`${name} does not open with the hospital's own passphrase`);
}
