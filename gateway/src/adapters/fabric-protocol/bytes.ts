import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { msp } from '@hyperledger/fabric-protos';

/** Google's Timestamp as far as it is used; the protobuf runtime comes without types. */
interface TimestampMessage {
  getSeconds(): number;
  getNanos(): number;
}
interface TimestampModule {
  readonly Timestamp: { fromDate(date: Date): TimestampMessage };
}
const { Timestamp } = createRequire(import.meta.url)(
  'google-protobuf/google/protobuf/timestamp_pb.js',
) as TimestampModule;

export function timestampOf(timeMs: number): TimestampMessage {
  return Timestamp.fromDate(new Date(timeMs));
}

export function timeMsOf(field: unknown): number {
  const timestamp = field as TimestampMessage | undefined;
  return timestamp === undefined ? 0 : timestamp.getSeconds() * 1000 + Math.floor(timestamp.getNanos() / 1e6);
}

export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** `msp.SerializedIdentity` bytes, the form in which Fabric names a creator or an endorser. */
export function serializeIdentity(identity: {
  readonly mspId: string;
  readonly certificate: string;
}): Uint8Array {
  const serialized = new msp.SerializedIdentity();
  serialized.setMspid(identity.mspId);
  serialized.setIdBytes(Buffer.from(identity.certificate));
  return serialized.serializeBinary();
}

/** Fabric's transaction id: hex of SHA-256 over nonce and creator. */
export function transactionId(nonce: Uint8Array, creator: Uint8Array): string {
  return sha256(nonce, creator).toString('hex');
}

/** A protobuf map field; the generated types name a package that is not installed. */
export interface MapField<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value): unknown;
  getLength(): number;
}

/** `Value` is the field's value type, as its `.proto` file says. */
export function mapField<Value>(field: unknown): MapField<Value> {
  return field as MapField<Value>;
}

/** protobuf-js types a bytes field as string or bytes; binary decoding always gives bytes. */
export function bytesOf(field: Uint8Array | string): Uint8Array {
  return typeof field === 'string' ? Buffer.from(field, 'base64') : field;
}
