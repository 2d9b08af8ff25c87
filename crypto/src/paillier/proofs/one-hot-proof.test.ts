import { expectCode } from '../../test-support.js';
import { proveOneHot, verifyOneHot, type OneHotCount } from './one-hot-proof.js';
import type { Opened } from './opened.js';
import { bench, contextOf, refused, type Bench } from './proofs.test-support.js';

const COUNTS = ['exactly-one', 'at-most-one'] as const;

describe('one-hot proof', function () {
  this.timeout(20_000);

  let setting: Bench;
  before(async () => {
    setting = await bench();
  });
  const bins = (...values: bigint[]): Opened[] => values.map((value) => setting.open(value));
  const check = (opened: readonly Opened[], count: OneHotCount, verifyAs = count): void => {
    const proof = proveOneHot(opened, count, setting.options);
    verifyOneHot(
      opened.map(({ ciphertext }) => ciphertext),
      verifyAs,
      proof,
      setting.options,
    );
  };

  it('holds for one hot bin, and for none where a value may be missing', () => {
    for (const count of COUNTS) {
      check(bins(0n, 1n, 0n, 0n), count);
      check(bins(1n), count);
    }
    check(bins(0n, 0n, 0n), 'at-most-one');
  });

  it('cannot be made for two hot bins, nor for none where one is due', () => {
    for (const count of COUNTS)
      expectCode('CRYPTO_INVALID_INPUT', () => {
        check(bins(1n, 0n, 1n), count);
      });
    expectCode('CRYPTO_INVALID_INPUT', () => {
      check(bins(0n, 0n), 'exactly-one');
    });
  });

  it('lies about bins are found', () => {
    const lies = [
      [setting.open(1n), setting.pretend(1n, 0n)],
      [setting.open(0n), setting.pretend(2n, 1n)],
      [setting.open(1n), setting.pretend(-1n, 0n), setting.open(0n)],
      [setting.pretend(5n, 1n), setting.open(0n)],
      [setting.pretend(5n, 1n), setting.pretend(-4n, 0n)],
    ];
    for (const count of COUNTS)
      for (const lie of lies)
        refused(() => {
          check(lie, count);
        });
    refused(() => {
      check([setting.pretend(0n, 1n), setting.open(0n)], 'exactly-one');
    });
  });

  it('a proof of one count is none of the other, and serves one list in one context', () => {
    for (const [made, asked] of [COUNTS, [...COUNTS].reverse()] as Array<[OneHotCount, OneHotCount]>)
      refused(() => {
        check(bins(1n, 0n), made, asked);
      }, 'proof.total');
    const opened = bins(0n, 1n, 0n);
    const proof = proveOneHot(opened, 'at-most-one', setting.options);
    const list = opened.map(({ ciphertext }) => ciphertext);
    for (const other of [list.slice(1), [...list].reverse(), [...list, setting.open(0n).ciphertext], []])
      refused(() => {
        verifyOneHot(other, 'at-most-one', proof, setting.options);
      });
    refused(() => {
      verifyOneHot(list, 'at-most-one', proof, { ...setting.options, context: contextOf('elsewhere') });
    });
  });
});
