import type { Static } from 'typebox';
import { Instant, MspId, Pseudonym, closed, signedByPatient } from './common.js';

/** No transaction: a patient proves the pseudonym's key to the gateway of its hospital, which answers a short token. */
export const OpenSessionSchema = signedByPatient(
  closed({
    pseudonym: Pseudonym,
    /** The hospital asked: no other takes it. */
    mspId: MspId,
    at: Instant,
  }),
);
export type OpenSession = Static<typeof OpenSessionSchema>;
