/**
 * A machine between two steps, as bytes. Secret: whoever reads it learns this party's parts of p and q, or its share.
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
import { bytesEqual } from '../../core/bytes.js';
import { assertCborMap, decodeCbor, encodeCbor, type CborMap, type CborValue } from '../../core/cbor.js';
import { invalidInput } from '../../core/errors.js';
import { MAX_STATE_BYTES, bytesOf, countOf, decodeFields, textOf } from './fields.js';
import { ROUND_NAMES, type RoundName } from './round.js';
import { SEED_BYTES } from './stream.js';
import type { CeremonyFault, CeremonyParameters, CeremonyProgress, CeremonyResult } from './types.js';

export const CEREMONY_STATE_VERSION = 1;
const DIGEST_BYTES = 32;

export interface WaitingState {
  readonly kind: 'waiting';
  readonly parameters: CeremonyParameters;
  /** The round whose messages are waited for. */
  readonly round: number;
  readonly name: RoundName;
  readonly seed: Uint8Array;
  readonly kept: CborMap;
  /** SHA-256 of the own broadcast of this round. */
  readonly sent: Uint8Array;
  /** Digests of all broadcasts of the round before; empty in the first. */
  readonly observed: Uint8Array;
  /** Batches of candidates that were begun before this one. */
  readonly batch: number;
  /** Progress so far, in 1/1000. */
  readonly permille: number;
}

export interface EndedState {
  readonly kind: 'ended';
  readonly progress: CeremonyProgress;
  readonly result?: CeremonyResult;
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

function contentOf(state: WaitingState | EndedState): CborMap {
  if (state.kind === 'ended') {
    const { kind, ...outcome } = state;
    return { kind, outcome: JSON.stringify(outcome) };
  }
  return { ...state, parameters: JSON.stringify(state.parameters) };
}

export function encodeState(state: WaitingState | EndedState): Uint8Array {
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

function nameOf(fields: CborMap): RoundName {
  const name = ROUND_NAMES.find((known) => known === fields['name']);
  if (name === undefined) throw invalidInput('state.name', ROUND_NAMES.join(', '), 'another');
  return name;
}

function mapOf(fields: CborMap, name: string): CborMap {
  const value: CborValue | undefined = fields[name];
  return assertCborMap(name, value, Object.keys((value ?? {}) as object));
}

/** @throws CRYPTO_INVALID_INPUT for bytes that no machine wrote, or of another version */
export function decodeState(state: Uint8Array): WaitingState | EndedState {
  const outer = decodeFields('state', state, ['v', 'digest', 'content'], MAX_STATE_BYTES);
  if (outer['v'] !== CEREMONY_STATE_VERSION)
    throw invalidInput('state.v', String(CEREMONY_STATE_VERSION), 'another');
  const content = bytesOf(outer, 'content');
  if (!bytesEqual(bytesOf(outer, 'digest', DIGEST_BYTES), sha256(content)))
    throw invalidInput('state', 'bytes with their digest', 'changed bytes');
  const decoded = decodeCbor(content, MAX_STATE_BYTES) as CborMap;
  if (decoded['kind'] === 'ended') {
    const outcome = parseText(assertCborMap('state', decoded, ['kind', 'outcome']), 'outcome');
    return { kind: 'ended', ...(outcome as Omit<EndedState, 'kind'>) };
  }
  const fields = assertCborMap('state', decoded, WAITING_KEYS);
  return {
    kind: 'waiting',
    parameters: parseText(fields, 'parameters') as CeremonyParameters,
    round: countOf(fields, 'round'),
    name: nameOf(fields),
    seed: bytesOf(fields, 'seed', SEED_BYTES),
    kept: mapOf(fields, 'kept'),
    sent: bytesOf(fields, 'sent'),
    observed: bytesOf(fields, 'observed'),
    batch: countOf(fields, 'batch'),
    permille: countOf(fields, 'permille'),
  };
}
