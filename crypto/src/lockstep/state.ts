/**
 * A machine between two steps, as bytes. Secret: whoever reads it learns what this party deals, or its share.
 *
 *   state   = canonical CBOR { v: 1, digest: SHA-256(content), content }
 *   content = canonical CBOR, either
 *     { kind: 'waiting', parameters (JSON text), round, name, seed, kept, sent: SHA-256 of the own broadcast,
 *       observed: digests of the round before, batch, permille }
 *     { kind: 'ended', outcome (JSON text of progress and result or fault) }
 *
 * The digest finds damage and carelessness, not an attacker, who can compute it: the caller encrypts and authenticates
 * what it stores.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesEqual } from '../core/bytes.js';
import { assertCborMap, decodeCbor, encodeCbor, type CborMap, type CborValue } from '../core/cbor.js';
import { invalidInput } from '../core/errors.js';
import { MAX_STATE_BYTES, bytesOf, countOf, decodeFields, textOf } from './fields.js';
import { SEED_BYTES } from './seed.js';
import type { CeremonyFault, CeremonyProgress, LockstepParameters } from './types.js';

export const CEREMONY_STATE_VERSION = 1;
const DIGEST_BYTES = 32;

export interface WaitingState<Parameters extends LockstepParameters, Name extends string> {
  readonly kind: 'waiting';
  readonly parameters: Parameters;
  /** The round whose messages are waited for. */
  readonly round: number;
  readonly name: Name;
  readonly seed: Uint8Array;
  readonly kept: CborMap;
  /** SHA-256 of the own broadcast of this round. */
  readonly sent: Uint8Array;
  /** Digests of all broadcasts of the round before; empty in the first. */
  readonly observed: Uint8Array;
  /** Batches that were begun before this one, where a protocol goes through rounds more than once. */
  readonly batch: number;
  /** Progress so far, in 1/1000. */
  readonly permille: number;
}

export interface EndedState<Result> {
  readonly kind: 'ended';
  readonly progress: CeremonyProgress;
  readonly result?: Result;
  readonly fault?: CeremonyFault;
}

const WAITING_KEYS = [
  'kind',
  'parameters',
  'round',
  'name',
  'seed',
  'kept',
  'sent',
  'observed',
  'batch',
  'permille',
];

type AnyState = WaitingState<LockstepParameters, string> | EndedState<unknown>;

function contentOf(state: AnyState): CborMap {
  if (state.kind === 'ended') {
    const { kind, ...outcome } = state;
    return { kind, outcome: JSON.stringify(outcome) };
  }
  return { ...state, parameters: JSON.stringify(state.parameters) };
}

export function encodeState(state: AnyState): Uint8Array {
  const content = encodeCbor(contentOf(state));
  return encodeCbor({ v: CEREMONY_STATE_VERSION, digest: sha256(content), content });
}

function parseText(fields: CborMap, name: string): unknown {
  try {
    return JSON.parse(textOf(fields, name));
  } catch {
    throw invalidInput(`state.${name}`, 'JSON', 'another text');
  }
}

function nameOf<Name extends string>(fields: CborMap, names: readonly Name[]): Name {
  const name = names.find((known) => known === fields['name']);
  if (name === undefined) throw invalidInput('state.name', names.join(', '), 'another');
  return name;
}

function mapOf(fields: CborMap, name: string): CborMap {
  const value: CborValue | undefined = fields[name];
  return assertCborMap(name, value, Object.keys((value ?? {}) as object));
}

/**
 * @param names of the protocol's rounds
 * @throws CRYPTO_INVALID_INPUT for bytes that no machine of this protocol wrote, or of another version
 */
export function decodeState<Parameters extends LockstepParameters, Name extends string, Result>(
  state: Uint8Array,
  names: readonly Name[],
): WaitingState<Parameters, Name> | EndedState<Result> {
  const outer = decodeFields('state', state, ['v', 'digest', 'content'], MAX_STATE_BYTES);
  if (outer['v'] !== CEREMONY_STATE_VERSION)
    throw invalidInput('state.v', String(CEREMONY_STATE_VERSION), 'another');
  const content = bytesOf(outer, 'content');
  if (!bytesEqual(bytesOf(outer, 'digest', DIGEST_BYTES), sha256(content)))
    throw invalidInput('state', 'bytes with their digest', 'changed bytes');
  const decoded = decodeCbor(content, MAX_STATE_BYTES) as CborMap;
  if (decoded['kind'] === 'ended') {
    const outcome = parseText(assertCborMap('state', decoded, ['kind', 'outcome']), 'outcome');
    return { kind: 'ended', ...(outcome as Omit<EndedState<Result>, 'kind'>) };
  }
  const fields = assertCborMap('state', decoded, WAITING_KEYS);
  return {
    kind: 'waiting',
    parameters: parseText(fields, 'parameters') as Parameters,
    round: countOf(fields, 'round'),
    name: nameOf(fields, names),
    seed: bytesOf(fields, 'seed', SEED_BYTES),
    kept: mapOf(fields, 'kept'),
    sent: bytesOf(fields, 'sent'),
    observed: bytesOf(fields, 'observed'),
    batch: countOf(fields, 'batch'),
    permille: countOf(fields, 'permille'),
  };
}
