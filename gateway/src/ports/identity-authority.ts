import type { Role } from '@careledger/protocol';

/** The hospital's certificate authority, as far as enrolling staff goes. Adapters: `embedded`, `fabric-ca`. */
export interface IdentityAuthority {
  /**
   * Registers the enrolment id with its attributes (once) and signs the request.
   * The certificate carries `careledger.role` and `careledger.department` in Fabric CA's attribute extension
   * (OID 1.2.3.4.5.6.7.8.1, JSON `{"attrs":{...}}`) together with `hf.EnrollmentID`.
   * @returns PEM certificate. Errors: ALREADY_EXISTS when the id is enrolled with other attributes, LEDGER_UNAVAILABLE
   * when the CA does not answer.
   */
  enrol(staff: {
    readonly enrolmentId: string;
    readonly role: Role;
    readonly department?: string;
    readonly csrPem: string;
  }): Promise<string>;
}
