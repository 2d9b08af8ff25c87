/**
 * Asks the holders of the identity master key for their parts of an identity's key: for this hospital's own names, which
 * its custody then combines, and for patients, whose clients do it themselves and to whom this gateway only relays.
 */
import { keyRequestMessage } from '@careledger/crypto';
import { CareLedgerError, type ErrorCode, type Identity } from '@careledger/protocol';
import type { SharingCustody } from '../ports/sharing-custody.js';
import type { ExtractionAuthority } from './extraction-authority.js';
import {
  PARTIAL_KEYS_PATH,
  PartialKeySchema,
  type PartialKey,
  type SignedKeyRequest,
} from './extraction-protocol.js';
import type { PeerQuestions } from './peer-questions.js';
import type { MasterKeyInForce, SharingLedger } from './sharing-ledger.js';

export interface ExtractionClientModules {
  readonly ledger: Pick<SharingLedger, 'mspId' | 'channel' | 'masterKey'>;
  readonly custody: Pick<SharingCustody, 'hasIdentityKey' | 'extractionKey' | 'signAs' | 'adoptIdentityKey'>;
  readonly peers: Pick<PeerQuestions, 'ask'>;
  /** This hospital's own part. */
  readonly authority: Pick<ExtractionAuthority, 'give'>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Says whose part was wrong. */
  readonly tell: (text: string, details: Readonly<Record<string, unknown>>) => void;
}

/** Parts that came, and holders that gave none, each with the reason. */
export interface GatheredParts {
  readonly parts: PartialKey[];
  readonly missing: { holder: string; reason: string }[];
}

const ANSWER_BYTES = 8_192;
const DEFAULT_TIMEOUT_MS = 10_000;
const PASSED_ON: readonly ErrorCode[] = [
  'NOT_OWNER',
  'TIMESTAMP_OUTSIDE_WINDOW',
  'IDENTITY_NOT_FOUND',
  'IDENTITY_CLOSED',
  'SIGNATURE_INVALID',
  'NOT_READY',
  'KEY_NOT_FOUND',
  'RATE_LIMITED',
];

export class ExtractionClient {
  constructor(
    private readonly modules: ExtractionClientModules,
    private readonly timeoutMs: number = DEFAULT_TIMEOUT_MS,
  ) {}

  /** Extracts the key of one of this hospital's identities, unless its custody has it. */
  async ensureKey({ name, keyEpoch }: Pick<Identity, 'name' | 'keyEpoch'>): Promise<void> {
    const { ledger, custody, clock, tell } = this.modules;
    const of = { name, keyEpoch };
    if (await custody.hasIdentityKey(of)) return;
    const inForce = await this.#masterKey();
    const oneTimeKey = await custody.extractionKey(of);
    const at = new Date(clock()).toISOString();
    const message = keyRequestMessage({ channel: ledger.channel, ...of, oneTimeKey, at });
    const request = {
      ...of,
      oneTimeKey: text(oneTimeKey),
      at,
      signature: text(await custody.signAs(of, message)),
    };
    const { parts, missing } = await this.#gather(inForce, request);
    const partials = new Map(
      parts.map(({ holder, sealed }) => [holder, new Uint8Array(Buffer.from(sealed, 'base64url'))]),
    );
    try {
      const { bad } = await custody.adoptIdentityKey({ ...of, ...inForce, partials });
      if (bad.length > 0) tell('holders gave wrong parts of an identity’s key', { name, holders: bad });
    } catch (error) {
      const bad = error instanceof CareLedgerError ? error.extensions['bad'] : undefined;
      tell('an identity’s key could not be combined', { name, wrong: bad, missing });
      throw error;
    }
  }

  /**
   * Relays a patient's own request. Nothing here can open what comes back.
   * @throws CareLedgerError NOT_READY without a master key; what a holder refused when no part came at all
   */
  async relay(
    request: SignedKeyRequest,
  ): Promise<GatheredParts & Pick<MasterKeyInForce['sharing'], 'threshold'>> {
    const inForce = await this.#masterKey();
    return { ...(await this.#gather(inForce, request)), threshold: inForce.sharing.threshold };
  }

  async #masterKey(): Promise<MasterKeyInForce> {
    const inForce = await this.modules.ledger.masterKey();
    if (inForce !== undefined) return inForce;
    throw new CareLedgerError('NOT_READY', { message: 'The consortium has no identity master key yet.' });
  }

  async #gather({ masterKey, sharing }: MasterKeyInForce, request: SignedKeyRequest): Promise<GatheredParts> {
    const answers = await Promise.allSettled(sharing.holders.map((holder) => this.#ask(holder, request)));
    const parts: PartialKey[] = [];
    const missing: { holder: string; reason: string }[] = [];
    const refusals: unknown[] = [];
    for (const [index, answer] of answers.entries()) {
      const holder = sharing.holders[index] ?? '';
      if (answer.status === 'rejected') {
        refusals.push(answer.reason);
        missing.push({ holder, reason: codeOf(answer.reason) });
        continue;
      }
      const { value } = answer;
      const fits =
        value.holder === holder && value.keyId === masterKey.keyId && value.sharingEpoch === sharing.epoch;
      if (fits) parts.push(value);
      else missing.push({ holder, reason: 'another key, sharing or holder' });
    }
    if (parts.length === 0 && refusals.length > 0) throw refusals.find(isRefusal) ?? refusals[0];
    return { parts, missing };
  }

  #ask(holder: string, request: SignedKeyRequest): Promise<PartialKey> {
    const { ledger, authority, peers } = this.modules;
    if (holder === ledger.mspId) return authority.give(holder, request);
    return peers.ask(holder, {
      path: PARTIAL_KEYS_PATH,
      body: request,
      answer: PartialKeySchema,
      maxResponseBytes: ANSWER_BYTES,
      timeoutMs: this.timeoutMs,
      passedOn: PASSED_ON,
    });
  }
}

/** Who is away says nothing about the request. */
function isRefusal(error: unknown): boolean {
  return error instanceof CareLedgerError && error.code !== 'PEER_GATEWAY_UNAVAILABLE';
}

function codeOf(error: unknown): string {
  return error instanceof CareLedgerError ? error.code : 'INTERNAL';
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
