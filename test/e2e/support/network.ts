import { join } from 'node:path';
import { KuboRecordStore, type FabricLedger, type RecordStore } from '@careledger/gateway/adapters';
import { ADMIN_SECRET_FILE } from '@careledger/gateway';
import { processId, type GatewayConfig, type ProcessName } from '@careledger/network';
import { runningConsortium } from '../../conformance/support/fabric-consortium.js';
import { peopleOf, type People } from '../../scenario/support/people.js';

/** The network that `npm run network -- up` started, through its gateways. `hospital` counts from 1. */
export interface RunningNetwork extends People {
  readonly home: string;
  readonly channel: string;
  readonly configs: readonly GatewayConfig[];
  configOf(hospital: number): GatewayConfig;
  /** The hospital's own Kubo node. */
  storeOf(hospital: number): RecordStore;
  /** Opens a connection to the hospital's own peer; `stop` closes it. */
  ledgerOf(hospital: number): FabricLedger;
  /** @throws Error when it does not run */
  pidOf(hospital: number, process: ProcessName): number;
  stop(): Promise<void>;
}

export function runningNetwork(): RunningNetwork {
  const consortium = runningConsortium();
  const { configs } = consortium;
  const home = process.env['CARELEDGER_HOME'] ?? '';
  const opened: FabricLedger[] = [];
  const configOf = (hospital: number): GatewayConfig => configs[hospital - 1]!;
  return {
    ...peopleOf(
      configs.map(({ hospital, rest, dataDir }) => ({
        mspId: hospital.mspId,
        restUrl: `http://${rest.host}:${String(rest.port)}`,
        adminSecretFile: join(dataDir, ADMIN_SECRET_FILE),
      })),
    ),
    home,
    channel: configs[0]!.channel,
    configs,
    configOf,
    storeOf: (hospital) => new KuboRecordStore({ rpcUrl: configOf(hospital).ipfs.rpcUrl, timeoutMs: 20_000 }),
    ledgerOf(hospital) {
      const ledger = consortium.open(configOf(hospital).hospital.mspId);
      opened.push(ledger);
      return ledger;
    },
    pidOf(hospital, name) {
      const { id } = configOf(hospital).hospital;
      const pid = processId(home, id, name);
      if (pid === undefined) throw new Error(`${name} of ${id} does not run`);
      return pid;
    },
    async stop() {
      for (const ledger of opened.splice(0)) await ledger.close();
    },
  };
}
