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

/** The same as it is told: of the present epoch also the recovery that closed it. @throws CareLedgerError IDENTITY_NOT_FOUND */
export async function describedIdentity(call: Call, name: string, keyEpoch?: number): Promise<Identity> {
  const identity = await readIdentity(call, name, keyEpoch);
  if (keyEpoch !== undefined) return identity;
  const closedBy = (await call.state.read(KEYS.identityEpoch, [name]))?.closedBy;
  return closedBy === undefined ? identity : { ...identity, closedBy };
}

export function identityAddress(name: string, keyEpoch: number): string[] {
  return [name, String(keyEpoch)];
}
