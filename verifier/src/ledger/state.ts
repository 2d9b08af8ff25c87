import type { ReadWriteSet, Version } from './read-write-set.js';

export interface StateEntry {
  readonly version: Version;
  /** Key-level endorsement policy, empty when the key has none. */
  readonly policy: Uint8Array;
  readonly exists: boolean;
}

/** Versions and policies of every key, by namespace: what a peer's state database knows, without the values. */
export class VersionedState {
  private readonly namespaces = new Map<string, Map<string, StateEntry>>();

  get(namespace: string, key: string): StateEntry | undefined {
    const entry = this.namespaces.get(namespace)?.get(key);
    return entry?.exists === true ? entry : undefined;
  }

  /** Keys from `startKey` (inclusive) to `endKey` ('' is the end), in the order of their UTF-8 bytes. */
  range(namespace: string, startKey: string, endKey: string, isEndIncluded: boolean): string[] {
    const isBefore = (key: string): boolean => {
      const order = endKey === '' ? -1 : compareUtf8(key, endKey);
      return order < 0 || (order === 0 && isEndIncluded);
    };
    return [...(this.namespaces.get(namespace) ?? [])]
      .filter(([key, { exists }]) => exists && compareUtf8(key, startKey) >= 0 && isBefore(key))
      .map(([key]) => key)
      .sort(compareUtf8);
  }

  /** A write and a policy of the same key give one new version, as in Fabric. */
  apply(set: ReadWriteSet, version: Version): void {
    const entries = this.namespaces.get(set.namespace) ?? new Map<string, StateEntry>();
    this.namespaces.set(set.namespace, entries);
    const policies = new Map(set.policies.map(({ key, policy }) => [key, policy]));
    const written = new Map(set.writes.map(({ key, value }) => [key, value !== undefined]));
    for (const key of new Set([...written.keys(), ...policies.keys()])) {
      const before = this.get(set.namespace, key);
      const exists = written.get(key) ?? before !== undefined;
      const policy = exists ? (policies.get(key) ?? before?.policy) : undefined;
      entries.set(key, { version, policy: policy ?? new Uint8Array(), exists });
    }
  }
}

/** JavaScript compares UTF-16 units, which puts surrogates before the last characters of the basic plane. */
export function compareUtf8(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const [a, b] = [left.charCodeAt(at), right.charCodeAt(at)];
    if (a !== b) return rank(a) - rank(b);
  }
  return left.length - right.length;
}

function rank(unit: number): number {
  const isSurrogate = unit >= 0xd800 && unit <= 0xdfff;
  return isSurrogate ? unit + 0x10000 : unit;
}
