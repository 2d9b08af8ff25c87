import 'reflect-metadata';
import {
  createPrivateKey,
  createPublicKey,
  webcrypto,
  X509Certificate as NodeCertificate,
} from 'node:crypto';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { ...ALGORITHM, hash: 'SHA-256' } as const;
/** Fabric CA dates certificates back as much, for clocks that are behind. */
const BACKDATED_MS = 5 * 60_000;
const DAY_MS = 86_400_000;
/** Fabric CA's attribute extension; its value is JSON. */
const ATTRIBUTES_OID = '1.2.3.4.5.6.7.8.1';

/** A key and its certificate, as they are kept. */
export interface KeyAndCertificate {
  /** PKCS#8 PEM. */
  readonly keyPem: string;
  readonly certificatePem: string;
}

export interface Authority extends KeyAndCertificate {
  readonly mspId: string;
}

export interface LeafOptions {
  readonly commonName: string;
  /** Fabric node unit. Absent: a TLS certificate, which must never pass for a ledger identity. */
  readonly unit?: 'client' | 'peer' | 'orderer';
  readonly attributes?: Readonly<Record<string, string>>;
  /** DNS names and IP addresses of a TLS certificate. */
  readonly hosts?: readonly string[];
  readonly publicKey: x509.PublicKey | webcrypto.CryptoKey;
  readonly nowMs: number;
  readonly validDays: number;
}

x509.cryptoProvider.set(webcrypto);

export async function makeRoot(options: {
  mspId: string;
  commonName: string;
  nowMs: number;
}): Promise<KeyAndCertificate> {
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: makeSerial(),
    name: nameOf([{ CN: [options.commonName] }, { O: [options.mspId] }]),
    notBefore: new Date(options.nowMs - BACKDATED_MS),
    notAfter: new Date(options.nowMs + 15 * 365 * DAY_MS),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { keyPem: await exportKey(keys.privateKey), certificatePem: pemOf(certificate) };
}

/** Signs a certificate for a public key; answers PEM. */
export async function issue(authority: Authority, leaf: LeafOptions): Promise<string> {
  const root = new x509.X509Certificate(authority.certificatePem);
  const units = leaf.unit === undefined ? [] : [{ OU: [leaf.unit] }];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: makeSerial(),
    subject: nameOf([{ CN: [leaf.commonName] }, ...units, { O: [authority.mspId] }]),
    issuer: root.subjectName,
    notBefore: new Date(leaf.nowMs - BACKDATED_MS),
    notAfter: new Date(leaf.nowMs + leaf.validDays * DAY_MS),
    publicKey: leaf.publicKey,
    signingKey: await importKey(authority.keyPem),
    signingAlgorithm: SIGNING,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(leaf.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(root.publicKey),
      ...(leaf.hosts === undefined ? signerExtensions(leaf) : tlsExtensions(leaf.hosts)),
    ],
  });
  return pemOf(certificate);
}

/** Makes a key and has it certified. */
export async function issueWithKey(
  authority: Authority,
  leaf: Omit<LeafOptions, 'publicKey'>,
): Promise<KeyAndCertificate> {
  const keys = await makeKeys();
  const certificatePem = await issue(authority, { ...leaf, publicKey: keys.publicKey });
  return { keyPem: await exportKey(keys.privateKey), certificatePem };
}

/** The public key of a P-256 request whose own signature is right, or undefined. */
export async function publicKeyOfRequest(csrPem: string): Promise<x509.PublicKey | undefined> {
  try {
    const request = new x509.Pkcs10CertificateRequest(csrPem);
    const key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' });
    const isP256 = key.asymmetricKeyDetails?.namedCurve === 'prime256v1';
    return isP256 && (await request.verify()) ? request.publicKey : undefined;
  } catch {
    return undefined;
  }
}

export function isCurrent(certificatePem: string, nowMs: number): boolean {
  return Date.parse(new NodeCertificate(certificatePem).validTo) > nowMs;
}

function signerExtensions(leaf: LeafOptions): x509.Extension[] {
  const usage = new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true);
  if (leaf.attributes === undefined) return [usage];
  const value = new Uint8Array(Buffer.from(JSON.stringify({ attrs: leaf.attributes })));
  return [usage, new x509.Extension(ATTRIBUTES_OID, false, value)];
}

function tlsExtensions(hosts: readonly string[]): x509.Extension[] {
  const names = hosts.map((host) => ({ type: isIpAddress(host) ? 'ip' : 'dns', value: host }) as const);
  return [
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
    new x509.SubjectAlternativeNameExtension(names),
  ];
}

function isIpAddress(host: string): boolean {
  return /^[0-9.]+$/.test(host) || host.includes(':');
}

function nameOf(parts: x509.JsonName): string {
  return new x509.Name(parts).toString();
}

/** 128 random bits, positive. */
function makeSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign']);
}

function pemOf(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`;
}
