import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedAuthority, EmbeddedLedger, type EmbeddedLedgerOptions } from '@careledger/gateway/adapters';

export const MSP_IDS = ['Hospital1MSP', 'Hospital2MSP', 'Hospital3MSP', 'Hospital4MSP'] as const;
export const CHANNEL = 'careledger';

/** Four hospitals' authorities and one ledger folder. */
export interface EmbeddedConsortium {
  readonly directory: string;
  authority(mspId: string): EmbeddedAuthority;
  open(options?: Partial<EmbeddedLedgerOptions>): Promise<EmbeddedLedger>;
  remove(): Promise<void>;
}

export async function makeConsortium(existing?: string): Promise<EmbeddedConsortium> {
  const directory = existing ?? (await mkdtemp(join(tmpdir(), 'careledger-conformance-')));
  const open = (mspId: string) =>
    EmbeddedAuthority.open({
      directory: join(directory, mspId),
      mspId,
      passphrase: 'a passphrase for tests',
    });
  const authorities = new Map(
    await Promise.all(MSP_IDS.map(async (mspId) => [mspId, await open(mspId)] as const)),
  );
  const authority = (mspId: string): EmbeddedAuthority => {
    const found = authorities.get(mspId as (typeof MSP_IDS)[number]);
    if (found === undefined) throw new Error(`no authority of ${mspId}`);
    return found;
  };
  const members = MSP_IDS.map((mspId) => ({
    mspId,
    rootCertificate: authority(mspId).rootCertificate,
    peer: authority(mspId).node('peer'),
  }));
  return {
    directory,
    authority,
    open: (options = {}) =>
      EmbeddedLedger.open({
        directory: join(directory, 'ledger'),
        channel: CHANNEL,
        members,
        orderer: authority(MSP_IDS[0]).node('orderer'),
        ...options,
      }),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
