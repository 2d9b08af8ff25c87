import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { signers } from '@hyperledger/fabric-gateway';
import { MAX_PANEL_BLOCK_BYTES } from '@careledger/crypto';
import type { GatewayConfig } from '@careledger/network';
import type { Panel, QueryDetails } from '@careledger/protocol';
import { FabricLedger } from '../adapters/ledger-fabric/index.js';
import { KuboRecordStore } from '../adapters/store-kubo/index.js';
import type { EvidenceSource } from '../command/export/evidence-source.js';
import type { SigningIdentity } from '../ports/ledger.js';

/** Whose certificate asks the peer; default the hospital's service identity. */
export interface AuditorFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Straight from a hospital's own peer and Kubo node; no gateway is asked. */
export async function fabricEvidence(config: GatewayConfig, files?: AuditorFiles): Promise<EvidenceSource> {
  const { mspId } = config.hospital;
  const identity = await signingIdentity(mspId, files ?? config.serviceIdentity);
  const { endpoint, hostAlias, tlsRootFile } = config.peer;
  const peer = { endpoint, hostAlias, tlsRootCertificate: await readFile(tlsRootFile, 'utf8') };
  const ledger = new FabricLedger({ channel: config.channel, chaincode: config.chaincode, mspId, peer });
  const store = new KuboRecordStore({ rpcUrl: config.ipfs.rpcUrl });
  return {
    name: `the peer of ${config.hospital.id} at ${endpoint}`,
    height: async () => Number(await ledger.height(identity)),
    blocks: (from, to) => blocksOf(ledger, identity, { from, to }),
    query: async (queryId) =>
      (await ledger.evaluate(identity, 'queries', 'Get', { queryId })) as QueryDetails,
    panel: async (panelId) => (await ledger.evaluate(identity, 'panels', 'Get', { panelId })) as Panel,
    content: ({ cid }) => store.get(cid, { maxBytes: MAX_PANEL_BLOCK_BYTES }),
    async close() {
      await ledger.close();
      await store.close();
    },
  };
}

async function signingIdentity(mspId: string, files: AuditorFiles): Promise<SigningIdentity> {
  const certificate = await readFile(files.certFile, 'utf8');
  const privateKey = createPrivateKey(await readFile(files.keyFile, 'utf8'));
  return { mspId, certificate, sign: signers.newPrivateKeySigner(privateKey) };
}

async function* blocksOf(
  ledger: FabricLedger,
  identity: SigningIdentity,
  { from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<Uint8Array> {
  if (from >= to) return;
  const stop = new AbortController();
  let next = from;
  try {
    for await (const block of ledger.blocks(identity, BigInt(from), stop.signal)) {
      yield block;
      next += 1;
      if (next >= to) return;
    }
  } finally {
    stop.abort();
  }
}
