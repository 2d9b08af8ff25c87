import { X509Certificate } from 'node:crypto';

/** TLS root (or issuing) certificates of each member, PEM, by MSP id. */
export type MemberTlsRoots = ReadonlyMap<string, readonly string[]>;

export interface MemberCertificates {
  readonly roots: readonly string[];
  /** The member whose authority issued this certificate, if it is exactly one and the certificate is in force. */
  mspIdOf(certificate: X509Certificate, nowMs: number): string | undefined;
}

/**
 * Tells members apart by the authority that issued a TLS certificate; names inside the certificate say nothing, since
 * each authority writes what it likes. A certificate must be issued directly by one of the certificates given.
 * @throws TypeError when two members share an authority, or one has none: then nobody could be told apart.
 */
export function createMemberCertificates(members: MemberTlsRoots): MemberCertificates {
  const authorities = [...members].flatMap(([mspId, roots]) => {
    if (roots.length === 0) throw new TypeError(`no TLS root of ${mspId}`);
    return roots.map((pem) => ({ mspId, pem, certificate: new X509Certificate(pem) }));
  });
  assertApart(authorities);

  return {
    roots: authorities.map(({ pem }) => pem),
    mspIdOf(certificate, nowMs) {
      if (!isInForce(certificate, nowMs)) return undefined;
      const issuers = authorities.filter(({ certificate: authority }) => isIssuedBy(certificate, authority));
      const found = new Set(issuers.map(({ mspId }) => mspId));
      return found.size === 1 ? issuers[0]?.mspId : undefined;
    },
  };
}

function assertApart(
  authorities: readonly { readonly mspId: string; readonly certificate: X509Certificate }[],
): void {
  const ownerOfKey = new Map<string, string>();
  for (const { mspId, certificate } of authorities) {
    const key = certificate.publicKey.export({ type: 'spki', format: 'der' }).toString('hex');
    const other = ownerOfKey.get(key);
    if (other !== undefined && other !== mspId)
      throw new TypeError(`${other} and ${mspId} share a TLS authority`);
    ownerOfKey.set(key, mspId);
  }
}

/** An authority's own certificate is nobody's gateway. */
function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return !certificate.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

/** The handshake checks this too; a connection or session may outlive the certificate. */
function isInForce(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validFrom) <= nowMs && nowMs <= Date.parse(certificate.validTo);
}
