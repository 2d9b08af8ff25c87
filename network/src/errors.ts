/** Stable codes of everything that can go wrong while a network is laid out, started or stopped. */
export type NetworkErrorCode =
  | 'NET_USAGE'
  | 'NET_TOPOLOGY_INVALID'
  | 'NET_TOOL_MISSING'
  | 'NET_TOOL_BUILD_FAILED'
  | 'NET_COMMAND_FAILED'
  | 'NET_WAIT_TIMED_OUT'
  | 'NET_PORT_TAKEN'
  | 'NET_GENESIS_MISMATCH'
  | 'NET_CHAINCODE_MISSING'
  | 'NET_UP_FAILED';

export interface NetworkErrorDetails {
  /** What was expected to be true. */
  expected: string;
  /** What was found instead; never a secret. */
  came: string;
  /** What the reader can do about it. */
  remedy: string;
  cause?: unknown;
}

/** An error written for the person who operates the network. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly expected: string;
  readonly came: string;
  readonly remedy: string;

  constructor(
    readonly code: NetworkErrorCode,
    details: NetworkErrorDetails,
  ) {
    super(`${code}: expected ${details.expected}; came ${details.came}; ${details.remedy}`, {
      cause: details.cause,
    });
    this.expected = details.expected;
    this.came = details.came;
    this.remedy = details.remedy;
  }
}

/** The text of anything that was thrown. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
