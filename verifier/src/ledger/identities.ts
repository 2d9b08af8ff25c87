import { createPublicKey, verify, X509Certificate, type KeyObject } from 'node:crypto';
import { fingerprintOf } from './channel.js';
import type { Identity, Signed } from './transaction.js';

/** Fabric's node units; a certificate of a ledger identity carries exactly one. */
const UNITS = ['client', 'peer', 'admin', 'orderer'] as const;
export type Unit = (typeof UNITS)[number];

/** Who signed, as a report names it. */
export interface Signer {
  readonly mspId: string;
  /** Common name of the certificate: the enrolment id. */
  readonly name: string;
  /** SHA-256 of the certificate. */
  readonly certificate: string;
}

export interface KnownIdentity {
  readonly signer: Signer;
  readonly unit: Unit;
  readonly publicKey: KeyObject;
}

/** Order of the base point of NIST P-256 (SEC 2, secp256r1). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const MAX_CHAIN = 4;

/** The identities of one configuration: certificates that chain to their member's authorities. */
export class Identities {
  private readonly authorities: ReadonlyMap<string, readonly X509Certificate[]>;
  private readonly known = new Map<string, KnownIdentity | undefined>();

  /** @param members certificates of the authorities by MSP id, PEM; those that cannot be read vouch for nobody */
  constructor(members: ReadonlyMap<string, readonly string[]>) {
    this.authorities = new Map(
      [...members].map(([mspId, pems]) => [mspId, pems.flatMap((pem) => parse(pem) ?? [])]),
    );
  }

  get mspIds(): string[] {
    return [...this.authorities.keys()];
  }

  /** Undefined unless the certificate is of its member's authority, a node unit's, and on P-256. */
  find(identity: Identity): KnownIdentity | undefined {
    const cacheKey = `${identity.mspId}\n${identity.certificate}`;
    if (this.known.has(cacheKey)) return this.known.get(cacheKey);
    const found = this.check(identity);
    this.known.set(cacheKey, found);
    return found;
  }

  /** The identity, if it is known and made this signature: ECDSA over SHA-256, DER with low S, as Fabric demands. */
  signerOf({ identity, message, signature }: Signed): KnownIdentity | undefined {
    const known = this.find(identity);
    if (known === undefined || !hasLowS(signature)) return undefined;
    return verify('sha256', message, known.publicKey, signature) ? known : undefined;
  }

  private check({ mspId, certificate: pem }: Identity): KnownIdentity | undefined {
    const certificate = parse(pem);
    const fingerprint = fingerprintOf(pem);
    if (certificate === undefined || fingerprint === undefined || certificate.ca) return undefined;
    if (!this.isIssued(mspId, certificate, MAX_CHAIN)) return undefined;
    const units = partsOf(certificate, 'OU').filter((unit): unit is Unit => UNITS.includes(unit as Unit));
    const [unit] = units;
    const publicKey = createPublicKey(certificate.publicKey.export({ type: 'spki', format: 'pem' }));
    const isP256 = publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1';
    if (unit === undefined || units.length !== 1 || !isP256) return undefined;
    const [name = ''] = partsOf(certificate, 'CN');
    return { signer: { mspId, name, certificate: fingerprint }, unit, publicKey };
  }

  /** By a root, or by an intermediate that is issued in turn. */
  private isIssued(mspId: string, certificate: X509Certificate, depth: number): boolean {
    const issuers = (this.authorities.get(mspId) ?? []).filter(
      (authority) =>
        authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
    );
    return issuers.some(
      (issuer) => isSelfSigned(issuer) || (depth > 1 && this.isIssued(mspId, issuer, depth - 1)),
    );
  }
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
}

function parse(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

function partsOf(certificate: X509Certificate, name: string): string[] {
  return (
    certificate.subject
      // Line feeds between the parts, ' + ' between the values of one; a plus sign in a value is escaped.
      .split(/\n| \+ /)
      .flatMap((part) => (part.startsWith(`${name}=`) ? [part.slice(name.length + 1)] : []))
  );
}

/** The other of the two values of S makes a second signature of the same message; Fabric takes the low one only. */
function hasLowS(der: Uint8Array): boolean {
  const rLength = der[3] ?? 0;
  const sLength = der[5 + rLength] ?? 0;
  const s = der.subarray(6 + rLength, 6 + rLength + sLength);
  return s.length > 0 && BigInt(`0x${Buffer.from(s).toString('hex')}`) <= P256_ORDER / 2n;
}
