import { expect } from 'chai';
import fc from 'fast-check';
import { bigintToBytes, bigintToMinimalBytes } from '../../core/bytes.js';
import { decodeCbor, encodeCbor, type CborMap } from '../../core/cbor.js';
import { runCeremonyLocally, type LocalMessage } from '../engine/local-ceremony.js';
import { HOSPITALS } from '../threshold.test-support.js';
import {
  bodyOf,
  generationOf,
  generationTimeline,
  nameOf,
  plusOne,
  stepWith,
  stepsOf,
  withBody,
  type Part,
} from './ceremony.test-support.js';
import { nextBatch } from './candidates.js';
import { exponentBounds } from './exponent.js';
import { planOf } from './plan.js';
import { CeremonyInconsistent } from '../../lockstep/round.js';
import { ROUND_NAMES, type RoundName } from './round.js';
import type { CeremonyFault, CeremonyIncoming } from '../../lockstep/types.js';
import type { CeremonyStep } from './types.js';

const [liar, victim] = HOSPITALS;
const timeline = (): ReturnType<typeof generationTimeline> => generationTimeline(5);

function faultAfter(
  steps: ReadonlyMap<string, CeremonyStep>,
  change: (message: CeremonyIncoming) => CeremonyIncoming,
): CeremonyFault | undefined {
  return stepWith(steps, { victim, from: liar, change }).fault;
}

function expectNamed(fault: CeremonyFault | undefined, reason: CeremonyFault['reason'], what: string): void {
  expect(fault, what).to.include({ reason, accused: liar });
}

/** Byte fields of a round's own body that hold something. */
function filledFields(message: CeremonyIncoming, part: Part): Array<[string, Uint8Array]> {
  return Object.entries(bodyOf(message, part)).filter(
    (entry): entry is [string, Uint8Array] => entry[1] instanceof Uint8Array && entry[1].length > 0,
  );
}

/** The message of the liar to the victim in a round. */
function messageIn(name: RoundName): CeremonyIncoming {
  const { outgoing } = stepsOf(timeline(), name).get(liar) ?? {};
  if (outgoing === undefined) throw new Error(`nothing sent in ${name}`);
  const { round, broadcast, direct } = outgoing;
  return { from: liar, round, broadcast, direct: direct[victim] ?? new Uint8Array(0) };
}

describe('ceremony faults: garbage names its sender', function () {
  this.timeout(20_000);

  it('in every round: bytes that are no CBOR, no map, with another field, or with none', () => {
    expect(timeline().map(nameOf).slice(0, -1)).to.have.members([...ROUND_NAMES]);
    for (const name of ROUND_NAMES) {
      const steps = stepsOf(timeline(), name);
      const garbage = new Uint8Array(100).fill(0xa5);
      const changes: Array<(message: CeremonyIncoming) => CeremonyIncoming> = [
        (message) => ({ ...message, broadcast: garbage }),
        (message) => ({ ...message, direct: garbage }),
        (message) => ({ ...message, broadcast: new Uint8Array(0) }),
        (message) => ({ ...message, direct: new Uint8Array(0) }),
        (message) => ({ ...message, broadcast: encodeCbor({ body: {} }) }),
        (message) => withBody(message, 'broadcast', []),
        (message) => withBody(message, 'direct', 7),
        (message) => withBody(message, 'broadcast', { ...bodyOf(message, 'broadcast'), more: 1 }),
        (message) => withBody(message, 'direct', { ...bodyOf(message, 'direct'), more: 1 }),
      ];
      for (const [index, change] of changes.entries())
        expectNamed(faultAfter(steps, change), 'GARBAGE', `${name}, change ${index}`);
      expect(
        faultAfter(steps, (message) => message),
        name,
      ).to.equal(undefined);
    }
  });

  it('in every round and field: another length, another type', () => {
    let fields = 0;
    for (const name of ROUND_NAMES)
      for (const part of ['broadcast', 'direct'] as const)
        for (const [field, value] of filledFields(messageIn(name), part)) {
          // These two are as long as their integer; a longer one is out of its group or range.
          const isMinimal = ['subShare', 'response'].includes(field);
          const longer = new Uint8Array(isMinimal ? 4000 : value.length + 1).fill(1);
          for (const other of [value.slice(isMinimal ? value.length : 1), longer, 'text', 5, null]) {
            const body = { ...bodyOf(messageIn(name), part), [field]: other };
            const fault = faultAfter(stepsOf(timeline(), name), (message) => withBody(message, part, body));
            expectNamed(fault, 'GARBAGE', `${name}.${field} as ${typeof other}`);
          }
          fields += 1;
        }
    expect(fields).to.equal(15);
  });

  it('in every round: integers above their bound', () => {
    // A mask is any 32 bytes; a digest and a minimal integer fit whatever they say, and are found to be wrong.
    const inRange = ['mask', 'digest', 'subShare', 'challenge', 'response'];
    for (const name of ROUND_NAMES)
      for (const part of ['broadcast', 'direct'] as const)
        for (const [field, value] of filledFields(messageIn(name), part)) {
          if (inRange.includes(field)) continue;
          const body = { ...bodyOf(messageIn(name), part), [field]: new Uint8Array(value.length).fill(255) };
          const fault = faultAfter(stepsOf(timeline(), name), (message) => withBody(message, part, body));
          expectNamed(fault, 'GARBAGE', `${name}.${field}`);
        }
  });

  it('zero where there is none: a power, a commitment, a partial decryption', () => {
    for (const [name, field] of [
      ['filter', 'powers'],
      ['confirm', 'powers'],
      ['deal', 'commitments'],
    ] as const) {
      const body = bodyOf(messageIn(name), 'broadcast');
      const zeros = { ...body, [field]: new Uint8Array((body[field] as Uint8Array).length) };
      const fault = faultAfter(stepsOf(timeline(), name), (message) => withBody(message, 'broadcast', zeros));
      expectNamed(fault, 'GARBAGE', `${name}.${field}`);
    }
  });
});

describe('ceremony faults: whatever comes, a step returns', function () {
  this.timeout(20_000);

  it('any bytes in any field lead on, or to a fault; nothing is thrown', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ROUND_NAMES),
        fc.boolean(),
        fc.uint8Array({ minLength: 61, maxLength: 61 }),
        (name, isDirect, bytes) => {
          const part = isDirect ? 'direct' : 'broadcast';
          const body = bodyOf(messageIn(name), part);
          const changed = Object.fromEntries(
            filledFields(messageIn(name), part).map(([field, value]) => [
              field,
              // Small enough to be in range most of the time.
              value.map((byte, at) => (at % 32 < 3 ? byte & 1 : (bytes[at % 61] ?? 0))),
            ]),
          );
          const change = (message: CeremonyIncoming): CeremonyIncoming =>
            withBody(message, part, { ...body, ...changed });
          const step = stepWith(stepsOf(timeline(), name), { victim, from: liar, change });
          expect(
            [step.fault, step.outgoing, step.result].filter((outcome) => outcome !== undefined),
          ).to.have.lengthOf(1);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('the largest integers that are in range lead on, and one more names their sender', () => {
    const bounds = exponentBounds(planOf(256, 5), 3);
    const integer = (value: bigint, sizeBytes: number): Uint8Array => bigintToBytes(value, sizeBytes);
    const body = bodyOf(messageIn('exponent'), 'direct');
    const [phiBytes, betaBytes] = ['phi', 'beta'].map((field) => (body[field] as Uint8Array).length);
    const [phi, beta] = [1n << BigInt(bounds.phiShare), 1n << BigInt(bounds.betaShare)];
    const faultOf = (changed: CborMap): CeremonyFault | undefined =>
      faultAfter(stepsOf(timeline(), 'exponent'), (message) => withBody(message, 'direct', changed));
    const largest = { phi: integer(phi - 1n, phiBytes!), beta: integer(beta - 1n, betaBytes!) };
    expect(faultOf(largest)).to.equal(undefined);
    expect(faultOf({ phi: integer(0n, phiBytes!), beta: integer(0n, betaBytes!) })).to.equal(undefined);
    for (const above of [{ phi: integer(phi, phiBytes!) }, { beta: integer(beta, betaBytes!) }])
      expectNamed(faultOf({ ...largest, ...above }), 'GARBAGE', Object.keys(above).join());

    const subShare = (value: bigint): CeremonyFault | undefined =>
      faultAfter(stepsOf(timeline(), 'deal'), (message) =>
        withBody(message, 'direct', { subShare: bigintToMinimalBytes(value) }),
      );
    const limit = 1n << BigInt(bounds.subShare);
    expectNamed(subShare(limit - 1n), 'PROOF_INVALID', 'the largest sub-share');
    expectNamed(subShare(limit), 'GARBAGE', 'one above');
    expectNamed(subShare(0n), 'GARBAGE', 'none');
  });
});

describe('ceremony faults: what contradicts a commitment or proof names its sender', function () {
  this.timeout(20_000);

  const cases: Array<[RoundName, Part, string]> = [
    ['deal', 'direct', 'subShare'],
    ['deal', 'broadcast', 'commitments'],
    ['prove', 'broadcast', 'value'],
    ['prove', 'broadcast', 'challenge'],
    ['prove', 'broadcast', 'response'],
    ['agree', 'broadcast', 'digest'],
  ];
  for (const [name, part, field] of cases)
    it(`ATTACK ${name}: another ${field}`, () => {
      const body = bodyOf(messageIn(name), part);
      const changed = { ...body, [field]: plusOne(body[field] as Uint8Array) };
      const steps = stepsOf(timeline(), name);
      expectNamed(
        faultAfter(steps, (message) => withBody(message, part, changed)),
        'PROOF_INVALID',
        field,
      );
      expect(faultAfter(steps, (message) => withBody(message, part, body))).to.equal(undefined);
    });
});

/** One byte string of a body changed on its way from the liar; to everybody, since it is no equivocation. */
function changing(field: string, from: string, part: Part) {
  return (message: LocalMessage): Pick<LocalMessage, 'broadcast' | 'direct'> => {
    const incoming: CeremonyIncoming = message;
    const fields = decodeCbor(message[part], 2 ** 23) as CborMap;
    const body = part === 'direct' ? fields : (fields['body'] as CborMap);
    const value = body[field];
    if (message.from !== from || !(value instanceof Uint8Array) || value.length === 0) return message;
    const last = new Uint8Array(value);
    // One higher or lower in its last integer, which stays in range.
    last[last.length - 1] = (last[last.length - 1] ?? 0) ^ 1;
    return withBody(incoming, part, { ...body, [field]: last });
  };
}

describe('ceremony faults: what is noticed, and nobody named', function () {
  this.timeout(20_000);

  const parameters = generationOf(3);
  const run = (field: string, part: Part): ReturnType<typeof runCeremonyLocally> =>
    runCeremonyLocally({ parameters, onMessage: changing(field, liar, part) });

  for (const [field, part, detail] of [
    ['opened', 'broadcast', 'a candidate of another size or residue'],
    ['mask', 'direct', 'a candidate'],
    ['phi', 'direct', 'do not open the test ciphertext'],
    ['beta', 'direct', 'do not open the test ciphertext'],
  ] as const)
    it(`ATTACK another ${field}: the outcome contradicts itself`, async () => {
      const { results, faults } = await run(field, part);
      expect(results).to.deep.equal({});
      expect(Object.values(faults)).to.have.lengthOf.at.least(1);
      for (const fault of Object.values(faults)) {
        expect(fault).to.include({ reason: 'INCONSISTENT' });
        expect(fault).to.not.have.property('accused');
        expect(fault.detail).to.contain(detail);
      }
    });

  it('not even noticed: powers that make a good candidate fail cost a batch', () => {
    const body = bodyOf(messageIn('filter'), 'broadcast');
    const ones = new Uint8Array((body['powers'] as Uint8Array).length).map((_, at) =>
      at % 32 === 31 ? 1 : 0,
    );
    const after = (powers: Uint8Array | undefined): string | undefined => {
      const changed = powers === undefined ? body : { powers };
      const change = (message: CeremonyIncoming): CeremonyIncoming => withBody(message, 'broadcast', changed);
      const step = stepWith(stepsOf(timeline(), 'filter'), { victim, from: liar, change });
      return nameOf(new Map([[victim, step]]));
    };
    expect(after(undefined)).to.equal('confirm');
    expect(after(ones)).to.equal('factors');
  });

  it('after 48 batches without a key a ceremony ends', () => {
    expect(nextBatch({ batch: 46 })).to.deep.equal({ next: 'factors', data: { batch: 47 } });
    expect(() => nextBatch({ batch: 47 })).to.throw(CeremonyInconsistent);
  });
});

describe('ceremony faults: whether everybody got the same', function () {
  this.timeout(20_000);

  const parameters = generationOf(3);
  const [, , third] = HOSPITALS;

  /** Another power in the filter, in range, to one recipient only: two broadcasts, both signed. */
  const equivocate = (message: LocalMessage): Pick<LocalMessage, 'broadcast' | 'direct'> =>
    message.to === victim ? changing('powers', liar, 'broadcast')(message) : message;

  it('ATTACK two broadcasts: everyone else names the sender, from its two signatures', async () => {
    const { results, faults } = await runCeremonyLocally({ parameters, sealed: true, onMessage: equivocate });
    expect(results).to.deep.equal({});
    for (const honest of [victim, third])
      expect(faults[honest], honest).to.include({ reason: 'EQUIVOCATION', accused: liar });
    expect(faults[liar]).to.include({ reason: 'INCONSISTENT' });
  });

  it('without signing keys the difference is noticed, and nobody named', async () => {
    const { results, faults } = await runCeremonyLocally({ parameters, onMessage: equivocate });
    expect(results).to.deep.equal({});
    for (const honest of [victim, third])
      expect(faults[honest], honest).to.include({ reason: 'INCONSISTENT' });
  });

  it('ATTACK an echo that puts words into another’s mouth names the echoer', async () => {
    const { faults } = await runCeremonyLocally({
      parameters,
      sealed: true,
      onMessage: (message) => {
        const { echo, body = null } = decodeCbor(message.broadcast, 2 ** 23) as CborMap;
        if (message.from !== liar || message.round !== 2) return message;
        const forged = new Uint8Array(echo as Uint8Array);
        forged[0] = (forged[0] ?? 0) ^ 1;
        return { ...message, broadcast: encodeCbor({ echo: forged, body }) };
      },
    });
    for (const honest of [victim, third])
      expect(faults[honest], honest).to.include({ reason: 'GARBAGE', accused: liar });
  });

  it('an echo of another length names its sender', async () => {
    const { faults } = await runCeremonyLocally({
      parameters,
      onMessage: (message) => {
        const { body = null } = decodeCbor(message.broadcast, 2 ** 23) as CborMap;
        if (message.from !== liar || message.round !== 1) return message;
        return { ...message, broadcast: encodeCbor({ echo: new Uint8Array(31), body }) };
      },
    });
    expect(faults[victim]).to.include({ reason: 'GARBAGE', accused: liar });
  });
});
