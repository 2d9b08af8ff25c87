/** What a statement, a header and a label may look like; no pairing is computed. */
import { expect } from 'chai';
import { ed25519 } from '@noble/curves/ed25519.js';
import { bytesToBase64Url, hexToBytes } from '../core/bytes.js';
import { decodeCbor, encodeCbor, type CborMap, type CborValue } from '../core/cbor.js';
import { CryptoError } from '../core/errors.js';
import { MAX_HOPS, NO_EDGE, NO_SECRET, encodeHeader, parseHeader, type PreHeader } from './header.js';
import {
  MAX_STATEMENT_BYTES,
  NO_PARENT,
  parseStatement,
  signStatement,
  verifyStatementSignature,
  type UnsignedStatement,
} from './statement.js';
import { encodeTag, labelOf } from './tag.js';

const filled = (sizeBytes: number, value = 1): Uint8Array => new Uint8Array(sizeBytes).fill(value);
const owner = { name: `patient/${'a1'.repeat(16)}`, keyEpoch: 0 };
const refused = (act: () => unknown): void => {
  expect(act).to.throw(CryptoError);
};

describe('forms of re-encryption', () => {
  describe('statements', () => {
    const signingKey = filled(32, 3);
    const proxies = ['Hospital1MSP', 'Hospital3MSP', 'Hospital4MSP'];
    const statement: UnsignedStatement = {
      owner,
      typeLabel: '01'.repeat(32),
      conditionLabel: '02'.repeat(32),
      tagEpoch: 0,
      from: owner,
      to: { name: 'member/Hospital2MSP', keyEpoch: 0 },
      parent: NO_PARENT,
      serial: '05'.repeat(16),
      ex: filled(576),
      q: filled(96),
      wHash: '04'.repeat(32),
      values: proxies.map(() => filled(576)),
      proxies,
      threshold: 2,
      sharable: true,
      maxDepth: 1,
      allowsRecoverable: false,
    };
    const bytes = signStatement(statement, signingKey);
    const map = decodeCbor(bytes, MAX_STATEMENT_BYTES) as CborMap;
    const eleven = Array.from({ length: 11 }, (_, index) => `Hospital${index}MSP`);

    it('are read as they were signed', () => {
      const { signature, edgeId, ...read } = parseStatement(bytes);
      expect(read).to.deep.equal(statement);
      expect([signature.length, edgeId.length]).to.deep.equal([64, 64]);
      verifyStatementSignature(parseStatement(bytes), bytesToBase64Url(ed25519.getPublicKey(signingKey)));
      const onward = { ...statement, parent: '11'.repeat(32), q: new Uint8Array() };
      parseStatement(signStatement(onward, signingKey));
    });

    const changes: Record<string, Record<string, CborValue>> = {
      'a proxy twice': { proxies: ['Hospital1MSP', 'Hospital1MSP', 'Hospital4MSP'] },
      'no proxy': { proxies: [], values: [] },
      'eleven proxies': { proxies: eleven, values: eleven.map(() => filled(576)) },
      'a value too few': { values: [filled(576), filled(576)] },
      'a value of another length': { values: [filled(575), filled(576), filled(576)] },
      'more needed than there are': { threshold: 4 },
      'none needed': { threshold: 0 },
      'no Q at hop 1': { q: new Uint8Array() },
      'a Q after hop 1': { parent: filled(32) },
      'a flag without depth': { maxDepth: 0 },
      'depth without the flag': { sharable: false },
      'more depth than a chain is long': { maxDepth: MAX_HOPS },
      'a number for a flag': { sharable: 1 },
      'a proxy that is no MSP id': { proxies: ['Hospital1MSP', 'Hospital 3', 'Hospital4MSP'] },
      'a name of no grammar': { to: 'Member/Hospital2MSP' },
      'an identity below epoch 0': { toEpoch: -1 },
      'a broken epoch': { tagEpoch: '0' },
      'a short serial': { serial: filled(15) },
      'another version': { v: 2 },
      'one field more': { more: 1 },
    };
    for (const [what, change] of Object.entries(changes))
      it(`refuse ${what}`, () => {
        refused(() => parseStatement(encodeCbor({ ...map, ...change })));
      });

    it('refuse a field too few, trailing bytes and another order', () => {
      const { serial, ...fewer } = map;
      expect(serial).to.deep.equal(hexToBytes(statement.serial));
      refused(() => parseStatement(encodeCbor(fewer)));
      refused(() => parseStatement(Uint8Array.of(...bytes, 0)));
      refused(() => signStatement({ ...statement, threshold: 4 }, signingKey));
    });
  });

  describe('headers', () => {
    const first: PreHeader = {
      hop: 0,
      tag: { owner, typeLabel: filled(32), conditionLabel: filled(32, 2), tagEpoch: 0 },
      aad: filled(10),
      ...{ c1: filled(96), c2: filled(48), h3: filled(32), c4: filled(48), c3: filled(576) },
      ...{ edgeId: NO_EDGE, w: NO_SECRET, attestations: new Map<number, Uint8Array>() },
    };
    const later: PreHeader = {
      ...first,
      ...{ hop: MAX_HOPS, edgeId: filled(32), w: filled(NO_SECRET.length) },
      attestations: new Map([
        [1, filled(64)],
        [3, filled(64, 2)],
      ]),
    };
    const withSlots = (points: readonly number[]): Uint8Array => {
      const slots = filled(650, 0);
      for (const [index, point] of points.entries()) slots.fill(point, index * 65, index * 65 + 65);
      return encodeCbor({ ...(decodeCbor(encodeHeader(later), 4096) as CborMap), attestations: slots });
    };

    it('are read as they were written, and are of one length', () => {
      for (const header of [first, later]) expect(parseHeader(encodeHeader(header))).to.deep.equal(header);
      expect(encodeHeader(later).length).to.equal(encodeHeader(first).length);
      expect(parseHeader(withSlots([1, 4])).attestations.size).to.equal(2);
    });

    const wrong: Record<string, Partial<PreHeader>> = {
      'an edge at hop 0': { hop: 0 },
      'an attestation at hop 0': { hop: 0, edgeId: NO_EDGE, w: NO_SECRET },
      'no edge after hop 0': { edgeId: NO_EDGE },
      'no W after hop 0': { w: NO_SECRET },
      'a hop too many': { hop: MAX_HOPS + 1 },
      'a hop below 0': { hop: -1 },
      'a long context': { aad: filled(1025) },
      'a short C3': { c3: filled(575) },
    };
    for (const [what, parts] of Object.entries(wrong))
      it(`refuse ${what}`, () => {
        refused(() => parseHeader(encodeHeader({ ...later, ...parts })));
      });

    it('refuse attestations out of order, twice, or after a gap', () => {
      for (const points of [
        [2, 1],
        [1, 1],
        [1, 0, 3],
      ])
        refused(() => parseHeader(withSlots(points)));
    });
  });

  describe('labels and tags', () => {
    const labelKey = filled(32);
    it('are of printable ASCII, by kind and key', () => {
      const label = labelOf(labelKey, 'type', 'laboratory');
      expect(label).to.have.length(32);
      expect(labelOf(labelKey, 'condition', 'laboratory')).to.not.deep.equal(label);
      expect(labelOf(filled(32, 2), 'type', 'laboratory')).to.not.deep.equal(label);
      for (const text of ['', 'two words', 'ä', 'x'.repeat(65), 'line\n'])
        refused(() => labelOf(labelKey, 'type', text));
      refused(() => labelOf(filled(31), 'type', 'laboratory'));
    });

    it('another owner, epoch of its key, label or epoch is another tag', () => {
      const tag = { owner, typeLabel: filled(32), conditionLabel: filled(32, 2), tagEpoch: 0 };
      const others = [
        tag,
        { ...tag, owner: { ...owner, keyEpoch: 1 } },
        { ...tag, owner: { ...owner, name: `patient/${'b2'.repeat(16)}` } },
        { ...tag, typeLabel: tag.conditionLabel, conditionLabel: tag.typeLabel },
        { ...tag, tagEpoch: 1 },
      ];
      expect(new Set(others.map((other) => bytesToBase64Url(encodeTag(other)))).size).to.equal(others.length);
      for (const tagEpoch of [-1, 0.5, 1_000_001]) refused(() => encodeTag({ ...tag, tagEpoch }));
    });
  });
});
