/** What an administrator leaves out when starting a ceremony follows from what stands on the ledger. */
import { CareLedgerError, type StartCeremony } from '@careledger/protocol';
import type { CeremonyLedger } from './ceremony-ledger.js';

export interface StartRequest {
  readonly ceremonyId: string;
  readonly purpose: StartCeremony['purpose'];
  /** Default: every active member. */
  readonly holders?: readonly string[] | undefined;
}

/** @throws CareLedgerError KEY_NOT_FOUND when there is nothing to share anew */
export async function startPlan(
  { ceremonyId, purpose, holders }: StartRequest,
  { ledger, keyBits }: { readonly ledger: CeremonyLedger; readonly keyBits: number },
): Promise<StartCeremony> {
  const active = await ledger.activeMembers();
  const common = { ceremonyId, scheme: ledger.scheme, purpose, holders: [...(holders ?? active)] };
  const size = (bits: number) => (ledger.scheme === 'paillier' ? { keyBits: bits } : {});
  if (purpose === 'generate') return { ...common, ...size(keyBits) };
  const key = await ledger.key();
  if (key === undefined)
    throw new CareLedgerError('KEY_NOT_FOUND', { message: 'There is no key yet that could be shared anew.' });
  const { sharing } = key;
  // Those who stay deal, as many as are needed.
  const present = sharing.holders.filter((holder) => active.includes(holder));
  const staying = present.filter((holder) => common.holders.includes(holder));
  const dealers = [...new Set([...staying, ...present])].slice(0, sharing.threshold);
  return { ...common, ...size('publicKey' in key ? key.publicKey.keyBits : 0), dealers };
}
