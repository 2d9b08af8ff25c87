import {
  concatBytes,
  generateCeremonySigningKeys,
  generateHpkeKeyPair,
  hpkePublicKey,
  patientPublicKey as ed25519PublicKey,
} from '@careledger/crypto';
import { CareLedgerError, ObjectId, validate, type Ceremony } from '@careledger/protocol';
import type {
  CeremonyCustody,
  CeremonyPart,
  CeremonyTrouble,
  CeremonyView,
} from '../ports/ceremony-custody.js';
import {
  createCeremonyKinds,
  type CeremonyKindModules,
  type KindResult,
  type KindStep,
} from './ceremony-kinds.js';
import { openRound, sealRound, type OneTimePrivateKeys } from './ceremony-messages.js';
import { decodeCeremonyRecord, encodeCeremonyRecord, type CeremonyRecord } from './ceremony-record.js';
import { createQueues } from './queue.js';
import type { SealedFolder } from './sealed-folder.js';

const KEYS = 'ceremony-keys';
const PART = 'ceremony-part';
const KEY_BYTES = 32;

export interface CeremonyVaultModules extends CeremonyKindModules {
  readonly folder: SealedFolder;
}

/**
 * The custody's part in ceremonies: two sealed files for each, the one-time keys and what stands between two steps. The
 * second is replaced as a whole before anything of it is shown, so a crash leaves the round before or the round after.
 */
export function createCeremonyVault(modules: CeremonyVaultModules): CeremonyCustody {
  const { folder } = modules;
  const kinds = createCeremonyKinds(modules);
  const serially = createQueues();
  const keys = createOneTimeKeys(folder);
  /** As the files are, once read; written in the queue only. */
  const known = new Map<string, CeremonyRecord>();

  const stored = async (ceremonyId: string): Promise<CeremonyRecord | undefined> => {
    validate(ObjectId, ceremonyId);
    const bytes = await folder.read(PART, ceremonyId);
    return bytes === undefined ? undefined : decodeCeremonyRecord(bytes);
  };
  const record = async (ceremonyId: string): Promise<CeremonyRecord | undefined> => {
    const found = known.get(ceremonyId) ?? (await stored(ceremonyId));
    if (found !== undefined) known.set(ceremonyId, found);
    return found;
  };
  const save = async (ceremonyId: string, next: CeremonyRecord): Promise<CeremonyPart> => {
    await folder.write(PART, ceremonyId, encodeCeremonyRecord(next));
    known.set(ceremonyId, next);
    return partOf(next);
  };
  const erase = async (ceremonyId: string): Promise<void> => {
    validate(ObjectId, ceremonyId);
    await folder.remove(PART, ceremonyId);
    known.delete(ceremonyId);
    await keys.erase(ceremonyId);
  };
  /** Past the queue: a step takes minutes, and others ask for messages meanwhile. Files are replaced as a whole. */
  const lookUp = async (ceremonyId: string): Promise<CeremonyRecord | undefined> =>
    known.get(ceremonyId) ?? stored(ceremonyId);
  const advance = async (
    view: CeremonyView,
    before: CeremonyRecord | undefined,
    work: () => Promise<KindStep>,
  ): Promise<CeremonyPart | CeremonyTrouble> => {
    const next = await nextRecord(view, before, { ...modules, keys, work });
    return 'detail' in next ? next : save(view.ceremony.ceremonyId, next);
  };

  return Object.freeze<CeremonyCustody>({
    keys: (ceremonyId, attempt) =>
      serially(ceremonyId, async () => {
        validate(ObjectId, ceremonyId);
        const { encryption, signing } = await keys.of(ceremonyId, attempt);
        return { encryptionKey: hpkePublicKey(encryption), signingKey: ed25519PublicKey(signing) };
      }),
    part: async (ceremonyId) => {
      const found = await lookUp(ceremonyId);
      return found === undefined ? undefined : partOf(found);
    },
    begin: (view, signal) =>
      serially(view.ceremony.ceremonyId, async () => {
        const before = await record(view.ceremony.ceremonyId);
        if (before?.attempt === view.ceremony.attempt) return partOf(before);
        // A peer that is behind shows an attempt that has ended: going back would say other things in the same place.
        if (before !== undefined && before.attempt > view.ceremony.attempt) throw outOfTurn();
        return advance(view, undefined, () => kinds[view.ceremony.scheme].begin(view, signal));
      }),
    step: (view, received, signal) =>
      serially(view.ceremony.ceremonyId, async () => {
        const before = await record(view.ceremony.ceremonyId);
        if (before === undefined || before.attempt !== view.ceremony.attempt || before.result !== undefined)
          throw outOfTurn();
        const { state, round } = before;
        const { ceremonyId, attempt } = view.ceremony;
        const own = await keys.of(ceremonyId, attempt);
        const place = { ceremony: view.ceremony, round, self: modules.mspId, keys: own };
        const opened = await openRound(place, received);
        if ('detail' in opened) return opened;
        return advance(view, before, () => kinds[before.scheme].step(state, opened, signal));
      }),
    message: async ({ ceremonyId, attempt, round, recipient }) => {
      const found = await lookUp(ceremonyId);
      return found?.attempt === attempt ? found.outbox[String(round)]?.[recipient] : undefined;
    },
    adopt: (ceremonyId) =>
      serially(ceremonyId, async () => {
        const kept = await record(ceremonyId);
        if (kept?.share !== undefined) await kinds[kept.scheme].adopt(kept.share);
        await erase(ceremonyId);
      }),
    erase: (ceremonyId) => serially(ceremonyId, () => erase(ceremonyId)),
    kept: async () => [...new Set([...(await keys.ceremonies()), ...(await folder.list(PART))])],
  });
}

function partOf({ scheme, attempt, round, digests, progress, result }: CeremonyRecord): CeremonyPart {
  return { scheme, attempt, round, digests, progress, ...(result === undefined ? {} : { result }) };
}

function outOfTurn(): CareLedgerError {
  return new CareLedgerError('TRANSITION_NOT_ALLOWED', {
    message: 'This attempt of the ceremony has not begun here, or has ended.',
  });
}

interface OneTimeKeyFiles {
  of(ceremonyId: string, attempt: number): Promise<OneTimePrivateKeys>;
  erase(ceremonyId: string): Promise<void>;
  ceremonies(): Promise<string[]>;
}

/** One file for each attempt; making those of an attempt destroys those of the attempts before. */
function createOneTimeKeys(folder: SealedFolder): OneTimeKeyFiles {
  const idsOf = async (ceremonyId: string): Promise<string[]> =>
    (await folder.list(KEYS)).filter((id) => id.startsWith(`${ceremonyId}-`));
  const erase = async (ceremonyId: string): Promise<void> => {
    for (const id of await idsOf(ceremonyId)) await folder.remove(KEYS, id);
  };
  const make = async (ceremonyId: string, attempt: number, id: string): Promise<Uint8Array> => {
    const attempts = (await idsOf(ceremonyId)).map((kept) => Number(kept.split('-')[1]));
    if (attempts.some((kept) => kept > attempt)) throw outOfTurn();
    await erase(ceremonyId);
    const made = concatBytes(generateHpkeKeyPair().privateKey, generateCeremonySigningKeys().privateKey);
    await folder.write(KEYS, id, made);
    return made;
  };
  return {
    async of(ceremonyId, attempt) {
      const id = `${ceremonyId}-${String(attempt)}`;
      const stored = (await folder.read(KEYS, id)) ?? (await make(ceremonyId, attempt, id));
      return {
        encryption: stored.subarray(0, KEY_BYTES),
        signing: stored.subarray(KEY_BYTES, 2 * KEY_BYTES),
      };
    },
    erase,
    ceremonies: async () => (await folder.list(KEYS)).map((id) => id.split('-')[0] ?? ''),
  };
}

interface StepModules extends CeremonyVaultModules {
  readonly keys: OneTimeKeyFiles;
  readonly work: () => Promise<KindStep>;
}

/** Takes one step of the machine and seals what it says. Nothing is stored yet. */
async function nextRecord(
  { ceremony }: CeremonyView,
  before: CeremonyRecord | undefined,
  { mspId, keys, work }: StepModules,
): Promise<CeremonyRecord | CeremonyTrouble> {
  const step = await work();
  const { state, outgoing, progress, result, fault } = step;
  if (fault !== undefined) return troubleOf(fault);
  const { ceremonyId, attempt, scheme } = ceremony;
  if (result !== undefined) return endedRecord(ceremony, before, { ...step, result });
  if (outgoing === undefined) throw new TypeError('a step without messages, result or fault');
  const { round } = outgoing;
  const place = { ceremony, round, self: mspId, keys: await keys.of(ceremonyId, attempt) };
  const sealed = await sealRound(place, outgoing);
  const last = before === undefined ? undefined : { [before.round]: before.outbox[before.round] ?? {} };
  const outbox = { ...last, [round]: sealed.messages };
  return { scheme, attempt, round, state, digests: sealed.digests, outbox, progress };
}

/** The machine's secrets are gone but for the share; others may still need the messages of the round that ended it. */
function endedRecord(
  { attempt, scheme }: Ceremony,
  before: CeremonyRecord | undefined,
  { progress, result: { outcome, share } }: KindStep & { readonly result: KindResult },
): CeremonyRecord {
  const { round = 0, digests = {}, outbox = {} } = before ?? {};
  const state = new Uint8Array(0);
  const ended = { scheme, attempt, round, digests, outbox, progress, state, result: outcome };
  return share === undefined ? ended : { ...ended, share };
}

function troubleOf(fault: NonNullable<KindStep['fault']>): CeremonyTrouble {
  const { round, detail } = fault;
  return fault.accused === undefined
    ? { round, detail }
    : { accused: fault.accused, reason: fault.reason, round, detail };
}
