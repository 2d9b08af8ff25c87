/**
 * This hospital as a holder of the identity master key: it gives its part of an identity's key to that identity and to
 * nobody else. Whoever asks for a hospital's name proves with its certificate to be that hospital; for a patient, whose
 * request any hospital relays, only the signature counts. Both sign with the key that the registration on this
 * hospital's own peer names, and both get the part sealed to the one-time key that they signed.
 */
import { keyRequestMessage, verifyPatientSignature } from '@careledger/crypto';
import {
  CareLedgerError,
  TIMESTAMP_WINDOW_MS,
  hospitalOf,
  validate,
  type Identity,
} from '@careledger/protocol';
import type { SharingCustody } from '../ports/sharing-custody.js';
import type { PeerRoute } from '../release/index.js';
import {
  KeyRequestSchema,
  PARTIAL_KEYS_PATH,
  type PartialKey,
  type SignedKeyRequest,
} from './extraction-protocol.js';
import type { SharingLedger } from './sharing-ledger.js';

export interface ExtractionAuthorityModules {
  readonly ledger: Pick<SharingLedger, 'mspId' | 'channel' | 'masterKey' | 'identity'>;
  readonly custody: Pick<SharingCustody, 'identityPartialKey'>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export class ExtractionAuthority {
  constructor(private readonly modules: ExtractionAuthorityModules) {}

  get route(): PeerRoute {
    return {
      path: PARTIAL_KEYS_PATH,
      handle: async (caller, body) => JSON.stringify(await this.give(caller, body)),
    };
  }

  /**
   * Of the present epoch, or of an earlier one: who follows in an identity, by the signature of the epoch before or by a
   * recovery that a majority approved, reads on what was sealed before. It signs with the present epoch's key; the key of
   * an earlier epoch asks for nothing any more, and that of an epoch which a recovery closed neither: whoever has the
   * lost key has no time between the recovery and the registration of the next epoch.
   * @param callerMspId the hospital that the client certificate proves
   * @throws CareLedgerError SCHEMA_VIOLATION, NOT_OWNER, TIMESTAMP_OUTSIDE_WINDOW, IDENTITY_NOT_FOUND,
   * IDENTITY_CLOSED, SIGNATURE_INVALID, NOT_READY, KEY_NOT_FOUND when this hospital holds no share
   */
  async give(callerMspId: string, body: unknown): Promise<PartialKey> {
    const { ledger, custody } = this.modules;
    const request = validate(KeyRequestSchema, body);
    const { name, keyEpoch } = request;
    const owner = hospitalOf(name);
    if (owner !== undefined && owner !== callerMspId)
      throw new CareLedgerError('NOT_OWNER', { expected: 'the hospital of the name', came: callerMspId });
    this.#assertFresh(request);
    const registered = await ledger.identity(name);
    if (registered === undefined || keyEpoch > registered.keyEpoch) {
      throw new CareLedgerError('IDENTITY_NOT_FOUND', {
        expected: 'a registered identity at the present epoch of its key, or an earlier one',
        came: `epoch ${String(keyEpoch)}`,
      });
    }
    if (registered.closedBy !== undefined) throw new CareLedgerError('IDENTITY_CLOSED', { came: name });
    this.#assertSigned(request, registered);
    const inForce = await ledger.masterKey();
    if (inForce === undefined)
      throw new CareLedgerError('NOT_READY', { message: 'The consortium has no identity master key yet.' });
    const { masterKey, sharing } = inForce;
    const oneTimeKey = bytes(request.oneTimeKey);
    const { keyId } = masterKey;
    const sealed = await custody.identityPartialKey({ keyId, sharing, name, keyEpoch, oneTimeKey });
    return {
      holder: ledger.mspId,
      keyId,
      sharingEpoch: sharing.epoch,
      sealed: Buffer.from(sealed).toString('base64url'),
    };
  }

  #assertFresh({ at }: SignedKeyRequest): void {
    if (Math.abs(this.modules.clock() - Date.parse(at)) <= TIMESTAMP_WINDOW_MS) return;
    throw new CareLedgerError('TIMESTAMP_OUTSIDE_WINDOW', {
      message: 'The request for the key was signed too long ago, or a clock is wrong.',
      expected: `at most ${String(TIMESTAMP_WINDOW_MS / 1_000)} seconds`,
    });
  }

  #assertSigned(request: SignedKeyRequest, { signingKey }: Identity): void {
    const { name, keyEpoch, at } = request;
    const { channel } = this.modules.ledger;
    try {
      verifyPatientSignature({
        publicKey: bytes(signingKey),
        message: keyRequestMessage({ channel, name, keyEpoch, oneTimeKey: bytes(request.oneTimeKey), at }),
        signature: bytes(request.signature),
      });
    } catch (cause) {
      throw new CareLedgerError('SIGNATURE_INVALID', {
        message: 'The request for the key is not signed by the identity’s registered key.',
        cause,
      });
    }
  }
}

function bytes(base64url: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64url, 'base64url'));
}
