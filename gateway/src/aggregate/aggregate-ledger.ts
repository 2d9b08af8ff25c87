/** The ledger as the aggregate's services use it: typed reads and writes under the gateway's own identity. */
import { publicKeyFromJson, type PaillierPublicKey } from '@careledger/crypto';
import {
  CareLedgerError,
  type AggregationKey,
  type Panel,
  type Page,
  type QueryDetails,
  type RegisteredLayout,
} from '@careledger/protocol';
import type { Ledger, SigningIdentity } from '../ports/ledger.js';

export interface AggregateLedgerOptions {
  readonly ledger: Ledger;
  readonly identity: SigningIdentity;
  /** Keys below 2048 bits are for tests and are refused everywhere else. */
  readonly allowTestKeySize?: boolean;
}

export class AggregateLedger {
  readonly ledger: Ledger;
  readonly identity: SigningIdentity;
  readonly #allowTestKeySize: boolean;

  constructor(options: AggregateLedgerOptions) {
    this.ledger = options.ledger;
    this.identity = options.identity;
    this.#allowTestKeySize = options.allowTestKeySize ?? false;
  }

  get mspId(): string {
    return this.identity.mspId;
  }

  /** The key in force. @throws CareLedgerError KEY_NOT_FOUND until every holder has accepted its share */
  async activeKey(): Promise<{ readonly key: AggregationKey; readonly publicKey: PaillierPublicKey }> {
    const key = (await this.ledger.evaluate(this.identity, 'queries', 'GetKey', {})) as AggregationKey;
    const publicKey = publicKeyFromJson(key.publicKey, { allowTestKeySize: this.#allowTestKeySize });
    return { key, publicKey };
  }

  async layout(layoutId: string, version: number): Promise<RegisteredLayout> {
    return (await this.ledger.evaluate(this.identity, 'panels', 'GetLayout', {
      layoutId,
      version,
    })) as RegisteredLayout;
  }

  async query(queryId: string): Promise<QueryDetails> {
    return (await this.ledger.evaluate(this.identity, 'queries', 'Get', { queryId })) as QueryDetails;
  }

  async panel(panelId: string): Promise<Panel> {
    return (await this.ledger.evaluate(this.identity, 'panels', 'Get', { panelId })) as Panel;
  }

  async hasPanel(panelId: string): Promise<boolean> {
    try {
      await this.panel(panelId);
      return true;
    } catch (error) {
      if (error instanceof CareLedgerError && error.code === 'PANEL_NOT_FOUND') return false;
      throw error;
    }
  }

  /** Ids of the panels of this hospital that are anchored under the layout. */
  async anchoredPanels(layoutId: string): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    let bookmark: string | undefined;
    do {
      const argument = { layoutId, mspId: this.mspId, ...(bookmark === undefined ? {} : { bookmark }) };
      const page = (await this.ledger.evaluate(this.identity, 'panels', 'List', argument)) as Page<Panel>;
      for (const panel of page.items) found.add(panel.panelId);
      bookmark = page.bookmark;
    } while (bookmark !== undefined);
    return found;
  }
}
