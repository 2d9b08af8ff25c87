/** Messages of a ceremony between the machine and the network: sealed to each recipient, opened from each sender. */
import { createHash } from 'node:crypto';
import {
  base64UrlToBytes,
  ceremonyMessageBlame,
  openCeremonyMessage,
  sealCeremonyMessage,
  type CeremonyIncoming,
  type CeremonyOutgoing,
} from '@careledger/crypto';
import type { Ceremony } from '@careledger/protocol';
import type { CeremonyTrouble, PostedMessage } from '../ports/ceremony-custody.js';

export interface OneTimePrivateKeys {
  /** X25519. */
  readonly encryption: Uint8Array;
  /** Ed25519. */
  readonly signing: Uint8Array;
}

export interface SealedRound {
  /** By recipient. */
  readonly messages: Readonly<Record<string, Uint8Array>>;
  readonly digests: Readonly<Record<string, string>>;
}

interface Place {
  readonly ceremony: Ceremony;
  readonly round: number;
  readonly self: string;
  readonly keys: OneTimePrivateKeys;
}

/** Seals a round for every other participant; the ledger takes no one-time key that is none. */
export async function sealRound(
  { ceremony, round, self, keys }: Place,
  { broadcast, direct }: CeremonyOutgoing,
): Promise<SealedRound> {
  const { ceremonyId, attempt, participants } = ceremony;
  const messages: Record<string, Uint8Array> = {};
  const digests: Record<string, string> = { [self]: digestOf(broadcast) };
  for (const recipient of participants.filter((mspId) => mspId !== self)) {
    const { sealed, digest } = await sealCeremonyMessage({
      address: { ceremonyId, attempt, round, from: self, to: recipient },
      recipientKey: keyOf(ceremony, recipient, 'encryptionKey'),
      signingKey: keys.signing,
      broadcast,
      direct: direct[recipient] ?? new Uint8Array(0),
    });
    messages[recipient] = sealed;
    digests[recipient] = digest;
  }
  return { messages, digests };
}

/** Opens the messages of a round; the first that cannot be what an honest sender sends names its sender. */
export async function openRound(
  place: Place,
  received: ReadonlyMap<string, PostedMessage>,
): Promise<CeremonyIncoming[] | CeremonyTrouble> {
  const opened: CeremonyIncoming[] = [];
  for (const [sender, posted] of received) {
    const message = await openOne(place, sender, posted);
    if ('accused' in message) return message;
    opened.push(message);
  }
  return opened;
}

async function openOne(
  { ceremony, round, self, keys }: Place,
  sender: string,
  { bytes, digest, broadcastDigest }: PostedMessage,
): Promise<CeremonyIncoming | (CeremonyTrouble & { readonly accused: string })> {
  const { ceremonyId, attempt } = ceremony;
  try {
    const message = await openCeremonyMessage({
      sealed: bytes,
      address: { ceremonyId, attempt, round, from: sender, to: self },
      digest,
      senderKey: keyOf(ceremony, sender, 'signingKey'),
      recipientPrivateKey: keys.encryption,
    });
    if (digestOf(message.broadcast) === broadcastDigest) return message;
    const detail = 'another part for all than the one that was posted';
    return { accused: sender, reason: 'EQUIVOCATION', round, detail };
  } catch (error) {
    const reason = ceremonyMessageBlame(error);
    if (reason === undefined) throw error;
    return { accused: sender, reason, round, detail: (error as Error).message };
  }
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function keyOf(ceremony: Ceremony, mspId: string, which: 'encryptionKey' | 'signingKey'): Uint8Array {
  const participant = ceremony.joined.find((joined) => joined.mspId === mspId);
  return base64UrlToBytes(participant?.[which] ?? '');
}
