/** Assembles what records of patients with an identity key need: sealing for edges, opening along them, both sides. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { validate, CareLedgerError } from '@careledger/protocol';
import type { KeyCustody } from '../ports/key-custody.js';
import type { HeaderSealer } from '../ports/header-sealer.js';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import type { SharingCustody } from '../ports/sharing-custody.js';
import { openAnswerStore, type AnswerStore } from '../release/answer-store.js';
import { timed, type ObserveStage } from '../services/opening-stages.js';
import { DEFAULT_RELEASE_LIMITS, type PeerRoute } from '../release/index.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { OpenShared } from '../services/openings-service.js';
import { NO_SHARING, createRecordSharer, type RecordSharer } from '../services/record-sharing.js';
import { createOpeningAuthority } from '../sharing/opening-authority.js';
import { PARTIALS_PATH, PartialsAnswerSchema } from '../sharing/opening-protocol.js';
import { createOpeningRequester } from '../sharing/opening-requester.js';
import { createPeerQuestions } from '../sharing/peer-questions.js';
import { createSharingLedger } from '../sharing/sharing-ledger.js';
import type { ReleaseModule } from './release-module.js';

/** What a gateway needs to share records along edges. Without it records are shared by release alone. */
export interface SharingModules {
  readonly custody: SharingCustody;
  readonly sealer: HeaderSealer;
  /** Partials that an edge needs; crypto `parseStatement`. */
  readonly thresholdOf: (statement: string) => number;
}

export interface SharedRecordsModules {
  readonly sharing: SharingModules | undefined;
  readonly mspId: string;
  readonly dataDir: string;
  readonly storeConcurrency: number;
  readonly ledger: Ledger;
  readonly contracts: ContractCaller;
  readonly identity: SigningIdentity;
  readonly store: RecordStore;
  readonly custody: KeyCustody;
  readonly release: Pick<ReleaseModule, 'connect'>;
  readonly onBadProxy: BadProxyObserver;
  readonly observeStage: ObserveStage;
}

export type BadProxyObserver = (proxy: { readonly mspId: string; readonly why: string }) => void;

export interface SharedRecords {
  readonly sharer: RecordSharer;
  readonly openShared: OpenShared;
  readonly peerRoutes: readonly PeerRoute[];
  /** Answers given to openings along edges: erasing a record forgets those that hold it. */
  readonly answers: Pick<AnswerStore, 'forget'>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 20_000;
const PRUNE_MS = 3_600_000;

export async function createSharedRecords(modules: SharedRecordsModules): Promise<SharedRecords> {
  const { sharing } = modules;
  return sharing === undefined ? withoutSharing() : withSharing(sharing, modules);
}

function withoutSharing(): SharedRecords {
  return {
    sharer: NO_SHARING,
    openShared: () =>
      Promise.reject(
        new CareLedgerError('NOT_READY', { message: 'This gateway has no custody of identity keys.' }),
      ),
    peerRoutes: [],
    answers: { forget: () => Promise.resolve(0) },
    close: () => Promise.resolve(),
  };
}

async function withSharing(sharing: SharingModules, modules: SharedRecordsModules): Promise<SharedRecords> {
  const { mspId, store, contracts, identity, storeConcurrency: concurrency } = modules;
  const folder = join(modules.dataDir, 'partials');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const answers = await openAnswerStore(folder);
  const limits = DEFAULT_RELEASE_LIMITS;
  await answers.prune(Date.now() - limits.repeatWindowMs);
  const ledger = createSharingLedger({
    channel: modules.ledger.channel,
    contracts,
    identity,
  });
  const custody = { sharing: sharing.custody, erasure: modules.custody.erasure };
  const authority = createOpeningAuthority(
    { mspId, limits: { ...limits, concurrency }, clock: Date.now },
    { ledger: modules.ledger, serviceIdentity: identity, sharing: ledger, store, custody, answers },
  );
  const { connect } = modules.release;
  const peers = createPeerQuestions({ gatewayUrl: (member) => ledger.gatewayUrl(member), connect });
  const timedSharing = {
    openShared: (of: Parameters<typeof sharing.custody.openShared>[0]) =>
      timed(modules.observeStage, 'arithmetic', () => sharing.custody.openShared(of)),
  };
  const requester = createOpeningRequester(
    { concurrency, timeoutMs: TIMEOUT_MS },
    {
      ledger,
      peers,
      store,
      custody: { ...custody, sharing: timedSharing },
      ownAnswer: async (body) =>
        validate(PartialsAnswerSchema, JSON.parse(await authority.answer(mspId, body))),
      thresholdOf: sharing.thresholdOf,
      onBadProxy: modules.onBadProxy,
    },
  );
  const pruning = setInterval(() => {
    answers.prune(Date.now() - limits.repeatWindowMs).catch(() => undefined);
  }, PRUNE_MS);
  pruning.unref();
  return {
    sharer: createRecordSharer({ ledger, custody: sharing.custody, sealer: sharing.sealer }),
    openShared: (access, records) => requester.open(access, records),
    peerRoutes: [{ path: PARTIALS_PATH, handle: authority.answer }],
    answers,
    async close() {
      clearInterval(pruning);
      peers.close();
      await answers.close();
    },
  };
}
