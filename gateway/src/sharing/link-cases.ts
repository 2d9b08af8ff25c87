/**
 * Cases that link pseudonyms, at the hospital that opens one: its gateway makes the one-time key, asks the holders of
 * the master key for their parts once a majority approved, and posts what came out. Every step may be asked for again.
 */
import {
  CareLedgerError,
  canonicalJson,
  type ErrorCode,
  type LinkCase,
  type LinkOutcome,
  type OpenLinkCase,
} from '@careledger/protocol';
import type { KeyCustody } from '../ports/key-custody.js';
import type { SharingCustody } from '../ports/sharing-custody.js';
import type { StaffCaller } from '../services/caller.js';
import type { ContractCaller, Receipted } from '../services/contract-caller.js';
import type { LocalTable } from '../services/local-tables.js';
import { perKeyQueue } from '../services/per-key-queue.js';
import type { LinkAuthority } from './link-authority.js';
import type { LinkLedger } from './link-ledger.js';
import { LINK_KEYS_PATH, LinkKeysSchema, type LinkKeys } from './link-protocol.js';
import type { PeerQuestions } from './peer-questions.js';
import type { MasterKeyInForce } from './sharing-ledger.js';

/** Row of the `link-cases` table, by case id: the one-time key that a request was made with. */
export interface LinkCaseRow {
  /** Canonical JSON of the request and who made it. */
  readonly request: string;
  /** Base64url. */
  readonly oneTimeKey: string;
}

/** What staff ask for; the one-time key is made here. */
export type LinkCaseRequest = Omit<OpenLinkCase, 'oneTimeKey'>;

export interface LinkCasesModules {
  readonly ledger: LinkLedger;
  readonly contracts: Pick<ContractCaller, 'submit'>;
  readonly custody: Pick<KeyCustody, 'createRecipientKey' | 'forgetRecipientKey'> & {
    readonly sharing: Pick<SharingCustody, 'openLinks'>;
  };
  readonly peers: Pick<PeerQuestions, 'ask'>;
  /** This hospital's own parts. */
  readonly authority: Pick<LinkAuthority, 'give'>;
  readonly table: LocalTable<LinkCaseRow>;
  /** Says who gave none, or a wrong one. */
  readonly tell: (text: string, details: Readonly<Record<string, unknown>>) => void;
}

const ANSWER_BYTES = 16_384;
const DEFAULT_TIMEOUT_MS = 20_000;
const PASSED_ON: readonly ErrorCode[] = [
  'RELEASE_NOT_AUTHORISED',
  'NOT_READY',
  'KEY_NOT_FOUND',
  'RATE_LIMITED',
];

export class LinkCases {
  readonly #serially = perKeyQueue();

  constructor(
    private readonly modules: LinkCasesModules,
    private readonly timeoutMs: number = DEFAULT_TIMEOUT_MS,
  ) {}

  /** Sent again, the same request goes on with the same key. Errors: ALREADY_EXISTS, and what the contract refuses. */
  open(
    caller: StaffCaller,
    request: LinkCaseRequest,
    options: { readonly idempotencyKey?: string },
  ): Promise<Receipted<LinkCase>> {
    return this.#serially(request.linkCaseId, async () => {
      const oneTimeKey = await this.#oneTimeKey(caller, request);
      const argument = { ...request, oneTimeKey };
      return this.modules.contracts.submit(caller.identity, 'links', 'Open', argument, options);
    });
  }

  /**
   * Asks the holders, links the pseudonyms and posts the outcome; once posted, answers what stands.
   * @throws CareLedgerError LINK_CASE_NOT_FOUND, NOT_OWNER, TRANSITION_NOT_ALLOWED, NOT_READY; KEY_NOT_FOUND when too
   * few holders gave right parts, with `missing` and `bad`
   */
  conclude(linkCaseId: string): Promise<LinkCase> {
    return this.#serially(linkCaseId, async () => {
      const { ledger, table, custody } = this.modules;
      const linkCase = await ledger.linkCase(linkCaseId);
      if (linkCase === undefined) throw new CareLedgerError('LINK_CASE_NOT_FOUND', { came: linkCaseId });
      if (linkCase.openedBy.mspId !== ledger.mspId)
        throw new CareLedgerError('NOT_OWNER', { expected: linkCase.openedBy.mspId });
      const concluded = linkCase.status === 'posted' ? linkCase : await this.#conclude(linkCase);
      await custody.forgetRecipientKey(bytes(linkCase.oneTimeKey));
      await table.delete(linkCaseId);
      return concluded;
    });
  }

  async #conclude(linkCase: LinkCase): Promise<LinkCase> {
    const { linkCaseId, status } = linkCase;
    if (status !== 'approved')
      throw new CareLedgerError('TRANSITION_NOT_ALLOWED', {
        expected: 'a case that a majority approved',
        came: `a case that is ${status}`,
      });
    const { ledger } = this.modules;
    const inForce = await ledger.masterKey();
    if (inForce === undefined)
      throw new CareLedgerError('NOT_READY', { message: 'The consortium has no identity master key yet.' });
    const outcome = await this.#link(linkCase, inForce);
    return (await ledger.postOutcome(linkCaseId, outcome)).result;
  }

  async #link(linkCase: LinkCase, { masterKey, sharing }: MasterKeyInForce): Promise<LinkOutcome> {
    const { custody, tell } = this.modules;
    const { linkCaseId, pseudonyms, oneTimeKey } = linkCase;
    const { answers, missing } = await this.#gather(linkCaseId, { masterKey, sharing });
    const links = await Promise.all(
      pseudonyms.map(async (pseudonym) => ({
        pseudonym,
        sealed: await this.#sealedLink(pseudonym),
        partials: partsOf(answers, pseudonym),
      })),
    );
    try {
      const asked = { masterKey, sharing, oneTimeKey: bytes(oneTimeKey), links };
      const { groups, unreadable, bad } = await custody.sharing.openLinks(asked);
      if (bad.length > 0) tell('holders gave wrong parts for a case of links', { linkCaseId, holders: bad });
      return { groups: groups.map((group) => [...group]), unreadable: [...unreadable], badHolders: [...bad] };
    } catch (error) {
      if (!(error instanceof CareLedgerError)) throw error;
      const { code, details } = error;
      const extensions = { ...details.extensions, missing };
      throw new CareLedgerError(code, { ...details, cause: error, extensions });
    }
  }

  async #sealedLink(pseudonym: string): Promise<Uint8Array> {
    const sealed = await this.modules.ledger.sealedLink(pseudonym);
    if (sealed === undefined) throw new CareLedgerError('LINK_MISSING', { came: pseudonym });
    return sealed;
  }

  async #gather(linkCaseId: string, { masterKey, sharing }: MasterKeyInForce) {
    const asked = await Promise.allSettled(sharing.holders.map((holder) => this.#ask(holder, linkCaseId)));
    const answers: LinkKeys[] = [];
    const missing: { readonly holder: string; readonly reason: string }[] = [];
    for (const [index, answer] of asked.entries()) {
      const holder = sharing.holders[index] ?? '';
      if (answer.status === 'rejected') missing.push({ holder, reason: codeOf(answer.reason) });
      else if (fits(answer.value, holder, { masterKey, sharing })) answers.push(answer.value);
      else missing.push({ holder, reason: 'another key, sharing or holder' });
    }
    return { answers, missing };
  }

  #ask(holder: string, linkCaseId: string): Promise<LinkKeys> {
    const { ledger, authority, peers } = this.modules;
    const body = { linkCaseId };
    if (holder === ledger.mspId) return authority.give(holder, body);
    return peers.ask(holder, {
      path: LINK_KEYS_PATH,
      body,
      answer: LinkKeysSchema,
      maxResponseBytes: ANSWER_BYTES,
      timeoutMs: this.timeoutMs,
      passedOn: PASSED_ON,
    });
  }

  async #oneTimeKey(caller: StaffCaller, request: LinkCaseRequest): Promise<string> {
    const { table, custody } = this.modules;
    const wanted = canonicalJson({ ...request, by: caller.enrolmentId });
    const earlier = await table.get(request.linkCaseId);
    if (earlier?.request === wanted) return earlier.oneTimeKey;
    if (earlier !== undefined)
      throw new CareLedgerError('ALREADY_EXISTS', { came: 'another request under this case id' });
    const oneTimeKey = Buffer.from(await custody.createRecipientKey()).toString('base64url');
    await table.put(request.linkCaseId, { request: wanted, oneTimeKey });
    return oneTimeKey;
  }
}

function fits(answer: LinkKeys, holder: string, { masterKey, sharing }: MasterKeyInForce): boolean {
  const { keyId, sharingEpoch } = answer;
  return answer.holder === holder && keyId === masterKey.keyId && sharingEpoch === sharing.epoch;
}

function partsOf(answers: readonly LinkKeys[], pseudonym: string): Map<string, Uint8Array> {
  return new Map(
    answers.flatMap(({ holder, parts }) =>
      parts
        .filter((part) => part.pseudonym === pseudonym)
        .map(({ sealed }): [string, Uint8Array] => [holder, bytes(sealed)]),
    ),
  );
}

function codeOf(error: unknown): string {
  return error instanceof CareLedgerError ? error.code : 'INTERNAL';
}

function bytes(base64url: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64url, 'base64url'));
}
