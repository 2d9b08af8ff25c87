import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyCustody } from '../ports/key-custody.js';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';
import type { RecordStore } from '../ports/record-store.js';
import { openAnswerStore, type AnswerStore } from './answer-store.js';
import { createPeerServer, type PeerRoute, type PeerServer } from './peer-server.js';
import {
  DEFAULT_RELEASE_LIMITS,
  createReleaseAuthority,
  type ReleaseLimits,
  type ReleaseModules,
} from './release-authority.js';
import type { MemberTlsRoots } from './member-certificates.js';
import { RELEASE_PATH, type TlsIdentity } from './release-protocol.js';

export interface ReleaseServerOptions {
  /** This hospital: it releases only what it owns. */
  readonly mspId: string;
  readonly host: string;
  /** 0: the system chooses. */
  readonly port: number;
  readonly tls: TlsIdentity;
  /** TLS authorities of every member whose gateway may ask. */
  readonly members: MemberTlsRoots;
  /** Answers are kept in a folder inside. */
  readonly dataDir: string;
  readonly ledger: Ledger;
  readonly custody: KeyCustody;
  readonly store: RecordStore;
  readonly serviceIdentity: SigningIdentity;
  readonly erasureKeys: ReleaseModules['erasureKeys'];
  readonly limits?: Partial<ReleaseLimits>;
  /** Milliseconds since 1970; default Date.now. */
  readonly clock?: () => number;
  readonly maxInFlightPerMember?: number;
  /** More questions under the same mutual TLS, such as the dealer's shares. */
  readonly routes?: readonly PeerRoute[];
  readonly onDefect?: (error: unknown) => void;
}

export interface ReleaseServer extends PeerServer {
  /** Erasing a record forgets the answers that hold it. */
  readonly answers: Pick<AnswerStore, 'forget'>;
}

const HOUR_MS = 3_600_000;

/**
 * The owner's side of releases: `POST /release/v1` for other hospitals' gateways over mutual TLS.
 * See `release-authority.ts` for what is released and when. Resolves when it listens.
 * @throws TypeError when members cannot be told apart by their TLS authorities; what listening and LevelDB throw.
 */
export async function createReleaseServer(options: ReleaseServerOptions): Promise<ReleaseServer> {
  const { mspId, clock = Date.now, ledger, store, custody, serviceIdentity, erasureKeys } = options;
  const limits = { ...DEFAULT_RELEASE_LIMITS, ...options.limits };
  const folder = join(options.dataDir, 'releases');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const answers = await openAnswerStore(folder);
  // An hour beyond the window, so that no entry is refused a repetition because it was just forgotten.
  const prune = (): Promise<void> => answers.prune(clock() - limits.repeatWindowMs - HOUR_MS);
  const modules = { ledger, store, custody, serviceIdentity, answers, erasureKeys };
  const authority = createReleaseAuthority({ mspId, limits, clock }, modules);
  const routes = [...(options.routes ?? []), { path: RELEASE_PATH, handle: authority.release }];
  try {
    await prune();
    const server = await createPeerServer({ ...options, routes, clock });
    const timer = setInterval(() => void prune().catch(options.onDefect), HOUR_MS);
    timer.unref();
    return {
      url: server.url,
      answers: { forget: (recordId) => answers.forget(recordId) },
      close: async () => {
        clearInterval(timer);
        await server.close();
        await answers.close();
      },
    };
  } catch (error) {
    await answers.close();
    throw error;
  }
}
