/**
 * The auditor's check of an aggregate: from what stands on the ledger and in the record store, and trusting no gateway,
 * was this contribution the product of rows that the hospital had anchored, and is the published result what the shares
 * combine to?
 */
import {
  CryptoError,
  ciphertextFromText,
  combineAdditivePartials,
  decodePanelBlock,
  decodeTotals,
  layoutDigest,
  openingFromJson,
  partialFromJson,
  resultsFromTotals,
  slotsFor,
  sumCiphertexts,
  verifyOpening,
  type PaillierPublicKey,
  type PanelLayout,
  type StatisticResult,
} from '@careledger/crypto';
import {
  CareLedgerError,
  canonicalJson,
  type AggregationKey,
  type Contribution,
  type Panel,
  type Query,
  type QueryDetails,
} from '@careledger/protocol';

/** Where the auditor gets its facts: its own peer and its own node of the record store. */
export interface Evidence {
  panel(panelId: string): Promise<Panel>;
  /** Bytes that were hashed against the CID. */
  fetch(cid: string): Promise<Uint8Array>;
}

export interface ContributionCheck {
  readonly details: QueryDetails;
  readonly layout: PanelLayout;
  readonly publicKey: PaillierPublicKey;
  /** Hospital whose contribution is opened. */
  readonly mspId: string;
  /** As the hospital hands it over, `GET /v1/queries/:queryId/opening`. */
  readonly opening: unknown;
}

/**
 * Re-derives one contribution from the anchored rows.
 * @throws CareLedgerError CONTRIBUTION_MISMATCH naming what differs: the proof to show
 */
export async function verifyContribution(check: ContributionCheck, evidence: Evidence): Promise<void> {
  const { details, layout, publicKey, mspId } = check;
  const contribution = contributionOf(details, mspId);
  const opening = orMismatch('CONTRIBUTION_MISMATCH', () => openingFromJson(check.opening));
  if (opening.queryId !== details.query.queryId || opening.mspId !== mspId) {
    throw mismatch(`an opening of query ${details.query.queryId} by ${mspId}`, 'an opening of another');
  }
  const rowCiphertexts = await anchoredRows(opening.rowRefs, contribution, check, evidence);
  orMismatch('CONTRIBUTION_MISMATCH', () => {
    verifyOpening({
      opening,
      rowCiphertexts,
      publicKey,
      ciphertext: ciphertextFromText(publicKey, contribution.ciphertext),
      commitment: contribution.commitment,
      layout,
      askedSlots: slotsFor(layout, details.query.fields, details.query.statistic),
    });
  });
}

/**
 * Multiplies the contributions and combines the shares again.
 * @throws CareLedgerError RESULT_MISMATCH when aggregate or result on the ledger is another
 */
export function verifyResult(check: Omit<ContributionCheck, 'mspId' | 'opening'>, key: AggregationKey): void {
  const { details, publicKey } = check;
  const { query, contributions } = details;
  const parse = (text: string | undefined): bigint => ciphertextFromText(publicKey, text ?? '');
  const posted = contributions.filter(({ outcome }) => outcome === 'contributed');
  const product = orMismatch('RESULT_MISMATCH', () =>
    sumCiphertexts(
      publicKey,
      posted.map(({ ciphertext }) => parse(ciphertext)),
    ),
  );
  if (orMismatch('RESULT_MISMATCH', () => parse(query.aggregate)) !== product) {
    throw new CareLedgerError('RESULT_MISMATCH', {
      expected: 'the product of the contributions',
      came: 'another aggregate',
    });
  }
  const results = orMismatch('RESULT_MISMATCH', () => derivedResults(check, key, product));
  if (canonicalJson(results) === canonicalJson(resultsOf(query))) return;
  throw new CareLedgerError('RESULT_MISMATCH', {
    expected: 'what the shares combine to',
    came: 'another result',
  });
}

const resultsOf = (query: Query) => query.results ?? [];

function derivedResults(
  { details: { query, partials }, layout, publicKey }: Omit<ContributionCheck, 'mspId' | 'opening'>,
  { holders }: AggregationKey,
  ciphertext: bigint,
): StatisticResult[] {
  const plaintext = combineAdditivePartials({
    publicKey,
    holders,
    ciphertext,
    partials: partials.map(({ mspId, ciphertextDigest, value }) =>
      partialFromJson(publicKey, { holder: mspId, keyId: query.keyId, ciphertextDigest, value }),
    ),
  });
  const totals = decodeTotals(layout, plaintext, slotsFor(layout, query.fields, query.statistic));
  return resultsFromTotals(layout, totals, query);
}

type Posted = Contribution & {
  readonly ciphertext: string;
  readonly commitment: string;
  readonly panelIds: string[];
};

function contributionOf(details: QueryDetails, mspId: string): Posted {
  const contribution = details.contributions.find((candidate) => candidate.mspId === mspId);
  const { ciphertext, commitment, panelIds } = contribution ?? {};
  if (
    contribution === undefined ||
    ciphertext === undefined ||
    commitment === undefined ||
    panelIds === undefined
  ) {
    throw mismatch(`a contribution of ${mspId}`, contribution === undefined ? 'none' : 'a refusal');
  }
  return { ...contribution, ciphertext, commitment, panelIds };
}

async function anchoredRows(
  rowRefs: readonly string[],
  contribution: Posted,
  check: ContributionCheck,
  evidence: Evidence,
): Promise<bigint[]> {
  const blocks = new Map<string, readonly bigint[]>();
  const rows: bigint[] = [];
  for (const reference of rowRefs) {
    const [panelId = '', index = ''] = reference.split('#');
    if (!contribution.panelIds.includes(panelId))
      throw mismatch('rows of the panels it named', `a row of panel ${panelId}`);
    const block = blocks.get(panelId) ?? (await rowsOf(panelId, check, evidence));
    blocks.set(panelId, block);
    const row = /^(0|[1-9][0-9]{0,6})$/.test(index) ? block[Number(index)] : undefined;
    if (row === undefined) throw mismatch('a row of the panel', reference);
    rows.push(row);
  }
  return rows;
}

async function rowsOf(
  panelId: string,
  { publicKey, mspId, details, layout }: ContributionCheck,
  evidence: Evidence,
): Promise<readonly bigint[]> {
  const panel = await evidence.panel(panelId);
  const { layoutId, layoutVersion, keyId } = details.query;
  if (panel.ownerMspId !== mspId) throw mismatch(`a panel of ${mspId}`, `a panel of ${panel.ownerMspId}`);
  if (panel.layoutId !== layoutId || panel.layoutVersion !== layoutVersion || panel.keyId !== keyId) {
    throw mismatch('a panel of the query’s layout and key', `panel ${panelId} of another`);
  }
  const bytes = await evidence.fetch(panel.cid);
  return orMismatch('CONTRIBUTION_MISMATCH', () => decodePanelBlock(publicKey, layoutDigest(layout), bytes))
    .rows;
}

type MismatchCode = 'CONTRIBUTION_MISMATCH' | 'RESULT_MISMATCH';

/** What crypto refuses is what does not match. */
function orMismatch<Result>(code: MismatchCode, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    const { argument, expected, came } = error;
    throw new CareLedgerError(code, { expected: `${argument}: ${expected}`, came, cause: error });
  }
}

function mismatch(expected: string, came: string): CareLedgerError {
  return new CareLedgerError('CONTRIBUTION_MISMATCH', { expected, came });
}
