import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { errorText, NetworkError } from './errors.js';
import { asInteger, asList, asRecord, asText, TopologyFieldError } from './topology-fields.js';

/** Every port a hospital listens on. `peerChaincode` is where the peer would take chaincode that dials in. */
export const PORT_NAMES = [
  'ca',
  'peer',
  'peerChaincode',
  'peerOperations',
  'orderer',
  'ordererAdmin',
  'ordererCluster',
  'ordererOperations',
  'ipfsSwarm',
  'ipfsRpc',
  'chaincode',
  'gatewayRest',
  'gatewayPeer',
] as const;
export type PortName = (typeof PORT_NAMES)[number];

export interface HospitalTopology {
  /** Short id, used in folder names: `h1`. */
  id: string;
  mspId: string;
  /** What people call the hospital. */
  name: string;
  /** Address that the hospital's processes listen on and that the others reach them at. */
  host: string;
  ports: Readonly<Record<PortName, number>>;
}

export interface Topology {
  channel: string;
  chaincode: { name: string; version: string; sequence: number };
  replicationFactor: number;
  ordering: { batchIntervalMs: number; maxMessages: number };
  /** Of the key that the consortium makes at its first start; another size later is another consortium. */
  aggregation: { keyBits: number };
  hospitals: readonly HospitalTopology[];
}

/** How many of `members` are a majority: endorsements for a write, shares for a decryption. */
export function majorityOf(members: number): number {
  return Math.floor(members / 2) + 1;
}

/** How many Byzantine orderers of `members` the ordering service survives: fewer than a third. */
export function toleratedFaults(members: number): number {
  return Math.floor((members - 1) / 3);
}

/** Makes the consortium's key smaller than its topology says: for a first look, and for continuous integration. */
export const KEY_BITS_VARIABLE = 'CARELEDGER_KEY_BITS';

export function loadTopology(path: string): Topology {
  const topology = parseTopology(readTopologyFile(path), path);
  const override = process.env[KEY_BITS_VARIABLE];
  if (override === undefined) return topology;
  const keyBits = inWords(KEY_BITS_VARIABLE, () => readKeyBits(Number(override), KEY_BITS_VARIABLE));
  return { ...topology, aggregation: { ...topology.aggregation, keyBits } };
}

function readTopologyFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new NetworkError('NET_TOPOLOGY_INVALID', {
      expected: 'a readable topology file',
      came: errorText(cause),
      remedy: 'name it with --topology FILE',
      cause,
    });
  }
}

/** @throws NetworkError naming the field, what was expected there and what came. */
export function parseTopology(text: string, source = 'topology'): Topology {
  return inWords(source, () => readTopology(parse(text) as unknown));
}

function inWords<Result>(source: string, read: () => Result): Result {
  try {
    return read();
  } catch (cause) {
    const field = cause instanceof TopologyFieldError ? cause : undefined;
    throw new NetworkError('NET_TOPOLOGY_INVALID', {
      expected: field ? `${field.field} to be ${field.expected}` : 'YAML',
      came: field ? field.came : errorText(cause),
      remedy: `correct it in ${source}`,
      cause,
    });
  }
}

export function findHospital(topology: Topology, id: string): HospitalTopology {
  const found = topology.hospitals.find((hospital) => hospital.id === id);
  if (found) return found;
  throw new NetworkError('NET_USAGE', {
    expected: `one of the hospitals ${topology.hospitals.map((hospital) => hospital.id).join(', ')}`,
    came: id,
    remedy: 'use an id from the topology file',
  });
}

/** The hospital that assembles the first configuration block: the first of the file. */
export function founderOf(topology: Topology): HospitalTopology {
  const founder = topology.hospitals[0];
  if (!founder) throw new Error('a validated topology has at least one hospital');
  return founder;
}

function readTopology(value: unknown): Topology {
  const root = asRecord(value, 'topology', [
    'version',
    'channel',
    'chaincode',
    'replicationFactor',
    'ordering',
    'aggregation',
    'hospitals',
  ]);
  asInteger(root['version'], 'version', { minimum: 1, maximum: 1 });
  const chaincode = asRecord(root['chaincode'], 'chaincode', ['name', 'version', 'sequence']);
  const ordering = asRecord(root['ordering'], 'ordering', ['batchIntervalMs', 'maxMessages']);
  const aggregation = asRecord(root['aggregation'], 'aggregation', ['keyBits']);
  const hospitals = asList(root['hospitals'], 'hospitals').map((entry, index) =>
    readHospital(entry, `hospitals[${String(index)}]`),
  );
  checkHospitals(hospitals);
  return {
    channel: asText(root['channel'], 'channel', /^[a-z][a-z0-9.-]{0,248}$/),
    chaincode: {
      name: asText(chaincode['name'], 'chaincode.name', /^[a-z][a-z0-9_-]*$/),
      version: asText(chaincode['version'], 'chaincode.version', /^[A-Za-z0-9_.+-]+$/),
      sequence: asInteger(chaincode['sequence'], 'chaincode.sequence', { minimum: 1, maximum: 1_000_000 }),
    },
    replicationFactor: asInteger(root['replicationFactor'], 'replicationFactor', {
      minimum: 1,
      maximum: hospitals.length,
    }),
    ordering: {
      batchIntervalMs: asInteger(ordering['batchIntervalMs'], 'ordering.batchIntervalMs', {
        minimum: 5,
        maximum: 5_000,
      }),
      maxMessages: asInteger(ordering['maxMessages'], 'ordering.maxMessages', {
        minimum: 1,
        maximum: 10_000,
      }),
    },
    aggregation: { keyBits: readKeyBits(aggregation['keyBits'], 'aggregation.keyBits') },
    hospitals,
  };
}

/** 2048 is about 112 bits of security, 3072 about 128. */
function readKeyBits(value: unknown, field: string): number {
  const keyBits = asInteger(value, field, { minimum: 2048, maximum: 4096 });
  if (keyBits % 16 !== 0) throw new TopologyFieldError(field, 'a multiple of 16', String(keyBits));
  return keyBits;
}

function readHospital(value: unknown, field: string): HospitalTopology {
  const entry = asRecord(value, field, ['id', 'mspId', 'name', 'host', 'ports']);
  const ports = asRecord(entry['ports'], `${field}.ports`, PORT_NAMES);
  const readPort = (name: PortName): [PortName, number] => [
    name,
    asInteger(ports[name], `${field}.ports.${name}`, { minimum: 1024, maximum: 65_535 }),
  ];
  return {
    // "exchange" is the folder of public files beside the hospitals' own.
    id: asText(entry['id'], `${field}.id`, /^(?!exchange$)[a-z][a-z0-9-]{0,30}$/),
    mspId: asText(entry['mspId'], `${field}.mspId`, /^[A-Za-z][A-Za-z0-9.-]{0,63}$/),
    name: asText(entry['name'], `${field}.name`, /^[^\p{Cc}]{1,120}$/u),
    host: asText(entry['host'], `${field}.host`, /^[A-Za-z0-9.-]{1,253}$/),
    ports: Object.fromEntries(PORT_NAMES.map(readPort)) as Record<PortName, number>,
  };
}

function checkHospitals(hospitals: readonly HospitalTopology[]): void {
  if (hospitals.length === 0)
    throw new TopologyFieldError('hospitals', 'a list of at least one hospital', 'an empty list');
  const seen = new Map<string, string>();
  const claim = (key: string, field: string, came: string): void => {
    const owner = seen.get(key);
    if (owner !== undefined) throw new TopologyFieldError(field, `unlike ${owner}`, `${came} twice`);
    seen.set(key, field);
  };
  for (const [index, hospital] of hospitals.entries()) {
    const field = `hospitals[${String(index)}]`;
    claim(`id ${hospital.id}`, `${field}.id`, hospital.id);
    claim(`msp ${hospital.mspId}`, `${field}.mspId`, hospital.mspId);
    for (const name of PORT_NAMES) {
      const address = `${hospital.host}:${String(hospital.ports[name])}`;
      claim(`address ${address}`, `${field}.ports.${name}`, address);
    }
  }
}
