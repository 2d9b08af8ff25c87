import type { HospitalTopology } from './topology.js';

/** An identity that the hospital's CA gives out when the network starts. */
export interface IdentityPlan {
  /** Folder name. */
  name: IdentityName;
  /** Who the CA knows it as. Staff of the hospital are enrolled with the same CA: `admin` is one of them. */
  enrolmentId: string;
  authority: 'tls' | 'identity';
  /** Organisational unit in the certificate; Fabric's NodeOUs take the role from it. */
  type: 'admin' | 'peer' | 'orderer' | 'client';
  attributes: Record<string, string>;
  /** Addresses a TLS certificate is valid for. */
  hosts: string[];
}

export type IdentityName =
  | 'orderer'
  | 'peer'
  | 'admin'
  | 'gateway'
  | 'registrar'
  | 'orderer-tls'
  | 'peer-tls'
  | 'chaincode-tls'
  | 'chaincode-client-tls'
  | 'gateway-tls'
  | 'admin-tls';

/** Attributes that a staff member's certificate may carry; the contract reads them. */
export const STAFF_ATTRIBUTES = ['careledger.role', 'careledger.department'] as const;

/** The name a server goes by in its certificate, beside its address. */
export function serverAlias(hospital: HospitalTopology, server: string): string {
  return `${server}.${hospital.id}.careledger`;
}

export function serverHosts(hospital: HospitalTopology, server: string): string[] {
  return [...new Set([hospital.host, serverAlias(hospital, server), 'localhost', '127.0.0.1'])];
}

export function identitiesOf(hospital: HospitalTopology): IdentityPlan[] {
  const ledger = (
    name: IdentityName,
    type: IdentityPlan['type'],
    attributes: Record<string, string> = {},
  ): IdentityPlan => ({
    name,
    enrolmentId: name === 'admin' ? 'network-admin' : name,
    authority: 'identity',
    type,
    attributes,
    hosts: [],
  });
  const wire = (name: IdentityName, server: string): IdentityPlan => ({
    name,
    enrolmentId: name,
    authority: 'tls',
    type: 'client',
    attributes: {},
    hosts: serverHosts(hospital, server),
  });
  return [
    ledger('orderer', 'orderer'),
    ledger('peer', 'peer'),
    ledger('admin', 'admin'),
    // The CA adds hf.EnrollmentID to whom it registers; who stands in its configuration is given it here.
    ledger('gateway', 'client', { 'careledger.role': 'gateway:ecert', 'hf.EnrollmentID': 'gateway:ecert' }),
    ledger('registrar', 'client', {
      'hf.Registrar.Roles': 'client',
      'hf.Registrar.Attributes': STAFF_ATTRIBUTES.join(','),
      'hf.Revoker': 'true',
      'hf.GenCRL': 'true',
    }),
    wire('orderer-tls', 'orderer'),
    wire('peer-tls', 'peer'),
    wire('chaincode-tls', 'chaincode'),
    wire('chaincode-client-tls', 'peer'),
    wire('gateway-tls', 'gateway'),
    wire('admin-tls', 'admin'),
  ];
}
