// One hospital's gateway on Fabric: node gateway/dist/main.js --config FILE [--approve-build]
// FILE is what `npm run network -- up` writes (GatewayConfig). --approve-build approves the configured chaincode
// build although the consortium approves another one: the hospital's decision to upgrade.
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { GatewayConfig } from '@careledger/network';
import { startFabricGateway } from './app/fabric.js';

const USAGE = 'Usage: node gateway/dist/main.js --config FILE [--approve-build]';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { config: { type: 'string' }, 'approve-build': { type: 'boolean', default: false } },
  });
  if (values.config === undefined) throw new Error(USAGE);
  const config = JSON.parse(await readFile(values.config, 'utf8')) as GatewayConfig;
  const gateway = await startFabricGateway(config, {
    approveBuild: values['approve-build'] ? 'always' : 'first',
  });
  stopOnSignals(() => gateway.stop());
  const { log } = gateway.rest;
  log.info({ rest: gateway.restUrl, release: gateway.releaseUrl }, `${config.hospital.name} answers`);
  if (await gateway.whenReady()) log.info('ready');
  else
    log.warn({ reason: gateway.services.readiness.reason }, 'not ready yet; still trying, writing nothing');
}

/** The first signal stops gracefully; what a library leaves open then does not keep the process. */
function stopOnSignals(stop: () => Promise<void>): void {
  const onSignal = (): void => {
    stop()
      .catch((error: unknown) => {
        process.exitCode = 1;
        console.error(error);
      })
      .finally(() => process.exit());
  };
  process.once('SIGTERM', onSignal);
  process.once('SIGINT', onSignal);
}

/** What failed and why, without stacks: the reader is whoever starts the gateway. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} Because: ${describe(error.cause)}`;
}

main().catch((error: unknown) => {
  console.error(describe(error));
  process.exitCode = 1;
});
