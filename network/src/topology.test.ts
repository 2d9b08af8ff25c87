import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { NetworkError } from './errors.js';
import { DEFAULT_TOPOLOGY_FILE } from './home.js';
import {
  KEY_BITS_VARIABLE,
  founderOf,
  loadTopology,
  majorityOf,
  parseTopology,
  toleratedFaults,
} from './topology.js';

const VALID = readFileSync(DEFAULT_TOPOLOGY_FILE, 'utf8');

function refusal(text: string): NetworkError {
  try {
    parseTopology(text, 'consortium.yaml');
  } catch (thrown) {
    if (thrown instanceof NetworkError) return thrown;
    throw thrown;
  }
  throw new Error('the topology was accepted');
}

describe('topology', () => {
  it('reads the consortium that comes with the package', () => {
    const topology = loadTopology(DEFAULT_TOPOLOGY_FILE);
    expect(topology.channel).to.equal('careledger');
    expect(topology.hospitals.map((hospital) => hospital.id)).to.deep.equal(['h1', 'h2', 'h3', 'h4']);
    expect(topology.aggregation.keyBits).to.equal(3072);
    expect(founderOf(topology).mspId).to.equal('Hospital1MSP');
    expect(topology.hospitals[1]?.ports.gatewayRest).to.equal(18_080);
  });

  it('derives thresholds from the number of members', () => {
    expect([1, 2, 3, 4, 5, 7].map(majorityOf)).to.deep.equal([1, 2, 2, 3, 3, 4]);
    expect([1, 3, 4, 6, 7, 10].map(toleratedFaults)).to.deep.equal([0, 0, 1, 1, 2, 3]);
  });

  const refused: [string, string, string, string, string][] = [
    ['twin ids', 'id: h2', 'id: h1', 'hospitals[1].id', 'h1 twice'],
    [
      'twin MSP ids',
      'mspId: Hospital2MSP',
      'mspId: Hospital1MSP',
      'hospitals[1].mspId',
      'Hospital1MSP twice',
    ],
    ['twin addresses', 'peer: 18051', 'peer: 17051', 'hospitals[1].ports.peer', '127.0.0.1:17051 twice'],
    ['a port that is none', 'peer: 17051', 'peer: 70000', 'hospitals[0].ports.peer', '70000'],
    ['a port of the system', 'peer: 17051', 'peer: 80', 'hospitals[0].ports.peer', '80'],
    ['a missing port', 'peer: 17051', 'ca: 17054', 'YAML', 'unique'],
    ['a misspelt key', 'replicationFactor', 'replicationFaktor', 'topology', 'replicationFaktor'],
    ['more copies than members', 'replicationFactor: 3', 'replicationFactor: 5', 'replicationFactor', '5'],
    ['an id that leaves its folder', 'id: h2', 'id: ../h2', 'hospitals[1].id', '"../h2"'],
    ['an id that is the exchange', 'id: h2', 'id: exchange', 'hospitals[1].id', '"exchange"'],
    ['another format', 'version: 1\n', 'version: 2\n', 'version', '2'],
    ['a key too short to protect anything', 'keyBits: 3072', 'keyBits: 1024', 'aggregation.keyBits', '1024'],
    ['a key of an odd size', 'keyBits: 3072', 'keyBits: 3071', 'aggregation.keyBits', '3071'],
    ['no key size', 'keyBits: 3072', '{}', 'aggregation', 'nothing'],
    [
      'a channel name Fabric refuses',
      'channel: careledger',
      'channel: Care Ledger',
      'channel',
      '"Care Ledger"',
    ],
  ];
  for (const [what, from, to, field, came] of refused) {
    it(`refuses ${what}, naming the field`, () => {
      expect(VALID, `the sample holds ${from}`).to.include(from);
      const error = refusal(VALID.replace(from, to));
      expect(error.code).to.equal('NET_TOPOLOGY_INVALID');
      expect(error.expected).to.include(field);
      expect(error.came).to.include(came);
      expect(error.remedy).to.include('consortium.yaml');
    });
  }

  it('takes another key size from the environment, within the same bounds', () => {
    const before = process.env[KEY_BITS_VARIABLE];
    try {
      process.env[KEY_BITS_VARIABLE] = '2048';
      expect(loadTopology(DEFAULT_TOPOLOGY_FILE).aggregation).to.deep.equal({ keyBits: 2048 });
      for (const wrong of ['1024', '2050', 'large']) {
        process.env[KEY_BITS_VARIABLE] = wrong;
        expect(() => loadTopology(DEFAULT_TOPOLOGY_FILE), wrong).to.throw(NetworkError, KEY_BITS_VARIABLE);
      }
    } finally {
      if (before === undefined) Reflect.deleteProperty(process.env, KEY_BITS_VARIABLE);
      else process.env[KEY_BITS_VARIABLE] = before;
    }
  });

  it('allows the same port on two hosts', () => {
    const text = VALID.replace('host: 127.0.0.1', 'host: one.example').replace('peer: 17051', 'peer: 18051');
    expect(parseTopology(text).hospitals[0]?.ports.peer).to.equal(18_051);
  });

  it('names the file that cannot be read', () => {
    expect(() => loadTopology('/nowhere/consortium.yaml')).to.throw(NetworkError, '/nowhere/consortium.yaml');
  });
});
