import { Client, credentials, type CallOptions } from '@grpc/grpc-js';
import { connect, hash, type Gateway } from '@hyperledger/fabric-gateway';
import type { SigningIdentity } from '../../ports/ledger.js';

export interface FabricPeer {
  /** `host:port` */
  readonly endpoint: string;
  /** The name in the peer's TLS certificate. */
  readonly hostAlias: string;
  /** PEM. */
  readonly tlsRootCertificate: string;
}

/** How long each step of a transaction may take before it counts as failed. */
export interface Deadlines {
  readonly evaluateMs: number;
  readonly endorseMs: number;
  readonly submitMs: number;
  readonly commitStatusMs: number;
}

export const DEADLINES: Deadlines = {
  evaluateMs: 20_000,
  endorseMs: 30_000,
  submitMs: 15_000,
  commitStatusMs: 60_000,
};

const MAX_MESSAGE_BYTES = 128 * 1_048_576;

/**
 * One gRPC connection to the hospital's own peer. A `Gateway` per call is only a few objects over it: keeping them
 * per identity would save nothing and would hold on to signers.
 */
export class PeerConnection {
  private readonly client: Client;

  constructor(
    peer: FabricPeer,
    private readonly deadlines: Deadlines,
  ) {
    const tls = credentials.createSsl(Buffer.from(peer.tlsRootCertificate));
    this.client = new Client(peer.endpoint, tls, {
      'grpc.ssl_target_name_override': peer.hostAlias,
      'grpc.default_authority': peer.hostAlias,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
      'grpc.keepalive_time_ms': 120_000,
      'grpc.keepalive_timeout_ms': 20_000,
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 5_000,
    });
  }

  gateway(identity: SigningIdentity): Gateway {
    const { evaluateMs, endorseMs, submitMs, commitStatusMs } = this.deadlines;
    return connect({
      client: this.client,
      identity: { mspId: identity.mspId, credentials: Buffer.from(identity.certificate) },
      signer: (digest) => identity.sign(digest),
      hash: hash.sha256,
      evaluateOptions: within(evaluateMs),
      endorseOptions: within(endorseMs),
      submitOptions: within(submitMs),
      commitStatusOptions: within(commitStatusMs),
    });
  }

  close(): void {
    this.client.close();
  }
}

export function within(timeoutMs: number): () => CallOptions {
  return () => ({ deadline: Date.now() + timeoutMs });
}
