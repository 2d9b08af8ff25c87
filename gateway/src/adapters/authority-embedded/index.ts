import { createPrivateKey } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { readKeyFile, writeKeyFile } from '@careledger/crypto';
import { CareLedgerError, DEPARTMENT_ATTRIBUTE, ROLE_ATTRIBUTE, type Role } from '@careledger/protocol';
import type { IdentityAuthority } from '../../ports/identity-authority.js';
import { signMessage } from '../fabric-protocol/signature.js';
import type { NodeIdentity } from '../ledger-embedded/index.js';
import {
  issue,
  issueWithKey,
  makeRoot,
  publicKeyOfRequest,
  type Authority,
  type KeyAndCertificate,
} from './certificates.js';
import { Registry } from './registry.js';

export interface EmbeddedAuthorityOptions {
  /** Folder of the sealed keys and of the register of enrolments, made when absent. */
  readonly directory: string;
  readonly mspId: string;
  /** Seals the keys (scrypt and AES-256-GCM). At least 8 bytes. */
  readonly passphrase: string;
  /** Validity of staff certificates. Default 365. */
  readonly validDays?: number;
  readonly clock?: () => number;
}

/** What the sealed file holds: two roots, so that a TLS certificate can never pass for a ledger identity. */
interface Keys {
  readonly identityRoot: KeyAndCertificate;
  readonly tlsRoot: KeyAndCertificate;
  readonly peer: KeyAndCertificate;
  readonly orderer: KeyAndCertificate;
}

const LABEL = 'careledger-embedded-authority';
const NODE_VALID_DAYS = 15 * 365 - 1;

/** One hospital's certificate authority for the embedded mode, with the identities of its embedded peer and orderer. */
export class EmbeddedAuthority implements IdentityAuthority {
  readonly mspId: string;

  private constructor(
    private readonly options: EmbeddedAuthorityOptions,
    private readonly keys: Keys,
    private readonly registry: Registry,
  ) {
    this.mspId = options.mspId;
  }

  /** @throws CareLedgerError CUSTODY_LOCKED when the sealed keys do not open under the passphrase. */
  static async open(options: EmbeddedAuthorityOptions): Promise<EmbeddedAuthority> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const keys = await openKeys(options);
    const registry = await Registry.open(join(options.directory, 'enrolments.json'));
    return new EmbeddedAuthority(options, keys, registry);
  }

  /** PEM: whom the ledger believes for this member. */
  get rootCertificate(): string {
    return this.keys.identityRoot.certificatePem;
  }

  /** PEM: whom other gateways believe for this member's mutual TLS. */
  get tlsRootCertificate(): string {
    return this.keys.tlsRoot.certificatePem;
  }

  /** The member's peer, or its orderer, in the embedded ledger. */
  node(kind: 'peer' | 'orderer'): NodeIdentity {
    const { keyPem, certificatePem } = this.keys[kind];
    const key = createPrivateKey(keyPem);
    return {
      mspId: this.mspId,
      certificate: certificatePem,
      signMessage: (message) => signMessage(key, message),
    };
  }

  async enrol(staff: {
    readonly enrolmentId: string;
    readonly role: Role;
    readonly department?: string;
    readonly csrPem: string;
  }): Promise<string> {
    const { enrolmentId, role, department } = staff;
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(enrolmentId)) {
      throw new CareLedgerError('SCHEMA_VIOLATION', {
        expected: 'an enrolment id of letters, digits, dot, dash, underscore',
      });
    }
    const publicKey = await publicKeyOfRequest(staff.csrPem);
    if (publicKey === undefined) {
      throw new CareLedgerError('SCHEMA_VIOLATION', {
        expected: 'a P-256 certificate request signed with its own key',
      });
    }
    const attributes = {
      'hf.Affiliation': '',
      'hf.EnrollmentID': enrolmentId,
      'hf.Type': 'client',
      [ROLE_ATTRIBUTE]: role,
      ...(department === undefined ? {} : { [DEPARTMENT_ATTRIBUTE]: department }),
    };
    await this.registry.register(enrolmentId, attributes);
    const validDays = this.options.validDays ?? 365;
    return issue(this.authority('identityRoot'), {
      commonName: enrolmentId,
      unit: 'client',
      attributes,
      publicKey,
      nowMs: this.now(),
      validDays,
    });
  }

  /** A new key and certificate for mutual TLS between gateways; `hosts` are DNS names and IP addresses. */
  async issueTls(options: {
    readonly commonName: string;
    readonly hosts: readonly string[];
  }): Promise<KeyAndCertificate> {
    return issueWithKey(this.authority('tlsRoot'), { ...options, nowMs: this.now(), validDays: 365 });
  }

  private authority(root: 'identityRoot' | 'tlsRoot'): Authority {
    return { mspId: this.mspId, ...this.keys[root] };
  }

  private now(): number {
    return this.options.clock?.() ?? Date.now();
  }
}

async function openKeys(options: EmbeddedAuthorityOptions): Promise<Keys> {
  const { mspId, passphrase, clock = Date.now } = options;
  const file = { path: join(options.directory, 'authority.key'), passphrase, label: LABEL };
  try {
    if (existsSync(file.path))
      return JSON.parse(Buffer.from(await readKeyFile(file)).toString('utf8')) as Keys;
    const keys = await makeKeys(mspId, clock());
    await writeKeyFile({ ...file, secret: Buffer.from(JSON.stringify(keys)) });
    return keys;
  } catch (cause) {
    throw new CareLedgerError('CUSTODY_LOCKED', { cause });
  }
}

async function makeKeys(mspId: string, nowMs: number): Promise<Keys> {
  const identityRoot = await makeRoot({ mspId, commonName: `ca.${mspId}`, nowMs });
  const authority = { mspId, ...identityRoot };
  const node = (unit: 'peer' | 'orderer') =>
    issueWithKey(authority, { commonName: `${unit}.${mspId}`, unit, nowMs, validDays: NODE_VALID_DAYS });
  return {
    identityRoot,
    tlsRoot: await makeRoot({ mspId, commonName: `tlsca.${mspId}`, nowMs }),
    peer: await node('peer'),
    orderer: await node('orderer'),
  };
}
