import { ROLES, type Role } from '@careledger/protocol';

/** Who may use which routes. The contracts check again; here it saves a transaction that would be refused. */
export const ANYONE: readonly Role[] = ROLES;
export const ADMINISTRATION: readonly Role[] = ['admin'];
/** Those who treat or keep the files of patients, and so put records and relay what patients signed. */
export const CARE: readonly Role[] = ['clinician', 'officer'];
export const RELAY: readonly Role[] = ['clinician', 'officer', 'gateway'];
/** The roles that the decision function lets open records at all. */
export const OPENING: readonly Role[] = ['clinician', 'researcher', 'officer'];
/** Those who take evidence away to check it elsewhere. */
export const AUDIT: readonly Role[] = ['auditor', 'officer', 'admin'];
export const DATA_OFFICE: readonly Role[] = ['officer', 'admin'];
/** Those who look at people's papers. */
export const OFFICE: readonly Role[] = ['officer'];
