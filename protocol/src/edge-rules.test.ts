import { expect } from 'chai';
import fc from 'fast-check';
import { decide } from './decision.js';
import {
  assertEdgesCover,
  assertForward,
  assertForwardStands,
  assertRoomForEdges,
  liveLineage,
} from './edge-rules.js';
import { addGrant, endAllGrants, endForward, expirePast, revokeGrant } from './grant-rules.js';
import { LIMITS } from './limits.js';
import { RECORD_TYPES, SENSITIVITIES } from './record-types.js';
import {
  AT,
  FORWARD_ID,
  GRANT_ID,
  SHARING,
  TX_ID,
  book,
  edge,
  edgeGrant,
  forward,
  grant,
  record,
  sharedInput,
} from './samples.test-support.js';
import type { GrantBook } from './schemas/grant-book.js';
import type { Edge, PatientGrant } from './schemas/grants.js';
import { isClosedToSharing, isSealedForSharing, lineageOf, raiseEpochs, tagStateOf } from './tags.js';

const offered = (recordType: Edge['recordType'], sensitivity: Edge['sensitivity']): Edge => ({
  recordType,
  sensitivity,
  tagEpoch: 0,
  statement: 'AA',
  w: 'AA',
});
const code = (work: () => unknown): unknown => {
  try {
    work();
    return undefined;
  } catch (error) {
    return (error as { code: unknown }).code;
  }
};

/** A tree of grants by edges: each stands on an earlier one, or is the patient's own. */
const arbitraryTree: fc.Arbitrary<PatientGrant[]> = fc
  .array(fc.record({ parent: fc.nat(20), isRoot: fc.boolean(), past: fc.boolean() }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((plans) =>
    plans.map(({ parent, isRoot, past }, index) => {
      const idOf = (place: number) => String(place).padStart(32, '0');
      const notAfter = past ? '2026-11-19T00:00:00.000Z' : '2026-12-01T00:00:00.000Z';
      const base = { grantId: idOf(index), notAfter };
      return isRoot || index === 0
        ? edgeGrant(base)
        : forward({ ...base, basis: { parentId: idOf(parent % index), by: sharedInput().requester } });
    }),
  );

describe('edges of a grant', () => {
  it('are one for each type and sensitivity, and nothing else', () => {
    for (const recordType of RECORD_TYPES.slice(0, 2)) {
      const all = SENSITIVITIES.map((sensitivity) => offered(recordType, sensitivity));
      expect(
        code(() => {
          assertEdgesCover([recordType], all);
        }),
      ).to.equal(undefined);
      expect(
        code(() => {
          assertEdgesCover([recordType], [...all, ...all]);
        }),
      ).to.equal('EDGE_INVALID');
      expect(
        code(() => {
          assertEdgesCover([recordType, 'imaging'], all);
        }),
      ).to.equal('EDGE_INVALID');
    }
  });

  it('are bounded over all live grants', () => {
    const many = Array.from({ length: LIMITS.edgesPerGrant }, () => edge());
    const full = LIMITS.liveEdgesPerPatient / LIMITS.edgesPerGrant;
    const grants = Array.from({ length: full }, () => edgeGrant({ edges: many }));
    expect(
      code(() => {
        assertRoomForEdges(book({ grants }));
      }),
    ).to.equal(undefined);
    const over = book({ grants: [...grants, edgeGrant()] });
    expect(
      code(() => {
        assertRoomForEdges(over);
      }),
    ).to.equal('LIMIT_EXCEEDED');
  });
});

describe('what ends with a grant', () => {
  it('is every grant below it, and no other; the epoch of its tags is raised once', () => {
    fc.assert(
      fc.property(arbitraryTree, fc.nat(20), (grants, place) => {
        const root = grants[place % grants.length]?.grantId ?? '';
        const before = book({ grants, identityEpoch: 0 });
        const { book: after, ended } = revokeGrant(before, root, AT, TX_ID);
        for (const candidate of grants) {
          const isBelow = lineageOf(grants, candidate).some(({ grantId }) => grantId === root);
          expect(ended.some(({ grantId }) => grantId === candidate.grantId)).to.equal(isBelow);
          expect(after.grants.includes(candidate)).to.equal(!isBelow);
        }
        expect(ended.find(({ grantId }) => grantId === root)?.status).to.equal('revoked');
        expect(tagStateOf(after, 'laboratory/normal').epoch).to.equal(1);
      }),
    );
  });

  it('leaves nothing open: after any ending no edge of before is of the present epoch', () => {
    const endings = [
      (before: GrantBook) => endAllGrants(before, AT, TX_ID),
      (before: GrantBook) => expirePast(before, AT, TX_ID),
    ];
    fc.assert(
      fc.property(arbitraryTree, fc.constantFrom(...endings), (grants, ending) => {
        const { book: after, ended } = ending(book({ grants, identityEpoch: 0 }));
        if (ended.length === 0) return;
        for (const live of after.grants) {
          const input = sharedInput({
            patient: { tags: after.tags ?? {} },
            record: { sharing: { ...SHARING, tagEpoch: 1 } },
            grants: after.grants.map((each) => ({ ...each, edges: [edge({ tagEpoch: 0 })] })),
          });
          expect(decide(input), live.grantId).to.include({ outcome: 'deny' });
        }
      }),
    );
  });

  it('does not touch epochs where no edge was', () => {
    const { book: after } = revokeGrant(book({ grants: [grant()] }), GRANT_ID, AT, TX_ID);
    expect(after.tags).to.equal(undefined);
  });

  it('is the forward alone when its hospital ends it, with its epoch', () => {
    const before = book({ grants: [edgeGrant(), forward()], identityEpoch: 0 });
    const { book: after, ended } = endForward(before, FORWARD_ID, AT, TX_ID);
    expect(ended.map(({ status }) => status)).to.deep.equal(['ended']);
    expect(after.grants.map(({ grantId }) => grantId)).to.deep.equal([GRANT_ID]);
    expect(tagStateOf(after, 'laboratory/normal').epoch).to.equal(1);
  });
});

describe('the room for forwards', () => {
  const numbered = (index: number, changes: Partial<PatientGrant> = {}): PatientGrant =>
    forward({ grantId: String(index).padStart(32, '0'), ...changes });
  const under = (parentId: string) => ({ basis: { parentId, by: sharedInput().requester } });
  const forwards = (count: number, changes: Partial<PatientGrant> = {}): PatientGrant[] =>
    Array.from({ length: count }, (_, index) => numbered(index, changes));
  const added = (grants: readonly PatientGrant[], one: PatientGrant) => () =>
    addGrant(book({ grants: [...grants] }), one, AT, TX_ID);
  const own = edgeGrant({ grantId: 'e'.repeat(32) });

  it('of one grant is bounded, below a forward too, and leaves the patient’s own', () => {
    const almost = [edgeGrant(), ...forwards(LIMITS.forwardsPerGrant - 1)];
    const last = numbered(99);
    expect(added(almost, last)().book.grants).to.have.length(LIMITS.forwardsPerGrant + 1);
    const full = [...almost, last];
    for (const beyond of [numbered(100), numbered(100, under(last.grantId))])
      expect(code(added(full, beyond))).to.equal('LIMIT_EXCEEDED');
    expect(added(full, own)().book.grants).to.have.length(LIMITS.forwardsPerGrant + 2);
    const [first, ...others] = forwards(LIMITS.forwardsPerGrant);
    const past = { ...first, notAfter: '2026-11-20T07:59:59.999Z' } as PatientGrant;
    expect(added([edgeGrant(), past, ...others], numbered(100))().ended).to.have.length(1);
  });

  it('of one patient is bounded in grants and in edges', () => {
    const roots = ['a', 'b', 'c'].map((digit) => edgeGrant({ grantId: digit.repeat(32) }));
    const spread = (count: number, edges = 1): PatientGrant[] =>
      forwards(count).map((one, index) => ({
        ...one,
        ...under(roots[index % roots.length]?.grantId ?? ''),
        edges: Array.from({ length: edges }, () => edge()),
      }));
    const next = numbered(99, under(roots[2]?.grantId ?? ''));
    const most = LIMITS.forwardsPerPatient;
    expect(added([...roots, ...spread(most - 1)], next)().book.grants).to.have.length(most + roots.length);
    expect(code(added([...roots, ...spread(most)], next))).to.equal('LIMIT_EXCEEDED');
    expect(added([...roots, ...spread(most)], own)().ended).to.deep.equal([]);
    const eight = LIMITS.forwardEdgesPerPatient / 8;
    expect(code(added([...roots, ...spread(8, eight)], next))).to.equal('LIMIT_EXCEEDED');
    expect(added([...roots, ...spread(8, eight - 1)], next)().ended).to.deep.equal([]);
    expect(added([...roots, ...spread(8, eight)], own)().ended).to.deep.equal([]);
  });
});

describe('a chain of grants', () => {
  it('is live when all of it is, and ends at what stands alone', () => {
    const whole = book({ grants: [edgeGrant(), forward()] });
    expect(liveLineage(whole, FORWARD_ID, AT).map(({ grantId }) => grantId)).to.deep.equal([
      GRANT_ID,
      FORWARD_ID,
    ]);
    const orphan = book({ grants: [forward()] });
    expect(code(() => liveLineage(orphan, FORWARD_ID, AT))).to.equal('TRANSITION_NOT_ALLOWED');
    const past = book({ grants: [edgeGrant({ notAfter: AT }), forward()] });
    expect(code(() => liveLineage(past, FORWARD_ID, '2026-11-20T08:00:00.001Z'))).to.equal(
      'TRANSITION_NOT_ALLOWED',
    );
    expect(code(() => liveLineage(whole, 'ff'.repeat(16), AT))).to.equal('GRANT_NOT_FOUND');
  });

  it('does not turn for ever when grants name each other', () => {
    const circle = [
      forward({ grantId: 'aa', basis: { parentId: 'bb', by: sharedInput().requester } }),
      forward({ grantId: 'bb', basis: { parentId: 'aa', by: sharedInput().requester } }),
    ];
    const [first] = circle;
    if (first === undefined) throw new TypeError('no grant');
    expect(lineageOf(circle, first)).to.have.length(2);
  });

  it('opens for the last when every link has an edge of the epoch, and not when one lacks it', () => {
    const below = forward({ grantee: { kind: 'member', mspId: 'BravoMSP' } });
    const above = edgeGrant({ grantee: { kind: 'member', mspId: 'CharlieMSP' } });
    expect(decide(sharedInput({ grants: [above, below] }))).to.deep.include({
      outcome: 'grant',
      grant: below,
    });
    const stale = { ...above, edges: [edge({ tagEpoch: 1 })] };
    expect(decide(sharedInput({ grants: [stale, below] }))).to.include({ reason: 'GRANT_EPOCH_STALE' });
    const expired = { ...above, notAfter: '2026-11-19T00:00:00.000Z' };
    expect(decide(sharedInput({ grants: [expired, below] }))).to.include({ reason: 'PARENT_ENDED' });
  });

  it('is handed on within its department and its time for receipts', () => {
    const { requester } = sharedInput();
    const parent = edgeGrant({ condition: { department: 'oncology' }, receiptDueWithinMs: 90_000 });
    const terms = {
      ...grant({ grantId: FORWARD_ID, grantee: { kind: 'member', mspId: 'CharlieMSP' } }),
      ...{ maxHops: 0 },
    };
    const within = { ...terms, condition: { department: 'oncology' }, receiptDueWithinMs: 60_000 };
    expect(assertForward([parent], within, requester)).to.equal(parent);
    const outsider = { ...requester, department: 'cardiology' };
    const { mspId, enrolmentId, role } = requester;
    for (const caller of [outsider, { mspId, enrolmentId, role }])
      expect(code(() => assertForward([parent], within, caller))).to.equal('NOT_OWNER');
    expect(assertForwardStands([parent], within, outsider), 'a renewal').to.equal(parent);
    const stranger = { ...requester, mspId: 'CharlieMSP' };
    expect(code(() => assertForwardStands([parent], within, stranger))).to.equal('NOT_OWNER');
    for (const beyond of [
      terms,
      { ...within, receiptDueWithinMs: 90_001 },
      { ...within, condition: { department: 'cardiology' } },
    ])
      expect(code(() => assertForward([parent], beyond, requester))).to.equal('FORWARD_EXCEEDS_GRANT');
  });
});

describe('tags', () => {
  it('are raised once, however often they are named, and keep what the patient closed', () => {
    const closed = book({ tags: { 'laboratory/normal': { epoch: 3, sharable: false } } });
    expect(
      raiseEpochs(closed, ['laboratory/normal', 'laboratory/normal', 'imaging/normal']).tags,
    ).to.deep.equal({
      'laboratory/normal': { epoch: 4, sharable: false },
      'imaging/normal': { epoch: 1, sharable: true },
    });
    expect(raiseEpochs(closed, [])).to.equal(closed);
  });

  it('close records that say no sensitivity with any tag of their type', () => {
    const closed = { tags: { 'laboratory/restricted': { epoch: 1, sharable: false } } };
    expect(isClosedToSharing(closed, record())).to.equal(true);
    expect(isClosedToSharing(closed, record({ type: 'imaging' }))).to.equal(false);
    expect(isClosedToSharing(closed, record({ sharing: SHARING }))).to.equal(false);
  });

  it('say whether a record is sealed under the present epochs of tag and key', () => {
    const present = { identityEpoch: 0, tags: { 'laboratory/normal': { epoch: 2, sharable: true } } };
    expect(isSealedForSharing(present, record({ sharing: SHARING }))).to.equal(true);
    for (const sharing of [{ ...SHARING, tagEpoch: 1 }, { ...SHARING, keyEpoch: 1 }, undefined]) {
      const changes = sharing === undefined ? {} : { sharing };
      expect(isSealedForSharing(present, record(changes))).to.equal(false);
    }
    expect(isSealedForSharing({ tags: present.tags }, record({ sharing: SHARING }))).to.equal(false);
  });
});
