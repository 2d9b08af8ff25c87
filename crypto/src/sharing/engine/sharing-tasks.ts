/** What a sharing worker computes. Inputs and results survive structured cloning. */
import { base64UrlToBytes, bytesToBase64Url, bytesEqual } from '../../core/bytes.js';
import { CryptoError } from '../../core/errors.js';
import {
  beginIdentityCeremony,
  stepIdentityCeremony,
  type IdentityCeremonyParameters,
  type IdentityCeremonyStep,
} from '../../dkg/index.js';
import {
  combinePartialKeys,
  identityKey,
  makeIdentity,
  openLink,
  partialKey,
  type Identity,
  type IdentityFactor,
  type IdentityPublicKey,
  type MasterSharing,
  type RegisteredKey,
  traceIdentity,
} from '../../ibe/index.js';
import type { CeremonyIncoming } from '../../lockstep/index.js';
import { mclPairing } from '../../pairing/index.js';
import {
  encryptUnderTag,
  handleOf,
  makeOnwardEdge,
  openAlong,
  parsePreHeader,
  partialReEncrypt,
  publicCheck,
  verifyChain,
  verifyEdgeShare,
  type CheckedHeader,
  type Delegator,
  type EdgeChain,
  type EdgeTerms,
  type EncryptOptions,
  type Encrypted,
  type OpenedAlong,
  type ProxyAnswers,
  type ProxyKeys,
  type PublicEdge,
  type Reader,
} from '../../pre/index.js';

/** A header as it came from a store, and what the ledger says that it has to be. */
export interface ExpectedHeader {
  readonly bytes: Uint8Array;
  readonly aad: Uint8Array;
  /** Hex. */
  readonly handle: string;
}

/** One function for each task; each needs `initPairing` to have resolved in its thread. */
export const SHARING_TASKS = {
  /** The ceremony of the identity master key; its seed is drawn here, from the platform's generator. */
  beginCeremony: (parameters: IdentityCeremonyParameters): IdentityCeremonyStep =>
    beginIdentityCeremony(parameters, { engine: mclPairing() }),

  stepCeremony: (of: {
    readonly state: Uint8Array;
    readonly incoming: readonly CeremonyIncoming[];
  }): IdentityCeremonyStep => stepIdentityCeremony(of.state, of.incoming, { engine: mclPairing() }),

  /** With a random factor, so that the holders of the master key alone open nothing. */
  makeIdentity: (
    of: Identity & { readonly masterPublicKey: Uint8Array },
  ): IdentityFactor & { readonly registration: RegisteredKey } =>
    makeIdentity({ ...of, recoverable: false, custody: 'hospital' }),

  partialKey: ({ name, keyEpoch, scalar }: Identity & { readonly scalar: Uint8Array }): Uint8Array =>
    partialKey(scalar, { name, keyEpoch }),

  /** sk of the registered identity, when enough parts are right. */
  combine: (of: {
    readonly registration: IdentityPublicKey;
    readonly factor: Uint8Array;
    readonly sharing: MasterSharing;
    readonly partials: ReadonlyMap<string, Uint8Array>;
  }): { readonly key?: Uint8Array; readonly bad: readonly string[] } => {
    const { registration, factor, sharing, partials } = of;
    const { key, bad } = combinePartialKeys(sharing, registration, partials);
    return key === undefined ? { bad } : { key: identityKey(key, factor, registration), bad };
  },

  /** Each link by the combined key of its pseudonym's trace; no link when the right key does not open it. */
  openLinks: (of: {
    readonly masterPublicKey: Uint8Array;
    readonly sharing: MasterSharing;
    readonly links: readonly SealedLinkParts[];
  }): { readonly links: readonly OpenedLink[]; readonly bad: readonly string[] } => {
    const bad = new Set<string>();
    const links = of.links.map(({ pseudonym, sealed, partials }): OpenedLink => {
      const combined = combinePartialKeys(of.sharing, traceIdentity(pseudonym), partials);
      for (const holder of combined.bad) bad.add(holder);
      if (combined.key === undefined) return { pseudonym, hasKey: false };
      const link = linkUnder(combined.key, { pseudonym, sealed, masterPublicKey: of.masterPublicKey });
      return { pseudonym, hasKey: true, ...(link === undefined ? {} : { link }) };
    });
    return { links, bad: [...bad].sort() };
  },

  encrypt: (items: readonly EncryptOptions[]): Encrypted[] => items.map((item) => encryptUnderTag(item)),

  /** Everything that a proxy checks of a chain's last edge, and its own share of it. */
  verifyShare: (of: {
    readonly chain: EdgeChain;
    readonly proxy: string;
    readonly share: Uint8Array;
  }): { readonly edgeId: string; readonly point: number } => {
    const last = verifyChain(of.chain).at(-1);
    if (last === undefined) throw wrong('an edge');
    return { edgeId: last.statement.edgeId, point: verifyEdgeShare(last, of.proxy, of.share) };
  },

  /** A proxy's partials of some edges over the same headers. */
  partials: (of: {
    readonly edges: readonly { readonly statement: string; readonly share: Uint8Array }[];
    readonly proxy: string;
    readonly signingKey: Uint8Array;
    readonly headers: readonly ExpectedHeader[];
  }): Uint8Array[] => {
    const headers = checked(of.headers);
    const { proxy, signingKey } = of;
    return of.edges.map(({ statement, share }) =>
      partialReEncrypt({ statement: base64UrlToBytes(statement), proxy, share, signingKey, headers }),
    );
  },

  open: (of: {
    readonly reader: Reader;
    readonly chain: EdgeChain;
    readonly headers: readonly ExpectedHeader[];
    readonly answers: ProxyAnswers;
    readonly proxyKeys: ProxyKeys;
  }): OpenedAlong => {
    of.headers.forEach(assertExpected);
    return openAlong(of.reader, { ...of, headers: of.headers.map(({ bytes }) => bytes) });
  },

  /** From the grantee of a chain's last edge, after the whole chain was verified. */
  makeOnwardEdge: (of: {
    readonly delegator: Delegator;
    readonly chain: EdgeChain;
    readonly terms: EdgeTerms;
  }): {
    readonly edgeId: string;
    readonly edge: PublicEdge;
    readonly shares: ReadonlyMap<string, Uint8Array>;
  } => {
    const { edgeId, statement, w, shares } = makeOnwardEdge(of.delegator, of.chain, of.terms);
    return { edgeId, shares, edge: { statement: bytesToBase64Url(statement), w: bytesToBase64Url(w) } };
  },
} as const;

/** A link of a pseudonym, with the holders' parts of its trace's key. */
export interface SealedLinkParts {
  readonly pseudonym: string;
  readonly sealed: Uint8Array;
  readonly partials: ReadonlyMap<string, Uint8Array>;
}

export interface OpenedLink {
  readonly pseudonym: string;
  /** Enough parts were right. */
  readonly hasKey: boolean;
  readonly link?: Uint8Array;
}

export type SharingTasks = typeof SHARING_TASKS;
export type SharingTaskKind = keyof SharingTasks;
export type SharingTaskInput<Kind extends SharingTaskKind> = Parameters<SharingTasks[Kind]>[0];
export type SharingTaskResult<Kind extends SharingTaskKind> = ReturnType<SharingTasks[Kind]>;

export interface SharingTask {
  readonly kind: SharingTaskKind;
  readonly input: unknown;
}

/** The input is of the kind's own type: `createSharingRunner` sends no other. */
export function performSharingTask({ kind, input }: SharingTask): unknown {
  return SHARING_TASKS[kind](input as never);
}

function linkUnder(
  key: Uint8Array,
  of: { readonly pseudonym: string; readonly sealed: Uint8Array; readonly masterPublicKey: Uint8Array },
): Uint8Array | undefined {
  try {
    return openLink(of.pseudonym, of.masterPublicKey, key, of.sealed);
  } catch (error) {
    // The key was verified, so what does not open is the patient's own doing.
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function checked(headers: readonly ExpectedHeader[]): CheckedHeader[] {
  headers.forEach(assertExpected);
  return publicCheck(headers.map(({ bytes }) => bytes));
}

/** The record store may hold anything under a record's name. */
function assertExpected({ bytes, aad, handle }: ExpectedHeader): void {
  const header = parsePreHeader(bytes);
  if (handleOf(header) !== handle || !bytesEqual(header.aad, aad)) throw wrong('the header of the record');
}

function wrong(expected: string): CryptoError {
  return new CryptoError('CRYPTO_AUTHENTICATION_FAILED', { argument: 'sharing', expected, came: 'another' });
}
