/**
 * An integrator's existing program on `ipfs-http-client` (archived; docs/adr/0001) works against a hospital's Kubo node:
 * it stores under the same CID as the gateway, reads and lists pins, and lets go.
 */
import { expect } from 'chai';
import * as ipfsHttpClient from 'ipfs-http-client';
import { randomBytes } from '@careledger/crypto';
import { KuboRecordStore } from '@careledger/gateway/adapters';
import { readGatewayConfig, resolveHome } from '@careledger/network';

/** The product's UnixFS parameters; see `gateway/src/ports/record-store.ts`. */
const ADD = { cidVersion: 1, rawLeaves: true, chunker: 'size-1048576', pin: true } as const;
const ABSENT = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy';

/** What this program uses of the client, whose own types do not resolve under Node's module resolution. */
interface IpfsClient {
  add(content: Uint8Array, options: typeof ADD): Promise<{ cid: { toString(): string } }>;
  cat(cid: string, options?: { timeout: number }): AsyncIterable<Uint8Array>;
  pin: {
    rm(cid: unknown): Promise<unknown>;
    ls(options: { type: 'recursive' }): AsyncIterable<{ cid: { toString(): string } }>;
  };
}
const { create, CID } = ipfsHttpClient as unknown as {
  create: (options: { url: string }) => IpfsClient;
  CID: { parse(text: string): unknown };
};

describe('interop: ipfs-http-client', () => {
  let client: IpfsClient;
  let store: KuboRecordStore;
  const content = new Uint8Array(
    Array.from({ length: 48 }, () => randomBytes(65_536)).flatMap((part) => [...part]),
  );

  before(() => {
    const { rpcUrl } = readGatewayConfig(resolveHome(), 'h1').ipfs;
    client = create({ url: rpcUrl });
    store = new KuboRecordStore({ rpcUrl });
  });

  after(async () => {
    await store.close();
  });

  it('stores under the CID that the gateway gives the same bytes', async () => {
    const { cid } = await client.add(content, ADD);
    expect(cid.toString()).to.equal(await store.put(content));
  });

  it('reads what the gateway stored, and lists its pin until it is let go', async () => {
    const cid = await store.put(content.subarray(0, 2_000_000));
    const parts: Uint8Array[] = [];
    for await (const part of client.cat(cid)) parts.push(part);
    expect(Buffer.compare(Buffer.concat(parts), content.subarray(0, 2_000_000))).to.equal(0);
    expect(await pinned(client, cid)).to.include(cid);
    await client.pin.rm(CID.parse(cid));
    expect(await pinned(client, cid)).to.not.include(cid);
  });

  it('gets nothing for a CID that no hospital holds', async () => {
    const read = async () => {
      for await (const part of client.cat(ABSENT, { timeout: 2_000 })) return part.length;
      return 0;
    };
    const outcome = await read().then(
      (sizeBytes) => `read ${sizeBytes} bytes`,
      () => 'refused',
    );
    expect(outcome).to.equal('refused');
  });
});

async function pinned(client: IpfsClient, cid: string): Promise<string[]> {
  const found: string[] = [];
  for await (const pin of client.pin.ls({ type: 'recursive' })) found.push(pin.cid.toString());
  return found.filter((candidate) => candidate === cid);
}
