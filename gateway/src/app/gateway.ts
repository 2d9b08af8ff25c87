import { setMaxListeners } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { callerOf } from '../auth/certificate.js';
import { createPatientSessions, type SessionNonceRow } from '../auth/patient-sessions.js';
import { createSignInAttempts } from '../auth/sign-in-attempts.js';
import { createStaffService, type StaffRow } from '../auth/staff-service.js';
import { createTokenIssuer } from '../auth/token-issuer.js';
import { splitFhir } from '../fhir/index.js';
import type { IdentityAuthority } from '../ports/identity-authority.js';
import type { KeyCustody } from '../ports/key-custody.js';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import { createMetrics, type GatewayMetrics } from '../rest/metrics.js';
import { evidenceRoutes } from '../rest/routes/evidence.js';
import { createRest } from '../rest/server.js';
import { DEFAULT_RELEASE_LIMITS, type PeerRoute } from '../release/index.js';
import type { Rest, RestServices, Routes } from '../rest/types.js';
import { createAuditService } from '../services/audit-service.js';
import { createContractCaller } from '../services/contract-caller.js';
import { openLocalTables, type LocalTables } from '../services/local-tables.js';
import { createOpeningsService } from '../services/openings-service.js';
import { createPatientLog } from '../services/patient-log.js';
import { createDisk } from '../services/disk.js';
import { createReadiness } from '../services/readiness.js';
import { createRecipientKeys, type RecipientKeyRow } from '../services/recipient-keys.js';
import { createRecordsService, type SensitivityRow } from '../services/records-service.js';
import { discardUnfinished, type UnfinishedObject } from '../services/unfinished-batches.js';
import { ensureAdministrator } from './first-administrator.js';
import { keepJoined } from './joining.js';
import { limitsOf, type GatewayLimits, type GatewayOptions } from './options.js';
import { pause } from './pause.js';
import type { ReleaseListener, ReleaseModule } from './release-module.js';
import type { PositionRow } from './positions.js';
import {
  replicate,
  type KeptModules,
  type KeptObject,
  type KeptRecord,
  type ReplicationRow,
} from './replication.js';
import { careForRecords } from './record-care.js';
import { createErasureExchange, type ErasureExchange } from './erasure-exchange.js';
import { createSharingExchange, type SharingExchange } from './sharing-exchange.js';
import { serviceIdentity, type EnrolledIdentity } from './service-identity.js';
import {
  createSharedRecords,
  type BadProxyObserver,
  type SharedRecords,
  type SharingModules,
} from './shared-records.js';

/** What a gateway runs on. It closes none of it but what it opened itself: the caller may share a ledger. */
export interface GatewayModules {
  readonly ledger: Ledger;
  readonly store: RecordStore;
  readonly custody: KeyCustody;
  readonly authority: IdentityAuthority;
  readonly release: ReleaseModule;
  /** Absent: records are shared by release alone. */
  readonly sharing?: SharingModules;
  /** Absent: the gateway enrols itself with the authority at its first start. */
  readonly enrolledIdentity?: EnrolledIdentity;
  /** Another part of the gateway, such as panels and queries. Called once, with the assembled services. */
  readonly extend?: (services: GatewayServices, modules: GatewayModules) => GatewayExtension;
}

export interface GatewayExtension {
  readonly routes?: readonly Routes[];
  /** What other hospitals' gateways may ask besides releases. */
  readonly peerRoutes?: readonly PeerRoute[];
  /** Runs beside the gateway until the signal aborts. */
  readonly run?: (signal: AbortSignal, log: ExtensionLog) => Promise<void>;
}

/** Logs a failure of what is named. */
export type Logged = (what: string) => (error: unknown) => void;

export interface ExtensionLog {
  readonly failed: Logged;
  /** Says what happened, for whoever reads the log; never a secret. */
  readonly told: (text: string, details: Readonly<Record<string, unknown>>) => void;
}

export interface GatewayServices extends RestServices {
  readonly tables: LocalTables;
  /** The gateway's own identity, for what it does in the hospital's name. */
  readonly identity: SigningIdentity;
}

export interface Gateway {
  readonly mspId: string;
  /** `http://host:port` */
  readonly restUrl: string;
  /** `https://host:port`, for other gateways. */
  readonly releaseUrl: string;
  readonly services: GatewayServices;
  readonly rest: Rest;
  /** Resolves when the gateway is ready, or after `limits.startTimeoutMs` without being it. */
  whenReady(): Promise<boolean>;
  /** Answers what has begun, then lets go of everything that the gateway opened. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Assembles and starts one hospital's gateway. It answers when this resolves; `whenReady` says when it may write.
 * @throws CareLedgerError CUSTODY_LOCKED, CALLER_UNKNOWN, LEDGER_UNAVAILABLE when the authority does not answer.
 */
export async function createGateway(options: GatewayOptions, modules: GatewayModules): Promise<Gateway> {
  const limits = limitsOf(options);
  await mkdir(options.dataDir, { recursive: true, mode: 0o700 });
  const tables = await openLocalTables({ path: join(options.dataDir, 'tables') }, modules);
  const stopping = new AbortController();
  // Each part of the work in the background waits for it, in several places.
  setMaxListeners(MOST_WAITING, stopping.signal);
  const opened: (() => Promise<unknown>)[] = [() => tables.close()];
  const stopAll = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close();
  };
  try {
    const metrics = createMetrics(options.hospital);
    // The log comes with the REST server, which comes with the services.
    let logBadProxy: BadProxyObserver = () => undefined;
    const onBadProxy: BadProxyObserver = (proxy) => {
      metrics.observeBadProxy(proxy.mspId);
      logBadProxy(proxy);
    };
    const { services, shared, exchange, erasure } = await assemble(options, limits, {
      ...modules,
      tables,
      metrics,
      onBadProxy,
    });
    opened.push(() => shared.close());
    opened.push(() => {
      erasure.close();
      return Promise.resolve();
    });
    const extension = modules.extend?.(services, modules) ?? {};
    const { routes = [], peerRoutes = [] } = extension;
    const rest = await createRest(restOptions(options, limits), {
      services,
      metrics,
      routes: [evidenceRoutes(modules), ...routes],
    });
    logBadProxy = (proxy) => {
      rest.log.warn(proxy, 'a proxy gave no partials that verify');
    };
    const listener = await modules.release.listen({
      ...modules,
      identity: services.identity,
      erasureKeys: erasure.keys,
      routes: [...peerRoutes, ...shared.peerRoutes, ...exchange.peerRoutes, ...erasure.peerRoutes],
      onDefect: (error) => {
        rest.log.error({ err: error }, 'release failed');
      },
    });
    opened.push(() => listener.close());
    const restUrl = await rest.listen(options.rest);
    opened.push(() => rest.close());
    const background = runInBackground(
      options,
      { ...modules, services, shared, listener, rest, extension, exchange, erasure },
      stopping.signal,
    );
    opened.push(async () => {
      stopping.abort();
      await background;
    });
    return {
      mspId: options.hospital.mspId,
      restUrl,
      releaseUrl: listener.url,
      services,
      rest,
      whenReady: () => waitUntilReady(services, limits, stopping.signal),
      stop: async () => {
        services.readiness.notReady('NOT_READY', 'The gateway is stopping.');
        await stopAll();
      },
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function assemble(
  options: GatewayOptions,
  limits: GatewayLimits,
  modules: GatewayModules & {
    readonly tables: LocalTables;
    readonly metrics: GatewayMetrics;
    readonly onBadProxy: BadProxyObserver;
  },
): Promise<{
  readonly services: GatewayServices;
  readonly shared: SharedRecords;
  readonly exchange: SharingExchange;
  readonly erasure: ErasureExchange;
}> {
  const { ledger, store, custody, authority, tables, metrics, release } = modules;
  const { mspId } = options.hospital;
  const { storeConcurrency, maxOpeningBytes, maxFhirResources } = limits;
  const enrolled = modules.enrolledIdentity === undefined ? {} : { enrolled: modules.enrolledIdentity };
  const { enrolmentId, identity } = await serviceIdentity({ mspId, ...enrolled }, modules);
  const contracts = createContractCaller(ledger, metrics.observeTransaction);
  // From the configuration, not from the ledger: anybody may send a token that names any issuer.
  const isMember = (candidate: string): boolean => options.members.includes(candidate);
  const tokens = await createTokenIssuer(
    { mspId, lifetimeMs: limits.tokenLifetimeMs },
    { custody, isMember },
  );
  const attempts = createSignInAttempts({
    maxFailures: limits.maxSignInFailures,
    windowMs: limits.signInWindowMs,
    maxTracked: 10_000,
    now: () => performance.now(),
  });
  const staffTable = tables.table<StaffRow>('staff');
  const staff = createStaffService(
    { serviceEnrolmentId: enrolmentId },
    { custody, authority, table: staffTable, tokens, attempts },
  );
  await ensureAdministrator(options, staff);
  const recipientKeys = createRecipientKeys({
    custody,
    table: tables.table<RecipientKeyRow>('recipient-keys'),
  });
  const shared = await createSharedRecords({
    ...modules,
    sharing: modules.sharing,
    mspId,
    dataDir: options.dataDir,
    storeConcurrency,
    contracts,
    identity,
    onBadProxy: modules.onBadProxy,
    observeStage: metrics.observeStage,
  });
  const erasure = createErasureExchange({ custody, contracts, identity, release });
  const erasureKeys = erasure.keys;
  const unfinished = tables.table<UnfinishedObject>('unfinished');
  const sensitivities = tables.table<SensitivityRow>('sensitivities');
  const exchange = createSharingExchange({
    ledger,
    release,
    custody,
    contracts,
    identity,
    tables,
    staff,
    metrics: metrics.registry,
  });
  const services: GatewayServices = {
    contracts,
    sharing: exchange.services,
    records: createRecordsService(
      { mspId, storeConcurrency },
      { contracts, store, custody, unfinished, sensitivities, sharer: shared.sharer, erasureKeys },
    ),
    openings: createOpeningsService(
      { mspId, storeConcurrency, maxOpeningBytes, repeatWindowMs: DEFAULT_RELEASE_LIMITS.repeatWindowMs },
      {
        contracts,
        store,
        custody,
        recipientKeys,
        requestRelease: release.request,
        openShared: shared.openShared,
        erasureKeys,
        observeStage: metrics.observeStage,
      },
    ),
    audit: createAuditService({ contracts }),
    staff,
    tokens,
    patientSessions: createPatientSessions(
      { mspId, channel: ledger.channel, maxNonces: 10_000, maxNoncesPerPatient: 100, clock: Date.now },
      { contracts, identity, tokens, nonces: tables.table<SessionNonceRow>('session-nonces') },
    ),
    patientLog: createPatientLog({ contracts }),
    self: { ...callerOf(identity), identity },
    readiness: createReadiness(),
    disk: createDisk(options.dataDir),
    splitFhir: (document) => splitFhir(document, { maxResources: maxFhirResources }),
    metrics: metrics.registry,
    tables,
    identity,
  };
  return { services, shared, exchange, erasure };
}

function restOptions(options: GatewayOptions, limits: GatewayLimits): Parameters<typeof createRest>[0] {
  const { bodyLimitBytes, maxInFlight, requestTimeoutMs, handlerTimeoutMs } = limits;
  const log = options.log ?? { level: 'info' };
  return {
    hospitalName: options.hospital.name,
    bodyLimitBytes,
    maxInFlight,
    requestTimeoutMs,
    handlerTimeoutMs,
    log,
  };
}

interface BackgroundModules extends GatewayModules {
  readonly services: GatewayServices;
  readonly shared: SharedRecords;
  readonly listener: ReleaseListener;
  readonly rest: Rest;
  readonly extension: GatewayExtension;
  readonly exchange: SharingExchange;
  readonly erasure: ErasureExchange;
}

/** What goes on as long as the gateway runs. Ends when the signal aborts; never throws. */
async function runInBackground(
  options: GatewayOptions,
  modules: BackgroundModules,
  signal: AbortSignal,
): Promise<void> {
  const limits = limitsOf(options);
  const { services, store, rest } = modules;
  const { contracts, identity, tables, readiness } = services;
  const { mspId, name } = options.hospital;
  const logged: Logged = (what) => (error) => {
    if (!signal.aborted) rest.log.warn({ err: error }, what);
  };
  const encryptionKey = Buffer.from(await modules.custody.encryptionPublicKey()).toString('base64url');
  const joining = keepJoined(
    {
      mspId,
      self: { name, gatewayUrl: modules.listener.url, encryptionKey },
      admits: options.members.filter((member) => member !== mspId),
      buildDigest: options.buildDigest,
      approveBuild: options.approveBuild ?? 'first',
      retryMs: limits.joinRetryMs,
      recheckMs: limits.joinRecheckMs,
      eagerMs: limits.startTimeoutMs,
    },
    { contracts, identity, readiness, onError: logged('joining the consortium') },
    signal,
  );
  const unfinished = tables.table<UnfinishedObject>('unfinished');
  const tidying = keepTidy(
    () =>
      discardUnfinished({ minAgeMs: limits.unfinishedMinAgeMs }, identity, { store, unfinished, contracts }),
    { everyMs: limits.unfinishedMinAgeMs, onError: logged('discarding unfinished batches') },
    signal,
  );
  const replicating = replicate(
    { mspId, replicationFactor: options.replicationFactor, retryMs: limits.replicationRetryMs },
    {
      ...modules,
      contracts,
      identity,
      positions: tables.table<PositionRow>('positions'),
      work: tables.table<ReplicationRow>('replication'),
      ...keptTables(tables),
      onError: logged('replication'),
    },
    signal,
  );
  const told: ExtensionLog['told'] = (text, details) => {
    rest.log.info(details, text);
  };
  const extending = modules.extension.run?.(signal, { failed: logged, told }).catch(logged('the extension'));
  const exchanging = modules.exchange.run(signal, { failed: logged, told });
  const caring = careForRecords(
    { mspId, retryMs: limits.replicationRetryMs, attemptMinAgeMs: limits.unfinishedMinAgeMs },
    {
      ...modules,
      contracts,
      identity,
      tables,
      kept: { store, ...keptTables(tables) },
      sharer: modules.shared.sharer,
      erasureKeys: modules.erasure.keys,
      answers: [modules.listener.answers, modules.shared.answers],
      metrics: services.metrics,
      log: { failed: logged, told },
    },
    signal,
  );
  const dealing = modules.erasure.run(signal, logged('giving key servers their parts'));
  await Promise.allSettled([joining, tidying, replicating, extending, exchanging, caring, dealing]);
}

function keptTables(tables: LocalTables): Omit<KeptModules, 'store'> {
  return {
    kept: tables.table<KeptObject>('kept-objects'),
    keptRecords: tables.table<KeptRecord>('kept-records'),
  };
}

async function keepTidy(
  work: () => Promise<unknown>,
  options: { readonly everyMs: number; readonly onError: (error: unknown) => void },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await work().catch(options.onError);
    await pause(options.everyMs, signal);
  }
}

const MOST_WAITING = 64;
const READY_POLL_MS = 50;

async function waitUntilReady(
  services: GatewayServices,
  limits: GatewayLimits,
  signal: AbortSignal,
): Promise<boolean> {
  const untilMs = performance.now() + limits.startTimeoutMs;
  while (services.readiness.reason !== undefined && performance.now() < untilMs && !signal.aborted) {
    await pause(READY_POLL_MS, signal);
  }
  return services.readiness.reason === undefined;
}
