import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { configtxFor, MSP_FOLDER } from './configtx.js';
import type { HospitalContext } from './context.js';
import { awaitExchangeFile, type PublicHospital } from './exchange.js';
import { makePrivateDirectory, PUBLIC_FILE_MODE, writeFileAtomic } from './files.js';
import { verifyGenesis } from './genesis-check.js';
import { writeMspRoots } from './identities.js';
import { run } from './run.js';
import { toolPath } from './tools.js';
import { founderOf } from './topology.js';

export const GENESIS_FILE = 'genesis.block';
const PROFILE = 'Consortium';

/**
 * The channel's first block. The founder assembles it from public files; every other hospital checks that
 * it holds exactly the roots it knows before it joins. @returns the path of the hospital's own copy.
 */
export async function obtainGenesis(
  context: HospitalContext,
  hospitals: readonly PublicHospital[],
): Promise<string> {
  const own = join(context.paths.genesis, GENESIS_FILE);
  if (existsSync(own)) return own;
  const founder = founderOf(context.topology);
  const published = join(context.paths.exchange, GENESIS_FILE);
  if (founder.id === context.hospital.id && !existsSync(published))
    await assemble(context, hospitals, published);
  const block = readFileSync(await awaitExchangeFile(context, founder.id, GENESIS_FILE));
  verifyGenesis(block, hospitals);
  writeFileAtomic(own, block);
  return own;
}

async function assemble(
  context: HospitalContext,
  hospitals: readonly PublicHospital[],
  published: string,
): Promise<void> {
  const folder = join(context.paths.genesis, 'assembly');
  rmSync(folder, { recursive: true, force: true });
  makePrivateDirectory(folder);
  for (const hospital of hospitals) {
    const directory = join(folder, MSP_FOLDER, hospital.id);
    writeMspRoots(directory, hospital);
    writeFileAtomic(join(directory, 'orderer-identity.pem'), hospital.orderer.identity);
    writeFileAtomic(join(directory, 'orderer-tls.pem'), hospital.orderer.tlsCertificate);
  }
  const configtx = configtxFor(context.topology, hospitals, PROFILE);
  writeFileAtomic(join(folder, 'configtx.yaml'), stringify(configtx, { aliasDuplicateObjects: false }));
  const block = join(folder, GENESIS_FILE);
  await run(toolPath('configtxgen'), [
    '-profile',
    PROFILE,
    '-channelID',
    context.topology.channel,
    '-configPath',
    folder,
    '-outputBlock',
    block,
  ]);
  writeFileAtomic(published, readFileSync(block), PUBLIC_FILE_MODE);
}
