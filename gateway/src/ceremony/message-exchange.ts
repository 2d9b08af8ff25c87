/**
 * Messages of a ceremony between gateways, over the mutual TLS that releases use: whoever needs a message fetches it
 * from its sender, as soon as its digest stands on the ledger. Nothing has to be kept for others but the own messages,
 * and a gateway that was away asks for what it missed.
 *
 * A message is handed out when its recipient has posted its own digests of the round: nobody sees what others said
 * before it is bound to its own words.
 */
import {
  CareLedgerError,
  CeremonyRoundQuerySchema,
  closed,
  validate,
  type Ceremony,
} from '@careledger/protocol';
import { MAX_CEREMONY_MESSAGE_BYTES } from '@careledger/crypto';
import { Type } from 'typebox';
import type { CeremonyCustody } from '../ports/ceremony-custody.js';
import type { PeerConnection, PeerResponse, PeerRoute } from '../release/index.js';
import type { CeremonyLedger } from './ceremony-ledger.js';

export const CEREMONY_PATH = '/ceremony/v1';

const FETCH_LIMIT_MS = 15_000;
const MAX_ANSWER_BYTES = Math.ceil((MAX_CEREMONY_MESSAGE_BYTES * 4) / 3) + 1_024;
const AnswerSchema = closed({ message: Type.String({ pattern: '^[A-Za-z0-9_-]+$' }) });

/** Of which ceremony, attempt and round. */
export type MessagePlace = Pick<Ceremony, 'ceremonyId' | 'attempt'> & { readonly round: number };

/** What other participants' gateways may ask: the message of a round that is sealed to them. */
export function ceremonyRoute(modules: {
  readonly ledger: CeremonyLedger;
  readonly custody: Pick<CeremonyCustody, 'message'>;
}): PeerRoute {
  const { ledger, custody } = modules;
  return {
    path: CEREMONY_PATH,
    async handle(callerMspId, body) {
      const place = validate(CeremonyRoundQuerySchema, body);
      const ceremony = await ledger.get(place.ceremonyId);
      if (!ceremony.participants.includes(callerMspId))
        throw new CareLedgerError('NOT_OWNER', { expected: 'a participant', came: callerMspId });
      const message = await custody.message({ ...place, recipient: callerMspId });
      const isPresent = ceremony.attempt === place.attempt;
      const posts = isPresent ? await ledger.posts(ceremony, place.round) : new Map<string, unknown>();
      if (message === undefined || !posts.has(callerMspId) || !posts.has(ledger.mspId)) {
        throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
          expected: 'a round of the present attempt that both have posted',
          came: `attempt ${String(place.attempt)}, round ${String(place.round)}`,
        });
      }
      return JSON.stringify({ message: Buffer.from(message).toString('base64url') });
    },
  };
}

export interface MessageFetcher {
  /** @throws CareLedgerError PEER_GATEWAY_UNAVAILABLE */
  fetch(senderMspId: string, place: MessagePlace, signal: AbortSignal): Promise<Uint8Array>;
  close(): void;
}

/** Keeps one connection to each gateway until it fails or `close`. */
export function createMessageFetcher(modules: {
  readonly ledger: Pick<CeremonyLedger, 'gatewayUrl'>;
  readonly connect: (member: { readonly mspId: string; readonly gatewayUrl: string }) => PeerConnection;
}): MessageFetcher {
  const connections = new Map<string, PeerConnection>();
  const drop = (mspId: string): void => {
    connections.get(mspId)?.close();
    connections.delete(mspId);
  };
  const connectionTo = async (mspId: string): Promise<PeerConnection> => {
    const open = connections.get(mspId);
    if (open !== undefined) return open;
    const made = modules.connect({ mspId, gatewayUrl: await modules.ledger.gatewayUrl(mspId) });
    connections.set(mspId, made);
    return made;
  };
  const ask = async (mspId: string, place: MessagePlace, signal: AbortSignal): Promise<PeerResponse> => {
    const { ceremonyId, attempt, round } = place;
    const body = { ceremonyId, attempt, round };
    const limits = { maxResponseBytes: MAX_ANSWER_BYTES, timeoutMs: FETCH_LIMIT_MS };
    try {
      const connection = await connectionTo(mspId);
      return await connection.post({ path: CEREMONY_PATH, body, ...limits, signal });
    } catch (error) {
      // It may have moved: the next attempt reads its address again.
      drop(mspId);
      throw error;
    }
  };
  return {
    async fetch(senderMspId, place, signal) {
      const { status, text } = await ask(senderMspId, place, signal);
      const message = status === 200 ? messageOf(text) : undefined;
      if (message !== undefined) return message;
      throw new CareLedgerError('PEER_GATEWAY_UNAVAILABLE', {
        expected: `the message of ${senderMspId}`,
        came: status === 200 ? 'another answer' : `HTTP ${String(status)}`,
      });
    },
    close: () => {
      for (const mspId of [...connections.keys()]) drop(mspId);
    },
  };
}

function messageOf(text: string): Uint8Array | undefined {
  try {
    return new Uint8Array(Buffer.from(validate(AnswerSchema, JSON.parse(text)).message, 'base64url'));
  } catch {
    return undefined;
  }
}
