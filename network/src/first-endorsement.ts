import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { connect, type Gateway, signers } from '@hyperledger/fabric-gateway';
import { authorityRootFile } from './ca.js';
import { type HospitalContext, logHint } from './context.js';
import { serverAlias } from './identity-plan.js';
import { identityFiles } from './identities.js';
import { waitFor } from './wait.js';

const DISCOVERY_TIMEOUT_MS = 120_000;
const CALL_TIMEOUT_MS = 20_000;
/** Every contract answers it; it reads nothing and, only endorsed and not submitted, writes nothing. */
const HARMLESS_TRANSACTION = 'org.hyperledger.fabric:GetMetadata';

/**
 * Waits until the hospital's own peer can gather the endorsements of a majority. Healthy peers are not
 * enough: for some seconds after a start they have not discovered one another.
 */
export async function awaitFirstEndorsement(context: HospitalContext): Promise<void> {
  const { host, ports, id } = context.hospital;
  const client = new grpc.Client(
    `${host}:${String(ports.peer)}`,
    grpc.credentials.createSsl(readFileSync(authorityRootFile(context, 'tls'))),
    { 'grpc.ssl_target_name_override': serverAlias(context.hospital, 'peer') },
  );
  const gateway = openGateway(context, client);
  try {
    const contract = gateway.getNetwork(context.topology.channel).getContract(context.topology.chaincode.name);
    await waitFor(async () => contract.newProposal(HARMLESS_TRANSACTION).endorse(), {
      what: `a majority of peers to endorse a transaction of ${id}`,
      timeoutMs: DISCOVERY_TIMEOUT_MS,
      intervalMs: 500,
      hint: logHint(context, 'peer'),
    });
  } finally {
    gateway.close();
    client.close();
  }
}

function openGateway(context: HospitalContext, client: grpc.Client): Gateway {
  const identity = identityFiles(context, 'gateway');
  return connect({
    client,
    identity: { mspId: context.hospital.mspId, credentials: readFileSync(identity.certificate) },
    signer: signers.newPrivateKeySigner(createPrivateKey(readFileSync(identity.key))),
    endorseOptions: () => ({ deadline: Date.now() + CALL_TIMEOUT_MS }),
  });
}
