import { Connection, type ConnectionOptions } from './connection.js';
import type { PseudonymKeys } from './patient-keys.js';
import { signRequest } from './signing.js';

/** How requests are sent. */
export type HttpOptions = Pick<ConnectionOptions, 'fetch' | 'timeoutMs'>;

/** Before a session's end a new one is opened. */
const SESSION_MARGIN_MS = 30_000;

/**
 * To the gateway of the pseudonym's hospital, signed in with the pseudonym's key, and anew before the session ends.
 * Requests throw GatewayError SIGNATURE_INVALID when the key is not, or no more, the pseudonym's.
 */
export function patientConnection(
  keys: Pick<PseudonymKeys, 'pseudonym' | 'mspId' | 'gatewayUrl' | 'channel' | 'signing'>,
  http: HttpOptions = {},
): Connection {
  const { pseudonym, mspId, gatewayUrl: url } = keys;
  let session: { readonly token: string; readonly untilMs: number } | undefined;
  const token = async (): Promise<string> => {
    if (session !== undefined && session.untilMs > Date.now()) return session.token;
    const args = { pseudonym, mspId, at: new Date().toISOString() };
    const opened = await new Connection({ url, ...http }).post<{
      readonly token: string;
      readonly expiresAt: string;
    }>('/v1/patient-sessions', signRequest(keys, 'sessions:Open', args));
    session = { token: opened.token, untilMs: Date.parse(opened.expiresAt) - SESSION_MARGIN_MS };
    return opened.token;
  };
  return new Connection({ url, token, ...http });
}
