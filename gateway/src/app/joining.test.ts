import type { Member } from '@careledger/protocol';
import { expect } from 'chai';
import type { ContractCaller } from '../services/contract-caller.js';
import { createReadiness } from '../services/readiness.js';
import { joinStep } from './joining.js';

const AT = '2026-11-20T00:00:00.000Z';
const DIGEST = 'ab'.repeat(32);
const self = { name: 'Alpha', gatewayUrl: 'https://alpha:1', encryptionKey: 'CQ'.padEnd(43, 'A') };

function member(mspId: string, changes: Partial<Member>): Member {
  const votes = { admit: [], suspend: [], reinstate: [] };
  const stamp = { proposedAt: AT, changedAt: AT, txId: DIGEST };
  return { mspId, ...self, status: 'active', votes, approvedBuild: DIGEST, ...stamp, ...changes };
}

/** Whom the gateway of Alpha votes for, with these members on the ledger. */
async function votesAmong(others: readonly Member[]): Promise<unknown[]> {
  const votes: unknown[] = [];
  const contracts = {
    evaluate: (_identity: unknown, _contract: string, method: string) =>
      Promise.resolve(
        method === 'Build'
          ? { running: DIGEST, approved: DIGEST }
          : { items: [member('Alpha', {}), ...others] },
      ),
    submit: (_identity: unknown, _contract: string, method: string, argument: object) =>
      Promise.resolve(void votes.push({ method, ...argument })),
  } as unknown as ContractCaller;
  const sign = (): Promise<never> => Promise.reject(new Error('nothing is signed here'));
  const identity = { mspId: 'Alpha', certificate: '', sign };
  const admits = ['Bravo', 'Charlie'];
  await joinStep(
    { mspId: 'Alpha', self, admits, buildDigest: DIGEST, approveBuild: 'first' },
    { contracts, identity, readiness: createReadiness() },
  );
  return votes;
}

describe('joining', () => {
  it('admits those of its list that propose themselves for the first time', async () => {
    const proposed = ['Bravo', 'Stranger'].map((mspId) => member(mspId, { status: 'proposed' }));
    expect(await votesAmong(proposed)).to.deep.equal([{ method: 'Vote', mspId: 'Bravo', vote: 'admit' }]);
  });

  it('does not take back by itself one that left: a suspension would last no longer than a restart', async () => {
    expect(await votesAmong([member('Bravo', { status: 'proposed', leftAt: AT })])).to.deep.equal([]);
  });
});
