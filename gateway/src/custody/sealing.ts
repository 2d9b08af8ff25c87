/**
 * Sealing under the custody's master key M (32 random bytes).
 *
 *   key(label)   = HKDF-SHA-256(M, salt = empty, info = encodeParts('careledger/custody/v1', label), 32)    RFC 5869
 *   sealed       = 0x01 || nonce(12, random) || AES-256-GCM(key(label), nonce, aad, plaintext) || tag(16)
 *   aad          = encodeParts('careledger/custody-sealed/v1', label, name)
 *
 * Label and name are authenticated, so a file or row that was put in another's place does not open. What an older
 * version of the same file holds cannot be told from the newest: somebody who can write the disk can roll it back.
 * A key per label keeps each far below the 2^32 random nonces of NIST SP 800-38D.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { encodeParts } from '@careledger/crypto';
import { CareLedgerError } from '@careledger/protocol';

export const MASTER_KEY_BYTES = 32;
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = 1 + NONCE_BYTES;

export interface SealedFor {
  readonly label: string;
  readonly name: string;
}

/** Holds the master key in a closure: nothing of it can be printed, serialised or enumerated. */
export interface Sealing {
  seal(target: SealedFor, plaintext: Uint8Array): Uint8Array;
  /** @throws CareLedgerError CUSTODY_LOCKED */
  open(target: SealedFor, sealed: Uint8Array): Uint8Array;
  /** HMAC-SHA-256, 32 bytes. */
  mac(label: string, data: Uint8Array): Uint8Array;
}

export function createSealing(masterKey: Uint8Array): Sealing {
  const keyFor = (label: string): Uint8Array =>
    new Uint8Array(hkdfSync('sha256', masterKey, '', encodeParts('careledger/custody/v1', label), 32));

  return Object.freeze({
    seal(target: SealedFor, plaintext: Uint8Array): Uint8Array {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyFor(target.label), nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(associatedData(target));
      const body = [cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
      return new Uint8Array(Buffer.concat([Buffer.of(VERSION), nonce, ...body]));
    },

    open(target: SealedFor, sealed: Uint8Array): Uint8Array {
      if (sealed.length < HEAD_BYTES + TAG_BYTES || sealed[0] !== VERSION) throw damaged(target);
      const nonce = sealed.subarray(1, HEAD_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', keyFor(target.label), nonce, {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(associatedData(target));
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      try {
        const body = sealed.subarray(HEAD_BYTES, sealed.length - TAG_BYTES);
        return new Uint8Array(Buffer.concat([decipher.update(body), decipher.final()]));
      } catch {
        throw damaged(target);
      }
    },

    mac(label: string, data: Uint8Array): Uint8Array {
      return new Uint8Array(createHmac('sha256', keyFor(label)).update(data).digest());
    },
  });
}

function associatedData({ label, name }: SealedFor): Uint8Array {
  return encodeParts('careledger/custody-sealed/v1', label, name);
}

function damaged({ label }: SealedFor): CareLedgerError {
  return new CareLedgerError('CUSTODY_LOCKED', {
    message: 'What the custody sealed does not open: it was changed, moved, or belongs to another custody.',
    expected: `bytes sealed as ${label.slice(0, 60)}`,
  });
}
