import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { Registry } from 'prom-client';
import type { RecordType } from '@careledger/protocol';
import type { PatientSessions } from '../auth/patient-sessions.js';
import type { StaffService } from '../auth/staff-service.js';
import type { TokenIssuer } from '../auth/token-issuer.js';
import type { AuditService } from '../services/audit-service.js';
import type { StaffCaller } from '../services/caller.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { OpeningsService } from '../services/openings-service.js';
import type { PatientLogService } from '../services/patient-log.js';
import type { Disk } from '../services/disk.js';
import type { Readiness } from '../services/readiness.js';
import type { RecordsService } from '../services/records-service.js';
import type { ExtractionClient } from '../sharing/extraction-client.js';
import type { Forwards } from '../sharing/forwards.js';
import type { LinkCases } from '../sharing/link-cases.js';
import type { SignedGrants } from '../sharing/signed-grants.js';

export type Rest = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** `gateway/src/fhir`, as the routes use it. @throws CareLedgerError FHIR_INVALID */
export type SplitFhir = (resource: unknown) => readonly {
  readonly type: RecordType;
  readonly contentType: string;
  readonly content: Uint8Array;
}[];

/** `gateway/src/sharing`, as the routes use it. */
export interface SharingServices {
  readonly signedGrants: Pick<SignedGrants, 'grant' | 'renew' | 'putLabelKey' | 'returnLabelKey'>;
  readonly forwards: Pick<Forwards, 'forward' | 'renew'>;
  readonly extraction: Pick<ExtractionClient, 'relay'>;
  readonly linkCases: Pick<LinkCases, 'open' | 'conclude'>;
}

export interface RestServices {
  readonly contracts: ContractCaller;
  readonly records: RecordsService;
  readonly sharing: SharingServices;
  readonly openings: OpeningsService;
  readonly audit: AuditService;
  readonly staff: StaffService;
  readonly tokens: TokenIssuer;
  readonly patientSessions: PatientSessions;
  readonly patientLog: PatientLogService;
  /** The gateway itself: what a patient's session asks of the ledger is asked in its name. */
  readonly self: StaffCaller;
  readonly readiness: Readiness;
  readonly disk: Disk;
  readonly splitFhir: SplitFhir;
  readonly metrics: Registry;
}

/** Routes of one object; a new object is a file in `routes/` and a line in `server.ts`. */
export type Routes = (rest: Rest, services: RestServices) => void;
