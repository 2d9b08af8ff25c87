import { expect } from 'chai';
import {
  CareLedgerError,
  type Access,
  type EdgeInForce,
  type EmrRecord,
  type GrantChain,
  type PatientGrant,
} from '@careledger/protocol';
import { lineagesOf } from './opening-lineage.js';

const PSEUDONYM = 'a'.repeat(32);
const [FIRST, SECOND] = ['b'.repeat(32), 'c'.repeat(32)] as const;

const recordUnder = (index: number, tagEpoch = 0): EmrRecord =>
  ({
    recordId: `${'d'.repeat(32)}.${String(index)}`,
    ownerMspId: 'H1MSP',
    pseudonym: PSEUDONYM,
    type: 'laboratory',
    sharing: { headerCid: 'x', handle: 'y', sensitivity: 'normal', tagEpoch, keyEpoch: 0 },
  }) as EmrRecord;
const one = recordUnder(1);
const two = recordUnder(2);

const accessTo = (grants: readonly (readonly [EmrRecord, string])[], extra: object = {}): Access =>
  ({
    accessId: 'e'.repeat(64),
    decisions: grants.map(([{ recordId, pseudonym, ownerMspId }, grantId]) => ({
      ...{ recordId, pseudonym, ownerMspId, outcome: 'grant', basis: 'grant', via: 're-encryption', grantId },
      ...extra,
    })),
  }) as unknown as Access;
const access = accessTo([
  [one, FIRST],
  [two, SECOND],
]);

const edge = { recordType: 'laboratory', sensitivity: 'normal', tagEpoch: 0 } as EdgeInForce;
const chainOf = (grantId: string, changes: Partial<PatientGrant> = {}, edges = [edge]): GrantChain => ({
  links: [{ grant: { grantId, status: 'active', ...changes } as PatientGrant, edges }],
});

/** A ledger on which the second grant is as the test says. */
const withSecond = (second: () => Promise<GrantChain>) => ({
  chain: (_: string, grantId: string) => (grantId === SECOND ? second() : Promise.resolve(chainOf(grantId))),
});

describe('records of an opening by their chains', () => {
  it('are found under their grants, all of them in force', async () => {
    const { inForce, refused } = await lineagesOf(
      access,
      [one, two],
      withSecond(() => Promise.resolve(chainOf(SECOND))),
    );
    expect(inForce.map(({ grantId, records }) => [grantId, records])).to.deep.equal([
      [FIRST, [one]],
      [SECOND, [two]],
    ]);
    expect(refused.size).to.equal(0);
  });

  const failing: readonly (readonly [string, () => Promise<GrantChain>])[] = [
    ['has ended', () => Promise.reject(new CareLedgerError('GRANT_NOT_FOUND'))],
    ['is over', () => Promise.resolve(chainOf(SECOND, { status: 'expired' }))],
    [
      'has no edge of the tag’s epoch',
      () => Promise.resolve(chainOf(SECOND, {}, [{ ...edge, tagEpoch: 1 }])),
    ],
  ];
  for (const [why, second] of failing) {
    it(`are opened under the others when one grant ${why}`, async () => {
      const { inForce, refused } = await lineagesOf(access, [one, two], withSecond(second));
      expect(inForce.map(({ grantId }) => grantId)).to.deep.equal([FIRST]);
      expect([...refused].map(([recordId, { code }]) => [recordId, code])).to.deep.equal([
        [two.recordId, 'RELEASE_NOT_AUTHORISED'],
      ]);
    });
  }

  it('are not found at all when the ledger is away, or the entry does not open them along edges', async () => {
    const codeOf = (work: Promise<unknown>) =>
      work.then(
        () => 'found',
        (error: unknown) => (error as CareLedgerError).code,
      );
    const away = withSecond(() => Promise.reject(new CareLedgerError('LEDGER_UNAVAILABLE')));
    expect(await codeOf(lineagesOf(access, [one, two], away))).to.equal('LEDGER_UNAVAILABLE');
    const present = withSecond(() => Promise.resolve(chainOf(SECOND)));
    for (const extra of [{ via: 'release' }, { outcome: 'deny' }, { pseudonym: 'f'.repeat(32) }])
      expect(await codeOf(lineagesOf(accessTo([[one, FIRST]], extra), [one], present))).to.equal(
        'RELEASE_NOT_AUTHORISED',
      );
  });
});
