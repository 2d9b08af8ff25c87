import type { Panel, QueryDetails } from '@careledger/protocol';

/** Where an export comes from: a hospital's peer and store, or a gateway. What it gives is checked by the verifier. */
export interface EvidenceSource {
  /** What a person is told of it. */
  readonly name: string;
  height(): Promise<number>;
  /** `common.Block` bytes from `from` on, in order, up to `to` (exclusive). */
  blocks(from: number, to: number): AsyncIterable<Uint8Array>;
  query(queryId: string): Promise<QueryDetails>;
  panel(panelId: string): Promise<Panel>;
  content(panel: Panel): Promise<Uint8Array>;
  close(): Promise<void>;
}
