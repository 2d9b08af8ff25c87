import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { EmbeddedRecordStore, KuboRecordStore } from '@careledger/gateway/adapters';
import { codeOf } from './support/scenario.js';

/** A node of the test's own making that answers Kubo's RPC: what a gateway may meet when the node is not honest. */
type Answer = (request: { readonly path: string; readonly cid: string }, response: ServerResponse) => void;

describe('kubo record store in front of a dishonest or broken node', () => {
  let server: Server;
  let answer: Answer;
  let store: KuboRecordStore;
  let directory: string;
  let blocks: EmbeddedRecordStore;
  const bytes = new Uint8Array(1_500_000).fill(9);
  let cid: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'careledger-lying-'));
    blocks = await EmbeddedRecordStore.open({ directory });
    cid = await blocks.put(bytes);
    server = createServer((request: IncomingMessage, response) => {
      const url = new URL(request.url ?? '/', 'http://node');
      request.resume();
      answer({ path: url.pathname, cid: url.searchParams.get('arg') ?? '' }, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    store = new KuboRecordStore({ rpcUrl: `http://127.0.0.1:${String(port)}`, timeoutMs: 500 });
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await blocks.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Answers `block/get` from the honest store, changed on the way. */
  function serve(change: (block: Uint8Array, cid: string) => Uint8Array): void {
    answer = ({ cid: asked }, response) => {
      void honest(asked).then((block) => response.end(change(block, asked)));
    };
  }
  async function honest(asked: string): Promise<Uint8Array> {
    const { CID } = await import('multiformats/cid');
    return (await blocks.ownBlock(CID.parse(asked))) ?? new Uint8Array();
  }

  it('reads through an honest one', async () => {
    serve((block) => block);
    expect(Buffer.compare(await store.get(cid, { maxBytes: 2_000_000 }), bytes)).to.equal(0);
  });

  it('finds a flipped byte in the root', async () => {
    serve((block, asked) =>
      asked === cid ? block.map((byte, index) => (index === 5 ? byte ^ 1 : byte)) : block,
    );
    expect(await codeOf(store.get(cid, { maxBytes: 2_000_000 }))).to.equal('CID_MISMATCH');
  });

  it('finds a flipped byte in a leaf', async () => {
    serve((block, asked) =>
      asked === cid ? block : block.map((byte, index) => (index === 400_000 ? byte ^ 128 : byte)),
    );
    expect(await codeOf(store.get(cid, { maxBytes: 2_000_000 }))).to.equal('CID_MISMATCH');
  });

  it('finds a leaf that is cut, and one that is another file’s', async () => {
    serve((block, asked) => (asked === cid ? block : block.subarray(0, 100)));
    expect(await codeOf(store.get(cid, { maxBytes: 2_000_000 }))).to.equal('CID_MISMATCH');
    serve((block, asked) => (asked === cid ? block : new Uint8Array(block.length)));
    expect(await codeOf(store.get(cid, { maxBytes: 2_000_000 }))).to.equal('CID_MISMATCH');
  });

  it('does not take a block of any size', async () => {
    serve(() => new Uint8Array(10_000_000));
    expect(await codeOf(store.get(cid, { maxBytes: 2_000_000 }))).to.equal('BODY_TOO_LARGE');
  });

  it('does not take another CID for what it stored', async () => {
    answer = (_request, response) => response.end(`${JSON.stringify({ Name: 'x', Hash: cid, Size: '1' })}\n`);
    expect(await codeOf(store.put(new Uint8Array([1])))).to.equal('CID_MISMATCH');
  });

  it('gives up on one that does not answer, within its bound', async () => {
    answer = () => undefined;
    const startMs = Date.now();
    expect(await codeOf(store.get(cid, { maxBytes: 2_000_000 }))).to.equal('STORE_UNAVAILABLE');
    expect(await codeOf(store.stat(cid))).to.equal('STORE_UNAVAILABLE');
    expect(await codeOf(store.put(bytes))).to.equal('STORE_UNAVAILABLE');
    expect(Date.now() - startMs).to.be.below(4_000);
  });

  it('tells an error of the node from a CID that it has not got', async () => {
    answer = (_request, response) => {
      response
        .writeHead(500, { 'content-type': 'application/json' })
        .end(JSON.stringify({ Message: 'block was not found locally (offline)', Code: 0 }));
    };
    expect(await store.stat(cid)).to.equal(undefined);
    expect(await codeOf(store.get(cid, { maxBytes: 2_000_000 }))).to.equal('STORE_UNAVAILABLE');
  });

  it('says so when the node is not there', async () => {
    const nowhere = new KuboRecordStore({ rpcUrl: 'http://127.0.0.1:9', timeoutMs: 1_000 });
    expect(await codeOf(nowhere.get(cid, { maxBytes: 10 }))).to.equal('STORE_UNAVAILABLE');
    expect(await codeOf(nowhere.stat(cid))).to.equal('STORE_UNAVAILABLE');
  });
});
