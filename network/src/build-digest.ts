import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { NetworkError } from './errors.js';
import { REPOSITORY_DIRECTORY } from './home.js';

export const DEFAULT_CHAINCODE_DIRECTORY = join(REPOSITORY_DIRECTORY, 'chaincode');
/** What the chaincode process executes: itself, the packages it imports, and the versions of the rest. */
const PACKAGES = ['chaincode', 'protocol', 'crypto'];
const LOCK_FILE = 'package-lock.json';

/** Where the deployed chaincode lies: option, then CARELEDGER_CHAINCODE, then this repository's. */
export function resolveChaincodeDirectory(option?: string): string {
  return resolve(option ?? process.env['CARELEDGER_CHAINCODE'] ?? DEFAULT_CHAINCODE_DIRECTORY);
}

/**
 * SHA-256 over the names and contents of the chaincode's build: what members approve on the ledger, because
 * the package id of a chaincode that runs as a service says nothing about its code.
 */
export function buildDigest(chaincodeDirectory: string = resolveChaincodeDirectory()): string {
  const hash = createHash('sha256');
  for (const [name, file] of digestedFiles(chaincodeDirectory)) {
    const bytes = readFileSync(file);
    hash.update(`${name}\0${String(bytes.length)}\0`).update(bytes);
  }
  return hash.digest('hex');
}

function digestedFiles(chaincodeDirectory: string): [string, string][] {
  const isOurs = chaincodeDirectory === DEFAULT_CHAINCODE_DIRECTORY;
  const root = isOurs ? REPOSITORY_DIRECTORY : chaincodeDirectory;
  const folders = isOurs ? PACKAGES.map((name) => join(root, name, 'dist')) : [root];
  const files = folders.filter((folder) => existsSync(folder)).flatMap(javascriptFiles);
  if (files.length === 0 || !existsSync(join(chaincodeDirectory, 'package.json')))
    throw missing(chaincodeDirectory);
  const lock = join(root, LOCK_FILE);
  if (existsSync(lock)) files.push(lock);
  // Ordered by code unit, not by locale: the digest must not depend on who computes it.
  return files
    .map((file): [string, string] => [relative(root, file), file])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function javascriptFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return ['node_modules', 'test'].includes(entry.name) ? [] : javascriptFiles(path);
    return /(?<!\.test)\.[cm]?js$/.test(entry.name) ? [path] : [];
  });
}

function missing(chaincodeDirectory: string): NetworkError {
  return new NetworkError('NET_CHAINCODE_MISSING', {
    expected: `a built chaincode package in ${chaincodeDirectory}`,
    came: 'no compiled files',
    remedy: "run 'npm run build', or name another folder with --chaincode DIR or CARELEDGER_CHAINCODE",
  });
}
