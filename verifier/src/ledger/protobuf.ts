import { createHash } from 'node:crypto';

/** A protobuf map field; the generated types name a package that is not installed. */
export interface MapField<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): unknown;
  forEach(visit: (value: Value, key: string) => void): void;
}

/** `Value` is the field's value type, as its `.proto` file says. */
export function mapField<Value>(field: unknown): MapField<Value> {
  return field as MapField<Value>;
}

/** Google's Timestamp as far as it is used. */
interface TimestampMessage {
  getSeconds(): number;
  getNanos(): number;
}

export function timeMsOf(field: unknown): number {
  const timestamp = field as TimestampMessage | undefined;
  return timestamp === undefined ? 0 : timestamp.getSeconds() * 1000 + Math.floor(timestamp.getNanos() / 1e6);
}

/** protobuf-js types a bytes field as string or bytes; binary decoding always gives bytes. */
export function bytesOf(field: Uint8Array | string): Uint8Array {
  return typeof field === 'string' ? Buffer.from(field, 'base64') : field;
}

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

export function isSameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
