/** Assembles a hospital's part in erasure keys: those of its own records, and its parts of others'. */
import type { KeyCustody } from '../ports/key-custody.js';
import type { SigningIdentity } from '../ports/ledger.js';
import type { PeerRoute } from '../release/index.js';
import type { ContractCaller } from '../services/contract-caller.js';
import { ErasureKeys } from '../sharing/erasure-keys.js';
import { createErasureLedger } from '../sharing/erasure-ledger.js';
import { KeyServer } from '../sharing/key-server.js';
import { createPeerQuestions } from '../sharing/peer-questions.js';
import type { ReleaseModule } from './release-module.js';

export interface ErasureExchangeModules {
  readonly custody: Pick<KeyCustody, 'erasure'>;
  readonly contracts: ContractCaller;
  readonly identity: SigningIdentity;
  readonly release: Pick<ReleaseModule, 'connect'>;
}

export interface ErasureExchange {
  readonly keys: ErasureKeys;
  readonly peerRoutes: readonly PeerRoute[];
  /** Until the signal aborts; never rejects. */
  run(signal: AbortSignal, onError: (error: unknown) => void): Promise<void>;
  close(): void;
}

/** How often key servers that do not have their parts are looked for. */
const DEAL_MS = 2_000;

export function createErasureExchange(modules: ErasureExchangeModules): ErasureExchange {
  const { contracts, identity, release } = modules;
  const ledger = createErasureLedger(identity, contracts);
  const peers = createPeerQuestions({
    gatewayUrl: (mspId) => ledger.gatewayUrl(mspId),
    connect: (member) => release.connect(member),
  });
  const custody = modules.custody.erasure;
  const keys = new ErasureKeys({ ledger, custody, peers });
  return {
    keys,
    peerRoutes: new KeyServer({ ledger, custody }).routes,
    run: (signal, onError) => keys.run(signal, { everyMs: DEAL_MS, onError }),
    close: () => {
      peers.close();
    },
  };
}
