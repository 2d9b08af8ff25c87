import { CareLedgerError, KEYS, type Identity } from '@careledger/protocol';
import type { Call } from '../shell/call.js';

/**
 * An identity at its present epoch, or at the one asked for.
 * @throws CareLedgerError IDENTITY_NOT_FOUND
 */
export async function readIdentity(call: Call, name: string, keyEpoch?: number): Promise<Identity> {
  const epoch = keyEpoch ?? (await call.state.read(KEYS.identityEpoch, [name]))?.keyEpoch;
  const identity =
    epoch === undefined ? undefined : await call.state.read(KEYS.identity, identityAddress(name, epoch));
  if (identity === undefined) throw new CareLedgerError('IDENTITY_NOT_FOUND', { came: name });
  return identity;
}

export function identityAddress(name: string, keyEpoch: number): string[] {
  return [name, String(keyEpoch)];
}
