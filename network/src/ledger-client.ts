import { createHash, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as grpc from '@grpc/grpc-js';
import { connect, type Contract, GatewayError, type Signer, signers } from '@hyperledger/fabric-gateway';
import { discovery, msp, peer } from '@hyperledger/fabric-protos';
import { authorityRootFile } from './ca.js';
import type { HospitalContext } from './context.js';
import { errorText } from './errors.js';
import { type IdentityName, serverAlias } from './identity-plan.js';
import { identityFiles } from './identities.js';

const CALL_TIMEOUT_MS = 30_000;

/**
 * One identity of a hospital, connected to the hospital's own peer. Transactions go through the peer's
 * gateway, which hands them to every orderer: with BFT ordering a single orderer may keep one for itself.
 */
export class LedgerClient {
  readonly #context: HospitalContext;
  readonly #client: grpc.Client;
  readonly #signer: Signer;
  readonly #certificate: Buffer;
  readonly #gateway: ReturnType<typeof connect>;

  constructor(context: HospitalContext, identity: IdentityName) {
    const { host, ports, mspId } = context.hospital;
    const files = identityFiles(context, identity);
    this.#context = context;
    this.#certificate = readFileSync(files.certificate);
    this.#signer = signers.newPrivateKeySigner(createPrivateKey(readFileSync(files.key)));
    this.#client = new grpc.Client(
      `${host}:${String(ports.peer)}`,
      grpc.credentials.createSsl(readFileSync(authorityRootFile(context, 'tls'))),
      { 'grpc.ssl_target_name_override': serverAlias(context.hospital, 'peer') },
    );
    const deadline = (): grpc.CallOptions => ({ deadline: Date.now() + CALL_TIMEOUT_MS });
    this.#gateway = connect({
      client: this.#client,
      identity: { mspId, credentials: this.#certificate },
      signer: this.#signer,
      evaluateOptions: deadline,
      endorseOptions: deadline,
      submitOptions: deadline,
      commitStatusOptions: deadline,
    });
  }

  contract(chaincodeName: string): Contract {
    return this.#gateway.getNetwork(this.#context.topology.channel).getContract(chaincodeName);
  }

  close(): void {
    this.#gateway.close();
    this.#client.close();
  }

  /**
   * Asks the peer's discovery service who could endorse a chaincode's transactions.
   * @returns undefined when there are enough, else what the peer says is missing.
   */
  async missingEndorsers(chaincodeName: string): Promise<string | undefined> {
    const query = new discovery.Query();
    query.setChannel(this.#context.topology.channel);
    const call = new peer.ChaincodeCall();
    call.setName(chaincodeName);
    const interest = new peer.ChaincodeInterest();
    interest.setChaincodesList([call]);
    const chaincodeQuery = new discovery.ChaincodeQuery();
    chaincodeQuery.setInterestsList([interest]);
    query.setCcQuery(chaincodeQuery);
    const response = await this.#discover(query);
    return response.getResultsList()[0]?.getError()?.getContent();
  }

  async #discover(query: discovery.Query): Promise<discovery.Response> {
    const self = new msp.SerializedIdentity();
    self.setMspid(this.#context.hospital.mspId);
    self.setIdBytes(this.#certificate);
    const authentication = new discovery.AuthInfo();
    authentication.setClientIdentity(self.serializeBinary());
    const request = new discovery.Request();
    request.setAuthentication(authentication);
    request.setQueriesList([query]);
    const signed = new discovery.SignedRequest();
    signed.setPayload(request.serializeBinary());
    signed.setSignature(await this.#signer(createHash('sha256').update(signed.getPayload_asU8()).digest()));
    return this.#call(signed);
  }

  #call(signed: discovery.SignedRequest): Promise<discovery.Response> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        '/discovery.Discovery/Discover',
        (request: discovery.SignedRequest) => Buffer.from(request.serializeBinary()),
        (bytes: Buffer) => discovery.Response.deserializeBinary(bytes),
        signed,
        new grpc.Metadata(),
        { deadline: Date.now() + CALL_TIMEOUT_MS },
        (error, response) => {
          if (error) reject(error);
          else if (response) resolve(response);
          else reject(new Error('the discovery service gave no response'));
        },
      );
    });
  }
}

/** Runs `work` with a client that is closed afterwards. */
export async function withLedger<T>(
  context: HospitalContext,
  identity: IdentityName,
  work: (client: LedgerClient) => Promise<T>,
): Promise<T> {
  const client = new LedgerClient(context, identity);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** What went wrong, with what each peer or orderer said. */
export function ledgerErrorText(thrown: unknown): string {
  if (!(thrown instanceof GatewayError) || thrown.details.length === 0) return errorText(thrown);
  return thrown.details.map((detail) => `${detail.mspId}: ${detail.message}`).join('; ');
}
