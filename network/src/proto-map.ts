/** What the generated protobuf code gives for a map field; its own types are in a package we do not need. */
interface GeneratedMap<V> {
  forEach(visit: (value: V, key: string) => void): void;
}

/** A protobuf map field as an ordinary map. `V` is the field's value type, as its `.proto` file says. */
export function protoMap<V>(field: unknown): ReadonlyMap<string, V> {
  const entries = new Map<string, V>();
  (field as GeneratedMap<V> | undefined)?.forEach((value, key) => entries.set(key, value));
  return entries;
}
