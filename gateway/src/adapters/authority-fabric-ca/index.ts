import { createPrivateKey, randomBytes } from 'node:crypto';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { RequestOptions } from 'node:https';
import FabricCAServices from 'fabric-ca-client';
import { CareLedgerError, DEPARTMENT_ATTRIBUTE, ROLE_ATTRIBUTE, type Role } from '@careledger/protocol';
import type { IdentityAuthority } from '../../ports/identity-authority.js';
import { publicKeyOfRequest } from '../authority-embedded/certificates.js';
import { signMessage } from '../fabric-protocol/signature.js';

export interface FabricCaAuthorityOptions {
  /** `https://host:port` */
  readonly url: string;
  /** Name of the authority that signs ledger identities. */
  readonly caName: string;
  /** PEM of the root of the CA server's own TLS certificate. */
  readonly tlsRootCertificate: string;
  /** May register clients with the attributes of CareLedger. */
  readonly registrar: { readonly certificate: string; readonly keyPem: string };
}

type Registrar = Parameters<FabricCAServices['register']>[1];
interface Attribute {
  readonly name: string;
  readonly value: string;
}

const UNLIMITED_ENROLMENTS = -1;
/** Words of Fabric CA 1.5: its client gives the answer's code and text as one string. */
const ALREADY_REGISTERED = /is already registered/;
const NOT_OF_STAFF = /does not have authority to act on type/;

/** The hospital's Fabric CA. Every enrolment is made under a secret of its own, which nobody keeps. */
export class FabricCaAuthority implements IdentityAuthority {
  private readonly services: FabricCAServices;
  private readonly registrar: Registrar;

  constructor(options: FabricCaAuthorityOptions) {
    const tls = { trustedRoots: [options.tlsRootCertificate], verify: true };
    this.services = new FabricCAServices(options.url, tls, options.caName);
    closeAfterEachRequest(this.services);
    this.registrar = new User(options.registrar) as unknown as Registrar;
  }

  async enrol(staff: {
    readonly enrolmentId: string;
    readonly role: Role;
    readonly department?: string;
    readonly csrPem: string;
  }): Promise<string> {
    const { enrolmentId, csrPem } = staff;
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(enrolmentId)) {
      throw new CareLedgerError('SCHEMA_VIOLATION', {
        expected: 'an enrolment id of letters, digits, dot, dash, underscore',
      });
    }
    if ((await publicKeyOfRequest(csrPem)) === undefined) {
      throw new CareLedgerError('SCHEMA_VIOLATION', {
        expected: 'a P-256 certificate request signed with its own key',
      });
    }
    const enrollmentSecret = randomBytes(24).toString('hex');
    try {
      await this.register(enrolmentId, attributesOf(staff), enrollmentSecret);
      const enrolled = await this.services.enroll({
        enrollmentID: enrolmentId,
        enrollmentSecret,
        csr: csrPem,
      });
      return enrolled.certificate;
    } catch (cause) {
      if (cause instanceof CareLedgerError) throw cause;
      throw new CareLedgerError('LEDGER_UNAVAILABLE', {
        message: 'The certificate authority did not enrol.',
        cause,
      });
    }
  }

  /** Registers the id under the secret, or gives an id that is registered with the same attributes the new secret. */
  private async register(
    enrollmentID: string,
    attributes: readonly Attribute[],
    enrollmentSecret: string,
  ): Promise<void> {
    const attrs = attributes.map((attribute) => ({ ...attribute, ecert: true }));
    const request = {
      enrollmentID,
      enrollmentSecret,
      role: 'client',
      affiliation: '',
      maxEnrollments: UNLIMITED_ENROLMENTS,
      attrs,
    };
    try {
      await this.services.register(request, this.registrar);
    } catch (error) {
      if (!ALREADY_REGISTERED.test(String(error))) throw error;
      const known = await this.registeredAttributes(enrollmentID);
      if (known === undefined || !isSame(known, attributes)) {
        throw new CareLedgerError('ALREADY_EXISTS', {
          came: 'an enrolment id that is enrolled with other attributes',
        });
      }
      const renewal = {
        enrollmentID,
        affiliation: '',
        enrollmentSecret,
        maxEnrollments: UNLIMITED_ENROLMENTS,
        caname: this.services.getCaName(),
      };
      await this.services.newIdentityService().update(enrollmentID, renewal, this.registrar);
    }
  }

  /** @returns undefined when the id is not one of staff: the registrar may not even read it. */
  private async registeredAttributes(enrollmentID: string): Promise<Attribute[] | undefined> {
    try {
      const answer = await this.services.newIdentityService().getOne(enrollmentID, this.registrar);
      return (answer.result as { attrs?: Attribute[] }).attrs ?? [];
    } catch (error) {
      if (NOT_OF_STAFF.test(String(error))) return undefined;
      throw error;
    }
  }
}

function attributesOf(staff: { readonly role: Role; readonly department?: string }): Attribute[] {
  const role = { name: ROLE_ATTRIBUTE, value: staff.role };
  return staff.department === undefined
    ? [role]
    : [role, { name: DEPARTMENT_ATTRIBUTE, value: staff.department }];
}

/** Fabric CA adds attributes of its own, all of which begin with `hf.`. */
function isSame(registered: readonly Attribute[], wanted: readonly Attribute[]): boolean {
  const own = registered.filter((attribute) => !attribute.name.startsWith('hf.'));
  return (
    own.length === wanted.length &&
    wanted.every(({ name, value }) => own.some((has) => has.name === name && has.value === value))
  );
}

/**
 * fabric-ca-client adds a listener for `timeout` to the socket with each request and never takes it away. On a connection
 * that Node keeps for the next request they pile up, and each of them fails a request that may be over.
 */
function closeAfterEachRequest(services: FabricCAServices): void {
  const { _fabricCAClient: client } = services as unknown as { readonly _fabricCAClient: CaClient };
  const httpClient = client._httpClient;
  client._httpClient = {
    request: (options, onResponse) => httpClient.request({ ...options, agent: false }, onResponse),
  };
}

/** The part of the client below `FabricCAServices` through which each of its requests goes; it has no option for it. */
interface CaClient {
  _httpClient: {
    request(options: RequestOptions, onResponse: (response: IncomingMessage) => void): ClientRequest;
  };
}

/**
 * What fabric-ca-client asks of a registrar: a certificate, a signature, and a class that is called `User`. Its own
 * comes from fabric-common, whose key store and elliptic-curve code are not needed here.
 */
class User {
  private readonly signingIdentity: {
    readonly _certificate: string;
    readonly sign: (text: string) => Buffer;
  };

  constructor(registrar: FabricCaAuthorityOptions['registrar']) {
    const key = createPrivateKey(registrar.keyPem);
    this.signingIdentity = {
      _certificate: registrar.certificate,
      sign: (text) => signMessage(key, Buffer.from(text)),
    };
  }

  getSigningIdentity(): unknown {
    return this.signingIdentity;
  }
}
