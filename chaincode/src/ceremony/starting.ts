import { assertKeyBits } from '@careledger/crypto/core';
import {
  CareLedgerError,
  KEYS,
  MAX_KEY_HOLDERS,
  majorityOf,
  nextStatus,
  type Ceremony,
  type CeremonyScheme,
  type Consortium,
  type StartCeremony,
} from '@careledger/protocol';
import { asCoded, type KeySize } from '../aggregate/arithmetic.js';
import { CURRENT_KEY } from '../aggregate/reading.js';
import { assertActive, type Call } from '../shell/call.js';

/**
 * A ceremony that may begin now, with what follows from the key that there is.
 * @throws CareLedgerError CEREMONY_UNFINISHED, KEY_EXISTS, KEY_NOT_FOUND, MEMBER_NOT_ACTIVE, SCHEMA_VIOLATION
 */
export async function startedCeremony(
  call: Call,
  plan: StartCeremony,
  { consortium, keySize }: { readonly consortium: Consortium; readonly keySize: KeySize },
): Promise<Ceremony> {
  const before = await call.state.read(KEYS.ceremony, [plan.ceremonyId]);
  const status = nextStatus('ceremony', before?.status, 'start');
  assertSize(plan, keySize);
  const shared = await assertPossible(call, plan, consortium);
  const { holders, dealers = [] } = plan;
  return {
    ...plan,
    threshold: majorityOf(holders.length),
    status,
    attempt: 1,
    participants: [...new Set([...holders, ...dealers])],
    joined: [],
    faults: [],
    interruptions: [],
    ...shared,
    startedBy: call.caller,
    startedAt: call.at,
    txId: call.txId,
  };
}

/** Only a Paillier key has a size to choose. @throws CareLedgerError SCHEMA_VIOLATION */
function assertSize({ scheme, keyBits }: StartCeremony, keySize: KeySize): void {
  if ((scheme === 'paillier') !== (keyBits !== undefined)) {
    const expected = scheme === 'paillier' ? 'a size of the key' : 'no size: the curve has one';
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected, came: String(keyBits) });
  }
  if (keyBits === undefined) return;
  asCoded('SCHEMA_VIOLATION', () => {
    assertKeyBits(keyBits, keySize);
  });
}

/**
 * What has to hold when a ceremony starts, and again when one that had failed is resumed.
 * @throws CareLedgerError as `startedCeremony`
 */
export async function assertPossible(
  call: Call,
  plan: StartCeremony,
  consortium: Consortium,
): Promise<Pick<Ceremony, 'keyId' | 'epoch'>> {
  const unfinished = await call.state.read(KEYS.unfinishedCeremony, [plan.scheme]);
  if (unfinished !== undefined)
    throw new CareLedgerError('CEREMONY_UNFINISHED', { came: unfinished.ceremonyId });
  assertHeldByAll(consortium, plan.holders);
  const key = await keyInForce(call, plan.scheme);
  return plan.purpose === 'generate' ? generation(plan, key) : redistribution(plan, key, consortium);
}

/** The key of a scheme as far as ceremonies need it. */
interface PresentKey {
  readonly keyId: string;
  readonly keyBits?: number;
  readonly sharing: Pick<Ceremony, 'holders' | 'threshold' | 'epoch'>;
}

async function keyInForce(call: Call, scheme: CeremonyScheme): Promise<PresentKey | undefined> {
  if (scheme === 'paillier') {
    const key = await call.state.read(KEYS.aggregationKey, CURRENT_KEY);
    return key === undefined ? undefined : { ...key.publicKey, sharing: key.sharing };
  }
  const key = await call.state.read(KEYS.masterKey, CURRENT_KEY);
  return key === undefined ? undefined : { keyId: key.masterKey.keyId, sharing: key.sharing };
}

function generation(
  { dealers }: StartCeremony,
  key: PresentKey | undefined,
): Pick<Ceremony, 'keyId' | 'epoch'> {
  if (key !== undefined) throw new CareLedgerError('KEY_EXISTS', { came: key.keyId });
  if (dealers !== undefined)
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected: 'no dealers: nothing is shared yet' });
  return { epoch: 0 };
}

function redistribution(
  { dealers = [], keyBits }: StartCeremony,
  key: PresentKey | undefined,
  consortium: Consortium,
): Pick<Ceremony, 'keyId' | 'epoch'> {
  if (key === undefined) throw new CareLedgerError('KEY_NOT_FOUND');
  const { sharing, keyId } = key;
  if (keyBits !== key.keyBits) {
    const expected = `the size of the key, ${String(key.keyBits)} bits`;
    throw new CareLedgerError('SCHEMA_VIOLATION', { expected, came: String(keyBits) });
  }
  const stranger = dealers.find((mspId) => !sharing.holders.includes(mspId));
  if (stranger !== undefined || dealers.length < sharing.threshold) {
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      expected: `at least ${String(sharing.threshold)} of the present holders as dealers`,
      came: stranger ?? String(dealers.length),
    });
  }
  for (const dealer of dealers) assertActive(consortium, dealer);
  return { keyId, epoch: sharing.epoch + 1 };
}

/**
 * Every active member holds a share (as many as the arithmetic has points for), so that none encrypts rows under a key
 * in which it has no say; one that has left or is suspended gets none.
 * @throws CareLedgerError MEMBER_NOT_ACTIVE, SCHEMA_VIOLATION
 */
export function assertHeldByAll(consortium: Consortium, holders: readonly string[]): void {
  for (const holder of holders) assertActive(consortium, holder);
  const { activeMembers } = consortium;
  const needed = Math.min(activeMembers.length, MAX_KEY_HOLDERS);
  if (holders.length === needed) return;
  const without = activeMembers.filter((mspId) => !holders.includes(mspId));
  throw new CareLedgerError('SCHEMA_VIOLATION', {
    expected: `${String(needed)} active members as holders`,
    came: `a key without ${without.join(', ')}`,
  });
}
