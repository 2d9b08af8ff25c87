import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { EmrRecord } from '@careledger/protocol';
import { hospitalPaths } from '@careledger/network';
import { makeWorld, mustBe, recordIdsOf, type World } from '../scenario/support/world.js';
import { runningNetwork, type RunningNetwork } from './support/network.js';

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
/** Version, codec: what a CID has before its multihash. */
const CID_PREFIX_BYTES = 2;

/** Where Kubo's flatfs keeps a block: a file named by the multihash, in a folder named by its last letters but one. */
function blockFile(network: RunningNetwork, hospital: number, cid: string): string {
  const name = base32(unbase32(cid.slice(1)).subarray(CID_PREFIX_BYTES)).toUpperCase();
  const { ipfs } = hospitalPaths(network.home, network.configOf(hospital).hospital.id);
  return join(ipfs, 'blocks', name.slice(-3, -1), `${name}.data`);
}

function unbase32(text: string): Buffer {
  const bits = Array.from(text, (letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
}

function base32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((group) => BASE32[parseInt(group.padEnd(5, '0'), 2)]).join('');
}

describe('end to end: one flipped byte in a block of Kubo', function () {
  this.timeout(90_000);

  const network = runningNetwork();
  let world: World;
  let record: EmrRecord;

  before(async () => {
    world = await makeWorld(network);
    const [recordId] = recordIdsOf(await world.put(['creatinine 80 µmol/L']));
    record = mustBe(200, await world.officer.get(`/v1/records/${recordId!}`)).body as unknown as EmrRecord;
  });

  it('is refused by the opener: CID_MISMATCH, nothing shown; the whole block opens before and after', async () => {
    const open = () => world.open([record.recordId]);
    mustBe(201, await open());
    // The opener's own node has fetched it by now: from another node it would not even take the changed block.
    const file = blockFile(network, 2, record.contentCid);
    const whole = await readFile(file);
    const flipped = Buffer.from(whole);
    flipped[flipped.length >> 1]! ^= 1;
    await writeFile(file, flipped);
    const refused = await open();
    await writeFile(file, whole);
    expect(refused.body.code, JSON.stringify(refused.body).slice(0, 300)).to.equal('CID_MISMATCH');
    expect(refused.body).to.not.have.property('records');
    expect(refused.body).to.have.property('accessId');
    mustBe(201, await open());
  });

  it('leaves the other hospitals’ copies alone', async () => {
    const bytes = await network.storeOf(1).get(record.contentCid, { maxBytes: record.sizeBytes });
    const file = await readFile(blockFile(network, 1, record.contentCid));
    expect(Buffer.compare(Buffer.from(bytes), file)).to.equal(0);
  });
});
