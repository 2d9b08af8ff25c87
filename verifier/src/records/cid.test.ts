import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CareLedgerError } from '@careledger/protocol';
import { cidOf } from './cid.js';
import { fetchRecord, folderRecords, kuboRecords, type RecordSource } from './record-source.js';

/** Base32 of 01 55 12 20 and the SHA-256: version 1, raw, sha2-256, 32 bytes. */
const HELLO_CID = 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e';
const HELLO = Buffer.from('hello world');

describe('bytes by CID', () => {
  const source = (bytes?: Uint8Array): RecordSource => ({
    fetch: () => (bytes === undefined ? Promise.reject(new Error('none')) : Promise.resolve(bytes)),
  });
  const codeOf = async (fetched: Promise<unknown>): Promise<string> => {
    const error: unknown = await fetched.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return error instanceof CareLedgerError ? error.code : String(error);
  };

  it('have the name that IPFS gives them, in one chunk or in several', async () => {
    expect(await cidOf(HELLO)).to.equal(HELLO_CID);
    const large = Buffer.alloc(2 * 1_048_576 + 1, 7);
    const name = await cidOf(large);
    expect(name).to.match(/^bafybei/);
    large[0] = 8;
    expect(await cidOf(large)).to.not.equal(name);
    expect(await cidOf(new Uint8Array())).to.not.equal(HELLO_CID);
  });

  it('are taken from anybody, and believed from nobody', async () => {
    expect(Buffer.from(await fetchRecord(source(HELLO), HELLO_CID))).to.deep.equal(HELLO);
    expect(await codeOf(fetchRecord(source(Buffer.from('hello worle')), HELLO_CID))).to.equal('CID_MISMATCH');
    expect(await codeOf(fetchRecord(source(), HELLO_CID))).to.equal('STORE_UNAVAILABLE');
    expect(await codeOf(fetchRecord(source(HELLO), '../../etc/passwd'))).to.equal('CID_INVALID');
  });

  it('come from a folder of files by CID', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'careledger-records-'));
    await writeFile(join(folder, HELLO_CID), HELLO);
    const fetched = await fetchRecord(folderRecords(folder), HELLO_CID);
    expect(Buffer.from(fetched)).to.deep.equal(HELLO);
    await rm(join(folder, HELLO_CID));
    expect(await codeOf(fetchRecord(folderRecords(folder), HELLO_CID))).to.equal('STORE_UNAVAILABLE');
    await rm(folder, { recursive: true });
  });

  it('come from a node’s RPC, in the words of Kubo', async () => {
    const asked: string[] = [];
    const node = createServer((request, response) => {
      asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
      if (asked.length > 1) response.statusCode = 500;
      response.end(HELLO);
    });
    await new Promise<void>((resolve) => node.listen(0, '127.0.0.1', resolve));
    const { port } = node.address() as AddressInfo;
    const from = kuboRecords(`http://127.0.0.1:${String(port)}`);
    expect(Buffer.from(await fetchRecord(from, HELLO_CID))).to.deep.equal(HELLO);
    expect(asked).to.deep.equal([`POST /api/v0/cat?arg=${HELLO_CID}`]);
    expect(await codeOf(fetchRecord(from, HELLO_CID))).to.equal('STORE_UNAVAILABLE');
    await new Promise((resolve) => node.close(resolve));
  });
});
