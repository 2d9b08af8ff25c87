import { join } from 'node:path';
import { startCa } from './ca.js';
import { startChaincode, writePeerConnection } from './chaincode-process.js';
import type { HospitalContext } from './context.js';
import { awaitHospitals, publish } from './exchange.js';
import { awaitFirstEndorsement } from './first-endorsement.js';
import { GATEWAY_ENTRY, startGateway, writeGatewayConfig } from './gateway-process.js';
import { obtainGenesis } from './genesis.js';
import { enrolIdentities } from './identities.js';
import { initialiseKubo, startKubo } from './kubo.js';
import { approveChaincode, commitChaincode, installChaincode } from './lifecycle.js';
import { withLock } from './lock.js';
import { joinOrderer, startOrderer } from './orderer.js';
import { joinPeer, startPeer } from './peer.js';
import { refuseStrangers } from './ports.js';
import { startSupervisor } from './supervision.js';

/**
 * Brings one hospital up, on the host this runs on. Every step looks first whether it is done, so that the
 * same command goes on after a crash and is quick when everything runs.
 */
export async function upHospital(context: HospitalContext): Promise<void> {
  const startedMs = Date.now();
  const step = (text: string): void => {
    context.say(`${((Date.now() - startedMs) / 1000).toFixed(1).padStart(5)} s  ${text}`);
  };
  await withLock(join(context.paths.run, 'up.lock'), { what: context.hospital.id }, async () => {
    await refuseStrangers(context);
    startSupervisor(context);
    await startCa(context);
    step('certificate authority answers');
    await enrolIdentities(context);
    publish(context, await initialiseKubo(context));
    step('identities enrolled, public files published');
    const hospitals = await awaitHospitals(context);
    const genesisFile = await obtainGenesis(context, hospitals);
    step('first block checked');
    writePeerConnection(context);
    await Promise.all([startOrderer(context), startPeer(context), startKubo(context, hospitals)]);
    step('orderer, peer and IPFS node healthy');
    await Promise.all([joinOrderer(context, genesisFile), joinPeer(context, genesisFile)]);
    step('channel joined');
    const packageId = await installChaincode(context);
    await startChaincode(context, packageId);
    await approveChaincode(context, packageId);
    step('chaincode runs and is approved');
    await commitChaincode(context);
    await awaitFirstEndorsement(context);
    step('a majority endorses');
    const configFile = writeGatewayConfig(context, hospitals);
    const ready = await startGateway(context, configFile);
    step(ready ? 'gateway ready' : `no gateway: ${GATEWAY_ENTRY} is not built`);
  });
}
