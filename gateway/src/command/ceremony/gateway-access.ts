/** A gateway that answers, and a token with which to ask it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  DEFAULT_TOPOLOGY_FILE,
  gatewayConfigFile,
  loadTopology,
  readGatewayConfig,
  resolveHome,
} from '@careledger/network';
import { ADMIN_ENROLMENT_ID, ADMIN_SECRET_FILE } from '../../app/first-administrator.js';
import { GatewayClient } from '../../demo/gateway-client.js';

export interface AccessOptions {
  readonly hospital?: string | undefined;
  readonly gateway?: string | undefined;
  readonly token?: string | undefined;
  readonly home?: string | undefined;
  /** Folder of an embedded consortium. */
  readonly data?: string | undefined;
}

export interface GatewayAccess {
  readonly client: GatewayClient;
  readonly token: string;
}

const EMBEDDED_DATA = fileURLToPath(new URL('../../../../.careledger/embedded', import.meta.url));
const SOMEWHERE = { id: 'the gateway', name: '', mspId: '' };

/**
 * With a URL and a token: that gateway, as whoever the token is of. Otherwise a hospital of this machine, as its
 * administrator, whose secret lies in the hospital's own folder.
 * @throws Error saying what to do; CareLedgerError of the gateway
 */
export async function openGateway(options: AccessOptions): Promise<GatewayAccess> {
  const { gateway, token = process.env['CARELEDGER_TOKEN'] } = options;
  if (gateway !== undefined) {
    if (token === undefined) throw new Error('--gateway needs --token, or CARELEDGER_TOKEN.');
    return { client: new GatewayClient(SOMEWHERE, gateway), token };
  }
  const { client, secretFile } = onFabric(options) ?? embedded(options);
  if (!existsSync(secretFile)) {
    throw new Error(
      `The secret of ${client.hospital.id}'s administrator is not in ${secretFile}. Name a gateway with --gateway and --token.`,
    );
  }
  const secret = readFileSync(secretFile, 'utf8').trim();
  const credentials = { enrolmentId: ADMIN_ENROLMENT_ID, secret };
  const issued = (await client.post('/v1/token', credentials)) as { token: string };
  return { client, token: issued.token };
}

interface Found {
  readonly client: GatewayClient;
  readonly secretFile: string;
}

function onFabric({ hospital, home, data }: AccessOptions): Found | undefined {
  if (data !== undefined) return undefined;
  const folder = resolveHome(home);
  const id = hospital ?? firstHospital().id;
  if (!existsSync(gatewayConfigFile(folder, id))) return undefined;
  const config = readGatewayConfig(folder, id);
  const url = `http://${config.rest.host}:${config.rest.port}`;
  const client = new GatewayClient(config.hospital, url);
  return { client, secretFile: join(config.dataDir, ADMIN_SECRET_FILE) };
}

/** `npm start` listens on the topology's ports. */
function embedded({ hospital, data = EMBEDDED_DATA }: AccessOptions): Found {
  const { hospitals } = loadTopology(DEFAULT_TOPOLOGY_FILE);
  const found = hospitals.find(({ id }) => id === (hospital ?? firstHospital().id));
  if (found === undefined)
    throw new Error(
      `No hospital ${hospital ?? ''} in the topology: ${hospitals.map(({ id }) => id).join(', ')}.`,
    );
  if (!existsSync(join(data, found.id))) {
    throw new Error(
      `No hospital ${found.id} was started here. Run: npm run network -- up (or npm start); or name --gateway URL --token T.`,
    );
  }
  const url = `http://127.0.0.1:${found.ports.gatewayRest}`;
  const secretFile = join(data, found.id, 'gateway', ADMIN_SECRET_FILE);
  return { client: new GatewayClient(found, url), secretFile };
}

function firstHospital(): { readonly id: string } {
  const [first] = loadTopology(DEFAULT_TOPOLOGY_FILE).hospitals;
  if (first === undefined) throw new Error('a validated topology has at least one hospital');
  return first;
}
