import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE_DIRECTORY = resolve(dirname(fileURLToPath(import.meta.url)), '..');
export const REPOSITORY_DIRECTORY = resolve(PACKAGE_DIRECTORY, '..');
export const BUILDER_DIRECTORY = join(PACKAGE_DIRECTORY, 'builder');
export const TOOLS_DIRECTORY = join(PACKAGE_DIRECTORY, 'tools');
export const DEFAULT_TOPOLOGY_FILE = join(PACKAGE_DIRECTORY, 'consortium.yaml');

/** Where a network keeps everything: option, then CARELEDGER_HOME, then a folder of the work tree. */
export function resolveHome(option?: string): string {
  return resolve(
    option ?? process.env['CARELEDGER_HOME'] ?? join(REPOSITORY_DIRECTORY, '.careledger', 'fabric'),
  );
}

/** The folders of one hospital. All of it stays on the hospital's host; only `exchange` is handed round. */
export interface HospitalPaths {
  root: string;
  ca: string;
  identities: string;
  orderer: string;
  peer: string;
  ipfs: string;
  chaincode: string;
  gateway: string;
  genesis: string;
  logs: string;
  run: string;
  /** This hospital's public files. */
  exchange: string;
  /** Public files of every hospital, one folder each. */
  exchangeRoot: string;
}

export function hospitalPaths(home: string, hospitalId: string): HospitalPaths {
  const root = join(home, hospitalId);
  const exchangeRoot = join(home, 'exchange');
  return {
    root,
    ca: join(root, 'ca'),
    identities: join(root, 'identities'),
    orderer: join(root, 'orderer'),
    peer: join(root, 'peer'),
    ipfs: join(root, 'ipfs'),
    chaincode: join(root, 'chaincode'),
    gateway: join(root, 'gateway'),
    genesis: join(root, 'genesis'),
    logs: join(root, 'logs'),
    run: join(root, 'run'),
    exchange: join(exchangeRoot, hospitalId),
    exchangeRoot,
  };
}

/** Was this hospital ever started under this home? */
export function hasHospital(home: string, hospitalId: string): boolean {
  return existsSync(hospitalPaths(home, hospitalId).run);
}
