/**
 * An integrator's existing program on `fabric-network` 2.2 (superseded; docs/adr/0001) works against the network: it
 * discovers the peers, reads, writes under a majority's endorsement, hears the event, and gets the contract's codes.
 */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fabricNetwork, { type Contract, type ContractEvent, type Gateway } from 'fabric-network';
import { bytesToBase64Url, bytesToHex, randomBytes } from '@careledger/crypto';
import {
  generateHpkeKeyPair,
  generatePatientKeys,
  patientMessage,
  signPatientPayload,
} from '@careledger/crypto';
import { EVENTS, canonicalJson, decodeChaincodeError, type Member, type Page } from '@careledger/protocol';
import { readGatewayConfig, resolveHome, type GatewayConfig } from '@careledger/network';

const EVENT_LIMIT_MS = 20_000;

describe('interop: fabric-network 2.2', () => {
  let gateway: Gateway;
  let contract: Contract;
  let config: GatewayConfig;

  before(async () => {
    config = readGatewayConfig(resolveHome(), 'h1');
    gateway = await connect(config);
    contract = (await gateway.getNetwork(config.channel)).getContract(config.chaincode, 'patients');
  });

  after(() => {
    gateway.disconnect();
  });

  it('reads what stands on the ledger', async () => {
    const members = (await gateway.getNetwork(config.channel)).getContract(config.chaincode, 'members');
    const answer = await members.evaluateTransaction('List', '{}');
    const { items } = JSON.parse(answer.toString('utf8')) as Page<Member>;
    expect(items.map(({ mspId }) => mspId)).to.include(config.hospital.mspId);
  });

  it('writes, and hears the event of its transaction', async () => {
    const { pseudonym, request } = enrolment(config);
    let listener: (event: ContractEvent) => Promise<void> = () => Promise.resolve();
    const heard = new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no event of the transaction within ${EVENT_LIMIT_MS} ms`));
      }, EVENT_LIMIT_MS);
      listener = ({ eventName, payload }) => {
        // Others use the network at the same time: only the event that names this patient is ours.
        const { id } = JSON.parse(payload?.toString('utf8') ?? '{}') as { id?: string };
        if (id !== pseudonym) return Promise.resolve();
        clearTimeout(timer);
        resolve(eventName);
        return Promise.resolve();
      };
    });
    await contract.addContractListener(listener);
    const answer = await contract.submitTransaction('Enrol', canonicalJson(request), '');
    expect(JSON.parse(answer.toString('utf8'))).to.include({ pseudonym, status: 'enrolled' });
    expect(await heard).to.equal(EVENTS.patientChanged);
    contract.removeContractListener(listener);
  });

  it('gets the contract’s code when it is refused', async () => {
    const { request } = enrolment(config);
    const forged = { ...request, nonce: bytesToBase64Url(randomBytes(16)) };
    const failure = await contract.submitTransaction('Enrol', canonicalJson(forged), '').then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    expect(decodeChaincodeError(failure?.message ?? '')?.code).to.equal('SIGNATURE_INVALID');
  });
});

async function connect(config: GatewayConfig): Promise<Gateway> {
  const { Gateway: GatewayClass, Wallets } = fabricNetwork;
  const { mspId } = config.hospital;
  const wallet = await Wallets.newInMemoryWallet();
  await wallet.put('service', {
    type: 'X.509',
    mspId,
    version: 1,
    credentials: {
      certificate: readFileSync(config.serviceIdentity.certFile, 'utf8'),
      privateKey: readFileSync(config.serviceIdentity.keyFile, 'utf8'),
    },
  } as never);
  const gateway = new GatewayClass();
  await gateway.connect(connectionProfile(config), {
    wallet,
    identity: 'service',
    discovery: { enabled: true, asLocalhost: false },
  });
  return gateway;
}

function connectionProfile({ hospital, peer }: GatewayConfig): Record<string, unknown> {
  return {
    name: 'careledger',
    version: '1.0.0',
    client: { organization: hospital.mspId },
    organizations: { [hospital.mspId]: { mspid: hospital.mspId, peers: ['peer'] } },
    peers: {
      peer: {
        url: `grpcs://${peer.endpoint}`,
        tlsCACerts: { path: peer.tlsRootFile },
        grpcOptions: { 'ssl-target-name-override': peer.hostAlias },
      },
    },
  };
}

/** A patient that enrols itself at the hospital, signed with the key that it registers. */
function enrolment({ channel, hospital }: GatewayConfig) {
  const signing = generatePatientKeys();
  const pseudonym = bytesToHex(randomBytes(16));
  const keys = {
    signing: bytesToBase64Url(signing.publicKey),
    encryption: bytesToBase64Url(generateHpkeKeyPair().publicKey),
  };
  const args = { pseudonym, mspId: hospital.mspId, keys };
  const nonce = bytesToBase64Url(randomBytes(16));
  const message = patientMessage({
    channel,
    method: 'patients:Enrol',
    argumentsJson: canonicalJson(args),
    nonce,
  });
  const signature = bytesToBase64Url(signPatientPayload(signing.privateKey, message));
  return { pseudonym, request: { arguments: args, nonce, signature } };
}
