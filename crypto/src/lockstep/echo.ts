/**
 * Whether everybody got the same broadcasts. In the round after, each party repeats in its own broadcast what it got:
 *
 *   echo  = for every other participant, in order: B = SHA-256(broadcast), or with signing keys the receipt that came
 *           with the message (message.ts), which begins with B
 *
 * When B differs from what this party got (or sent), the echoed receipt decides. Signed by the sender: the sender signed
 * two broadcasts, and anyone can check the two receipts. Not signed by it: the echoer made it up, and signed that with
 * the message that carries it. Without signing keys a difference is noticed and nobody named.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesEqual, concatBytes, joinBytes } from '../core/bytes.js';
import { invalidInput } from '../core/errors.js';
import { CEREMONY_RECEIPT_BYTES, isCeremonyReceipt } from './message.js';
import type { CeremonyFault, CeremonyIncoming, LockstepParameters } from './types.js';

const DIGEST_BYTES = 32;

export type EchoParameters = LockstepParameters;

function entryBytes({ signingKeys }: EchoParameters): number {
  return signingKeys === undefined ? DIGEST_BYTES : CEREMONY_RECEIPT_BYTES;
}

/** The entries of an echo for what came in a round, in the order of the participants. */
export function makeEcho(parameters: EchoParameters, incoming: readonly CeremonyIncoming[]): Uint8Array {
  const { participants, self, signingKeys } = parameters;
  const others = participants.filter((name) => name !== self);
  return joinBytes(
    others.map((name) => {
      const message = incoming.find(({ from }) => from === name);
      const digest = sha256(message?.broadcast ?? new Uint8Array(0));
      if (signingKeys === undefined) return digest;
      const receipt = message?.receipt;
      if (
        receipt?.length !== CEREMONY_RECEIPT_BYTES ||
        !bytesEqual(receipt.subarray(0, DIGEST_BYTES), digest)
      )
        throw invalidInput('incoming.receipt', `the receipt of the message from ${name}`, 'another');
      return receipt;
    }),
  );
}

/** B of every participant as this party knows it, in order: from its own echo, and `sent` for itself. */
export function observedDigests(parameters: EchoParameters, echo: Uint8Array, sent: Uint8Array): Uint8Array {
  const { participants, self } = parameters;
  const entries = entriesOf(parameters, echo);
  return concatBytes(
    ...participants.map((name) =>
      name === self ? sent : (entries.get(name) ?? echo).subarray(0, DIGEST_BYTES),
    ),
  );
}

/** Entries by participant. */
function entriesOf(
  parameters: EchoParameters,
  echo: Uint8Array,
  echoer = parameters.self,
): Map<string, Uint8Array> {
  const sizeBytes = entryBytes(parameters);
  const subjects = parameters.participants.filter((name) => name !== echoer);
  return new Map(
    subjects.map((name, index) => [name, echo.subarray(index * sizeBytes, (index + 1) * sizeBytes)]),
  );
}

function judge(
  parameters: EchoParameters,
  round: number,
  difference: { subject: string; echoer: string; entry: Uint8Array },
): CeremonyFault {
  const { ceremonyId, attempt, self, signingKeys } = parameters;
  const { subject, echoer, entry } = difference;
  const senderKey = signingKeys?.[subject];
  const address = { ceremonyId, attempt, round, from: subject, to: echoer };
  if (senderKey === undefined)
    return {
      reason: 'INCONSISTENT',
      round,
      detail: `${echoer} and ${self} differ on the broadcast of ${subject}`,
    };
  if (!isCeremonyReceipt({ receipt: entry, address, senderKey }))
    return {
      reason: 'GARBAGE',
      accused: echoer,
      round: round + 1,
      detail: `an echo of ${subject} that it did not sign`,
    };
  if (subject === self)
    return {
      reason: 'INCONSISTENT',
      round,
      detail: 'the own key signed two broadcasts: was an old state restored?',
    };
  return {
    reason: 'EQUIVOCATION',
    accused: subject,
    round,
    detail: `another broadcast to ${echoer} than to ${self}`,
  };
}

/**
 * Compares what the others got in `round` with what this party got.
 * @param options.observed `observedDigests` of that round
 * @param options.echoes each echoer with its echo, which came in the round after
 * @returns the first difference, with the name that it proves; undefined when there is none
 */
export function compareEchoes(options: {
  parameters: EchoParameters;
  round: number;
  observed: Uint8Array;
  echoes: ReadonlyArray<readonly [string, Uint8Array]>;
}): CeremonyFault | undefined {
  const { parameters, round, observed, echoes } = options;
  const { participants } = parameters;
  const sizeBytes = entryBytes(parameters) * (participants.length - 1);
  const differs = (subject: string, entry: Uint8Array): boolean => {
    const at = participants.indexOf(subject) * DIGEST_BYTES;
    return !bytesEqual(entry.subarray(0, DIGEST_BYTES), observed.subarray(at, at + DIGEST_BYTES));
  };
  for (const [echoer, echo] of echoes) {
    if (echo.length !== sizeBytes)
      return {
        reason: 'GARBAGE',
        accused: echoer,
        round: round + 1,
        detail: `an echo of ${echo.length} bytes`,
      };
    for (const [subject, entry] of entriesOf(parameters, echo, echoer))
      if (differs(subject, entry)) return judge(parameters, round, { subject, echoer, entry });
  }
  return undefined;
}
