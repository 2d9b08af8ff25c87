import type { LinkCase, LinkOutcome } from '@careledger/protocol';
import type { SigningIdentity } from '../ports/ledger.js';
import { unless } from '../release/access-evidence.js';
import type { ContractCaller, Receipted } from '../services/contract-caller.js';
import type { SharingLedger } from './sharing-ledger.js';

/** The ledger as linking uses it: this hospital's own peer, under the gateway's own identity. */
export interface LinkLedger extends Pick<SharingLedger, 'mspId' | 'masterKey' | 'activeMembers'> {
  linkCase(linkCaseId: string): Promise<LinkCase | undefined>;
  /** As the patient enrolled it; undefined for a pseudonym without one. @throws CareLedgerError PATIENT_NOT_FOUND */
  sealedLink(pseudonym: string): Promise<Uint8Array | undefined>;
  postOutcome(linkCaseId: string, outcome: LinkOutcome): Promise<Receipted<LinkCase>>;
}

export function createLinkLedger(
  ledger: Pick<SharingLedger, 'mspId' | 'masterKey' | 'activeMembers'>,
  modules: { readonly contracts: ContractCaller; readonly identity: SigningIdentity },
): LinkLedger {
  const { contracts, identity } = modules;
  return {
    mspId: ledger.mspId,
    masterKey: () => ledger.masterKey(),
    activeMembers: () => ledger.activeMembers(),
    linkCase: (linkCaseId) =>
      unless('LINK_CASE_NOT_FOUND', contracts.evaluate(identity, 'links', 'Get', { linkCaseId })),
    async sealedLink(pseudonym) {
      const { link } = await contracts.evaluate(identity, 'patients', 'Get', { pseudonym });
      return link === undefined ? undefined : new Uint8Array(Buffer.from(link, 'base64url'));
    },
    postOutcome: (linkCaseId, outcome) =>
      contracts.submit(identity, 'links', 'PostOutcome', { linkCaseId, outcome }),
  };
}
