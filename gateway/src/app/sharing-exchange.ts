/** Assembles a hospital's part in identity keys and edges: its own names, its share of the master key, its proxy. */
import { Gauge, type Registry } from 'prom-client';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';
import type { KeyCustody } from '../ports/key-custody.js';
import type { PeerRoute } from '../release/index.js';
import type { SharingServices } from '../rest/types.js';
import type { ContractCaller } from '../services/contract-caller.js';
import type { LocalTables } from '../services/local-tables.js';
import { EdgeRelay } from '../sharing/edge-relay.js';
import { ExtractionAuthority } from '../sharing/extraction-authority.js';
import { ExtractionClient } from '../sharing/extraction-client.js';
import { Forwards, type ForwardRow, type ProxyThreshold } from '../sharing/forwards.js';
import { IdentityKeeper, type IdentityKeeperModules } from '../sharing/identity-keeper.js';
import { LinkAuthority } from '../sharing/link-authority.js';
import { LinkCases, type LinkCaseRow } from '../sharing/link-cases.js';
import { createLinkLedger } from '../sharing/link-ledger.js';
import { createPeerQuestions } from '../sharing/peer-questions.js';
import { followForProxy } from '../sharing/proxy-worker.js';
import { Proxy, type EdgeShareRow } from '../sharing/proxy.js';
import { createSharingLedger } from '../sharing/sharing-ledger.js';
import { SignedGrants } from '../sharing/signed-grants.js';
import { readStatement } from '../sharing/statement-facts.js';
import type { ExtensionLog } from './gateway.js';
import type { ReleaseModule } from './release-module.js';

export interface SharingExchangeModules {
  readonly custody: Pick<KeyCustody, 'sharing' | 'createRecipientKey' | 'forgetRecipientKey'>;
  readonly ledger: Pick<Ledger, 'channel' | 'events'>;
  readonly contracts: ContractCaller;
  readonly identity: SigningIdentity;
  readonly tables: LocalTables;
  readonly staff: IdentityKeeperModules['staff'];
  readonly release: Pick<ReleaseModule, 'connect'>;
  readonly metrics: Registry;
  /** Of onward edges made here. Default: a majority. */
  readonly proxyThreshold?: ProxyThreshold;
}

export interface SharingExchange {
  readonly services: SharingServices;
  readonly peerRoutes: readonly PeerRoute[];
  /** Until the signal aborts; never rejects. */
  run(signal: AbortSignal, log: ExtensionLog): Promise<void>;
}

const SILENT: ExtensionLog = { failed: () => () => undefined, told: () => undefined };

export function createSharingExchange(modules: SharingExchangeModules): SharingExchange {
  const { contracts, identity, tables, staff, metrics } = modules;
  const custody = modules.custody.sharing;
  const { channel } = modules.ledger;
  const clock = Date.now;
  // The log comes with the REST server, which comes with the services.
  let log = SILENT;
  const tell: ExtensionLog['told'] = (text, details) => {
    log.told(text, details);
  };
  const ledger = createSharingLedger({ channel, contracts, identity });
  const peers = createPeerQuestions({
    gatewayUrl: (mspId) => ledger.gatewayUrl(mspId),
    connect: (member) => modules.release.connect(member),
  });
  const proxy = new Proxy({
    ledger,
    custody,
    readStatement,
    table: tables.table<EdgeShareRow>('edge-shares'),
    clock,
  });
  const relay = new EdgeRelay({
    mspId: identity.mspId,
    proxy,
    peers,
    readStatement,
    onProblem: (error) => {
      log.failed('taking back the share of an edge')(error);
    },
  });
  const authority = new ExtractionAuthority({ ledger, custody, clock });
  const extraction = new ExtractionClient({ ledger, custody, peers, authority, clock, tell });
  const keeper = new IdentityKeeper({
    ledger,
    custody,
    extraction,
    staff,
    tell,
    onProblem: (error) => {
      log.failed('the keys of this hospital’s identities')(error);
    },
  });
  const forwards = new Forwards(
    { ledger, contracts, custody, identities: keeper, relay, table: tables.table<ForwardRow>('forwards') },
    modules.proxyThreshold,
  );
  const linkLedger = createLinkLedger(ledger, { contracts, identity });
  const linkAuthority = new LinkAuthority({ ledger: linkLedger, custody });
  const linkCases = new LinkCases({
    ledger: linkLedger,
    contracts,
    custody: modules.custody,
    peers,
    authority: linkAuthority,
    table: tables.table<LinkCaseRow>('link-cases'),
    tell,
  });
  measure(metrics, keeper);
  return {
    services: {
      signedGrants: new SignedGrants({ channel, contracts, identity, custody, relay }),
      forwards,
      extraction,
      linkCases,
    },
    peerRoutes: [...proxy.routes, authority.route, linkAuthority.route],
    async run(signal, extensionLog) {
      log = extensionLog;
      const onProblem = log.failed('the shares of edges');
      await Promise.all([
        keeper.run(signal),
        followForProxy({ events: modules.ledger, identity, proxy, onProblem }, signal),
      ]);
      peers.close();
    },
  };
}

function measure(registry: Registry, keeper: IdentityKeeper): void {
  new Gauge({
    name: 'careledger_identity_keys',
    help: 'Identities of this hospital whose key is in its custody.',
    registers: [registry],
    collect() {
      this.set(keeper.readyCount);
    },
  });
}
