/**
 * Questions to other hospitals' gateways over mutual TLS, with one connection kept to each. An answer has the form of an
 * answer or is none; whether it is true, the asker checks by what it proves.
 */
import { CareLedgerError, isErrorCode, validate, type ErrorCode } from '@careledger/protocol';
import type { Static, TSchema } from 'typebox';
import { unavailable, type PeerConnection, type PeerResponse } from '../release/peer-client.js';

export interface PeerQuestion<Schema extends TSchema> {
  readonly path: string;
  readonly body: object;
  readonly answer: Schema;
  readonly maxResponseBytes: number;
  /** For all attempts together. */
  readonly timeoutMs: number;
  /** The other's codes that mean the same here. Any other is about its house. */
  readonly passedOn: readonly ErrorCode[];
  readonly signal?: AbortSignal;
}

export interface PeerQuestions {
  /** @throws CareLedgerError PEER_GATEWAY_UNAVAILABLE, MEMBER_NOT_FOUND, and what is passed on */
  ask<Schema extends TSchema>(mspId: string, question: PeerQuestion<Schema>): Promise<Static<Schema>>;
  close(): void;
}

export interface PeerQuestionsModules {
  /** Reads a member's address from the ledger. */
  readonly gatewayUrl: (mspId: string) => Promise<string>;
  readonly connect: (member: { readonly mspId: string; readonly gatewayUrl: string }) => PeerConnection;
}

/** Connections are kept until they fail, because the member may have moved, or until `close`. */
export function createPeerQuestions({ gatewayUrl, connect }: PeerQuestionsModules): PeerQuestions {
  const connections = new Map<string, PeerConnection>();
  const drop = (mspId: string, connection: PeerConnection): void => {
    connection.close();
    if (connections.get(mspId) === connection) connections.delete(mspId);
  };
  const connectionTo = async (mspId: string): Promise<PeerConnection> => {
    const url = connections.has(mspId) ? '' : await gatewayUrl(mspId);
    // Another question may have connected while this one read the address.
    const connection = connections.get(mspId) ?? connect({ mspId, gatewayUrl: url });
    connections.set(mspId, connection);
    return connection;
  };
  return {
    async ask(mspId, { answer, passedOn, ...request }) {
      const connection = await connectionTo(mspId);
      const response = await connection.post(request).catch((error: unknown) => {
        drop(mspId, connection);
        throw error;
      });
      return answerOf(response, { mspId, answer, passedOn });
    },
    close: () => {
      for (const [mspId, connection] of [...connections]) drop(mspId, connection);
    },
  };
}

function answerOf<Schema extends TSchema>(
  { status, text }: PeerResponse,
  of: { readonly mspId: string; readonly answer: Schema; readonly passedOn: readonly ErrorCode[] },
): Static<Schema> {
  const document = parsed(text);
  if (status === 200) {
    try {
      return validate(of.answer, document);
    } catch (error) {
      throw unavailable(of, 'an answer that is none', error);
    }
  }
  const { code, detail } = (document ?? {}) as { readonly code?: unknown; readonly detail?: unknown };
  if (typeof code !== 'string' || !isErrorCode(code) || !of.passedOn.includes(code))
    throw unavailable(of, `HTTP ${String(status)}`);
  const said = typeof detail === 'string' ? `: ${detail.slice(0, 300)}` : '';
  throw new CareLedgerError(code, { message: `${of.mspId} answered${said}` });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
