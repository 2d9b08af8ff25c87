import { createPublicKey, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { CareLedgerError } from '@careledger/protocol';
import { decodeIdentity } from '../fabric-protocol/decode-block.js';
import { P256_ORDER, readDerSignature } from '../fabric-protocol/signature.js';

/** The consortium as the embedded ledger's first block names it. */
export interface MemberRoot {
  readonly mspId: string;
  /** PEM of the member's certificate authority. */
  readonly rootCertificate: string;
}

interface KnownCreator {
  readonly publicKey: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

const NODE_UNITS = ['client', 'peer', 'admin', 'orderer'];
const MAX_CACHED_CREATORS = 1_000;

/** Whom to believe: every check a peer makes of a proposal's creator. */
export class Membership {
  private readonly roots: ReadonlyMap<string, X509Certificate>;
  private readonly cache = new Map<string, KnownCreator>();

  constructor(members: readonly MemberRoot[]) {
    this.roots = new Map(
      members.map((member) => [member.mspId, new X509Certificate(member.rootCertificate)]),
    );
  }

  /**
   * The creator's certificate is of its member's root, valid at `nowMs`, carries one Fabric node unit (client, peer,
   * admin, orderer), and its P-256 key made this low-S signature over the message.
   * @throws CareLedgerError CALLER_UNKNOWN
   */
  verify(
    signed: { readonly creator: Uint8Array; readonly message: Uint8Array; readonly signature: Uint8Array },
    nowMs: number,
  ): void {
    const creator = this.known(signed.creator);
    if (nowMs < creator.notBeforeMs || nowMs > creator.notAfterMs)
      throw refused('the certificate has expired or is not yet valid');
    const signature = readDerSignature(signed.signature);
    if (signature === undefined || signature.s > P256_ORDER / 2n)
      throw refused('the signature is not DER with a low S');
    if (!verify('sha256', signed.message, creator.publicKey, signed.signature)) {
      throw refused('the signature is not of the certificate’s key');
    }
  }

  private known(creator: Uint8Array): KnownCreator {
    const cacheKey = Buffer.from(creator).toString('base64');
    const cached = this.cache.get(cacheKey);
    if (cached !== undefined) return cached;
    const checked = this.check(creator);
    if (this.cache.size >= MAX_CACHED_CREATORS) this.cache.clear();
    this.cache.set(cacheKey, checked);
    return checked;
  }

  private check(creator: Uint8Array): KnownCreator {
    const { mspId, certificate: pem } = decodeIdentity(creator);
    const root = this.roots.get(mspId);
    if (root === undefined) throw refused('the MSP id is of no member');
    const certificate = parseCertificate(pem);
    if (!certificate.checkIssued(root) || !certificate.verify(root.publicKey)) {
      throw refused('the certificate is not of the member’s authority');
    }
    if (certificate.ca || unitsOf(certificate).length !== 1) {
      throw refused('the certificate is not of a client, peer, admin or orderer');
    }
    const publicKey = createPublicKey(certificate.publicKey.export({ type: 'spki', format: 'pem' }));
    if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw refused('the key is not on P-256');
    return {
      publicKey,
      notBeforeMs: Date.parse(certificate.validFrom),
      notAfterMs: Date.parse(certificate.validTo),
    };
  }
}

function parseCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw refused('the certificate cannot be read', cause);
  }
}

function unitsOf(certificate: X509Certificate): string[] {
  const units = certificate.subject.split('\n').filter((part) => part.startsWith('OU='));
  return units.map((part) => part.slice('OU='.length)).filter((unit) => NODE_UNITS.includes(unit));
}

function refused(reason: string, cause?: unknown): CareLedgerError {
  return new CareLedgerError('CALLER_UNKNOWN', {
    message: `The ledger does not accept the caller: ${reason}.`,
    ...(cause === undefined ? {} : { cause }),
  });
}
