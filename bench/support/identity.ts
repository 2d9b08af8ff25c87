import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { signers } from '@hyperledger/fabric-gateway';
import type { SigningIdentity } from '@careledger/gateway/adapters';
import type { GatewayConfig } from '@careledger/network';

/** The gateway's own identity from its files, without its custody: the benchmark signs as the hospital's service. */
export function identityFromFiles({ hospital, serviceIdentity }: GatewayConfig): SigningIdentity {
  const sign = signers.newPrivateKeySigner(createPrivateKey(readFileSync(serviceIdentity.keyFile, 'utf8')));
  return { mspId: hospital.mspId, certificate: readFileSync(serviceIdentity.certFile, 'utf8'), sign };
}
