import { base64UrlToBytes, parseStatement, type SharingRunner } from '@careledger/crypto';
import type { KeyCustody } from '../ports/key-custody.js';
import type { SharingModules } from './shared-records.js';

/** What records need to be shared along edges, on the threads of one runner. */
export function sharingModules(custody: KeyCustody, runner: Pick<SharingRunner, 'run'>): SharingModules {
  return {
    custody: custody.sharing,
    sealer: {
      async seal({ owner, labels, tagEpoch, aad }) {
        const { name, keyEpoch, publicKey, signingKey, recoverable } = owner;
        const tag = { typeLabel: labels.type, conditionLabel: labels.condition, tagEpoch };
        const item = { owner: { name, keyEpoch, publicKey, signingKey, recoverable }, tag, aad };
        const [sealed] = await runner.run('encrypt', [item]);
        if (sealed === undefined) throw new Error('a header was to be sealed, and none came');
        return { pre: sealed.header, handle: sealed.handle, wrapKey: sealed.wrapKey };
      },
    },
    thresholdOf: (statement) => parseStatement(base64UrlToBytes(statement)).threshold,
  };
}
