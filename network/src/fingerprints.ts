import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

const LARGEST_KEY_FILE_BYTES = 256 * 1024;
const PEM_PRIVATE_KEY = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]*?-----END \1PRIVATE KEY-----/g;

/**
 * Which private keys lie in which folder of a home: per folder (`h1`, ..., `exchange`) the fingerprints of
 * the keys' public halves. A test compares them: no two folders share one, and the exchange holds none.
 */
export function privateKeyFingerprints(home: string): Map<string, Set<string>> {
  const folders = existsSync(home)
    ? readdirSync(home, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    : [];
  return new Map(
    folders.map(({ name }) => [name, new Set(filesUnder(join(home, name)).flatMap(fingerprintsIn))]),
  );
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesUnder(path);
    return entry.isFile() ? [path] : [];
  });
}

function fingerprintsIn(file: string): string[] {
  const content = readIfSmall(file);
  if (content === undefined) return [];
  // In JSON a PEM block has its line ends written as \n.
  const text = content.toString('latin1').replaceAll('\\n', '\n');
  const found = [...text.matchAll(PEM_PRIVATE_KEY)].map(([pem]) => fingerprintOf(pem));
  const ipfs = /"PeerID":\s*"([^"]+)"[\s\S]*?"PrivKey":\s*"[^"]+"/.exec(text);
  if (ipfs?.[1] !== undefined) found.push(`ipfs:${ipfs[1]}`);
  if (basename(file) === 'IssuerSecretKey') found.push(`issuer:${sha256(content)}`);
  return found;
}

/** Ledgers write and remove files while we read: one that is gone holds no key. */
function readIfSmall(file: string): Buffer | undefined {
  try {
    return statSync(file).size > LARGEST_KEY_FILE_BYTES ? undefined : readFileSync(file);
  } catch {
    return undefined;
  }
}

function fingerprintOf(pem: string): string {
  try {
    const publicKey = createPublicKey(createPrivateKey(pem)).export({ type: 'spki', format: 'der' });
    return `spki:${sha256(publicKey)}`;
  } catch {
    // Encrypted, or of a kind that Node cannot read: the text itself still tells two of them apart.
    return `pem:${sha256(Buffer.from(pem))}`;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
