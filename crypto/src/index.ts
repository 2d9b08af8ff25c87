/**
 * API SURFACE FIRST: signatures that callers may code against; bodies follow commit by commit.
 * Functions marked [core] are also exported by "@careledger/crypto/core" (pure; loads in chaincode).
 */

// ---- errors [core]
export type CryptoErrorCode =
  | 'CRYPTO_INVALID_INPUT'
  | 'CRYPTO_AUTHENTICATION_FAILED'
  | 'CRYPTO_UNSUPPORTED'
  | 'CRYPTO_LIMIT_EXCEEDED'
  | 'CRYPTO_INVALID_CIPHERTEXT'
  | 'CRYPTO_VALUE_OUT_OF_RANGE'
  | 'CRYPTO_LAYOUT_INVALID'
  | 'CRYPTO_TOTALS_INVALID'
  | 'CRYPTO_STATISTIC_UNDEFINED'
  | 'CRYPTO_SHARES_INCOMPLETE'
  | 'CRYPTO_DECRYPTION_FAILED'
  | 'CRYPTO_CONTRIBUTION_MISMATCH'
  | 'CRYPTO_CANCELLED'
  | 'CRYPTO_WORKER_FAILED';
export declare class CryptoError extends Error {
  readonly code: CryptoErrorCode;
  readonly argument: string;
  readonly expected: string;
  readonly came: string;
}

// ---- bytes, encoding [core]
export declare function bytesToHex(bytes: Uint8Array): string;
export declare function hexToBytes(hex: string): Uint8Array;
export declare function bytesToBase64Url(bytes: Uint8Array): string;
export declare function base64UrlToBytes(text: string): Uint8Array;
export declare function encodeParts(label: string, ...parts: Array<Uint8Array | string | bigint>): Uint8Array;
export declare function randomBytes(sizeBytes: number): Uint8Array;

// ---- envelope [core]
export interface RecordContext {
  readonly ownerMspId: string;
  readonly pseudonym: string;
  readonly recordType: string;
  readonly recordId: string;
}
export declare function sealContent(options: { content: Uint8Array; dataKey: Uint8Array; context: RecordContext }): Promise<Uint8Array>;
export declare function openContent(options: { sealed: Uint8Array; dataKey: Uint8Array; context: RecordContext; maxContentBytes?: number }): Promise<Uint8Array>;
export declare function sealStream(options: { content: AsyncIterable<Uint8Array>; dataKey: Uint8Array; context: RecordContext; maxContentBytes?: number }): AsyncGenerator<Uint8Array>;
export declare function openStream(options: { sealed: AsyncIterable<Uint8Array>; dataKey: Uint8Array; context: RecordContext; maxContentBytes?: number }): AsyncGenerator<Uint8Array>;

// ---- hpke [core]
export interface HpkeKeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}
export interface KeyWrap {
  readonly enc: Uint8Array;
  readonly ciphertext: Uint8Array;
}
export declare function generateHpkeKeyPair(): Promise<HpkeKeyPair>;
export declare function wrap(options: { recipientPublicKey: Uint8Array; plaintext: Uint8Array; info: Uint8Array; associatedData: Uint8Array }): Promise<KeyWrap>;
export declare function unwrap(options: { recipientPrivateKey: Uint8Array; keyWrap: KeyWrap; info: Uint8Array; associatedData: Uint8Array }): Promise<Uint8Array>;

// ---- record header [core]
export type HeaderPurpose = { readonly kind: 'store' } | { readonly kind: 'release'; readonly releaseBinding: string };
export interface RecordHeader {
  readonly version: 1;
  readonly suite: string;
  readonly purpose: HeaderPurpose;
  readonly context: RecordContext;
  readonly contentType: string;
  readonly contentLength: number;
  readonly keyWrap: KeyWrap;
}
export interface OpenedHeader {
  readonly header: RecordHeader;
  readonly dataKey: Uint8Array;
  readonly salt: Uint8Array;
}
/** Returns the canonical bytes of the header. */
export declare function makeHeader(options: { recipientPublicKey: Uint8Array; dataKey: Uint8Array; salt: Uint8Array; context: RecordContext; contentType: string; contentLength: number }): Promise<Uint8Array>;
export declare function parseHeader(bytes: Uint8Array): RecordHeader;
export declare function openHeader(options: { header: Uint8Array; privateKey: Uint8Array; expectedContext: RecordContext; purpose: HeaderPurpose }): Promise<OpenedHeader>;
export declare function rewrapHeader(options: { header: Uint8Array; ownerPrivateKey: Uint8Array; recipientPublicKey: Uint8Array; expectedContext: RecordContext; releaseBinding: string }): Promise<Uint8Array>;
/** SHA-256, lower-case hex. */
export declare function saltedDigest(salt: Uint8Array, content: Uint8Array): string;

// ---- patients' signatures [core]
export interface PatientKeyPair {
  readonly publicKey: Uint8Array;
  readonly privateKey: Uint8Array;
}
export declare function generatePatientKeys(): PatientKeyPair;
export declare function patientMessage(options: { channel: string; method: string; argumentsJson: string; nonce: string }): Uint8Array;
export declare function signPatientPayload(privateKey: Uint8Array, message: Uint8Array): Uint8Array;
export declare function assertPatientPublicKey(publicKey: Uint8Array): void;
/** Throws CRYPTO_AUTHENTICATION_FAILED when the signature is not valid; returns nothing. */
export declare function verifyPatientSignature(options: { publicKey: Uint8Array; message: Uint8Array; signature: Uint8Array }): void;

// ---- paillier
export interface PaillierPublicKey {
  readonly n: bigint;
  readonly nSquared: bigint;
  readonly keyBits: number;
  readonly keyId: string;
}
export interface PaillierPublicKeyJson {
  readonly scheme: 'paillier';
  readonly version: 1;
  readonly keyBits: number;
  readonly n: string;
  readonly keyId: string;
}
export declare function publicKeyToJson(publicKey: PaillierPublicKey): PaillierPublicKeyJson; // [core]
export declare function publicKeyFromJson(json: unknown, options?: { allowTestKeySize?: boolean }): PaillierPublicKey; // [core]
export declare function assertCiphertext(publicKey: PaillierPublicKey, ciphertext: bigint, keyId?: string): void; // [core]
export declare function ciphertextToText(publicKey: PaillierPublicKey, ciphertext: bigint): string; // [core] base64url, fixed width
export declare function ciphertextFromText(publicKey: PaillierPublicKey, text: string): bigint; // [core] checked
export declare function ciphertextToBytes(publicKey: PaillierPublicKey, ciphertext: bigint): Uint8Array; // [core]
export declare function ciphertextFromBytes(publicKey: PaillierPublicKey, bytes: Uint8Array): bigint; // [core] checked
export declare function sumCiphertexts(publicKey: PaillierPublicKey, ciphertexts: readonly bigint[]): bigint; // [core]
export declare function addPlaintext(publicKey: PaillierPublicKey, ciphertext: bigint, plaintext: bigint): bigint; // [core]
export declare function rerandomise(publicKey: PaillierPublicKey, ciphertext: bigint, randomness?: bigint): bigint; // [core]
export declare function randomUnit(publicKey: PaillierPublicKey): bigint; // [core]
export declare function encrypt(publicKey: PaillierPublicKey, plaintext: bigint, randomness?: bigint): bigint;

// ---- key holders (labelled dealer for now)
export interface KeyShare {
  readonly holder: string;
  readonly holders: readonly string[];
  readonly keyId: string;
  readonly share: bigint;
}
export interface PartialDecryption {
  readonly holder: string;
  readonly keyId: string;
  readonly ciphertextDigest: string;
  readonly value: bigint;
}
export declare function dealKeyShares(options: { keyBits: number; holders: readonly string[]; allowTestKeySize?: boolean }): Promise<{ publicKey: PaillierPublicKey; shares: KeyShare[] }>;
export declare function keyShareToJson(share: KeyShare, publicKey: PaillierPublicKey): unknown; // [core]
export declare function keyShareFromJson(json: unknown, publicKey: PaillierPublicKey): KeyShare; // [core]
export declare function partialDecrypt(publicKey: PaillierPublicKey, share: KeyShare, ciphertext: bigint): PartialDecryption; // [core]
export declare function partialToJson(publicKey: PaillierPublicKey, partial: PartialDecryption): { holder: string; keyId: string; ciphertextDigest: string; value: string }; // [core]
export declare function partialFromJson(publicKey: PaillierPublicKey, json: unknown): PartialDecryption; // [core]
export declare function combinePartials(options: { publicKey: PaillierPublicKey; holders: readonly string[]; ciphertext: bigint; partials: readonly PartialDecryption[] }): bigint; // [core]

// ---- panels [core]
export type Decimal = number | string;
export interface NumericField {
  readonly kind: 'numeric';
  readonly name: string;
  readonly unit: string;
  /** Digits after the point that are kept, 0 to 9. */
  readonly scale: number;
  readonly min: Decimal;
  readonly max: Decimal;
}
export interface HistogramField {
  readonly kind: 'histogram';
  readonly name: string;
  readonly unit: string;
  /** Ascending; bin i is [edge i, edge i+1), the last bin also holds its upper edge. Exactly one of edges, categories. */
  readonly edges?: readonly Decimal[];
  readonly categories?: readonly string[];
}
export interface PanelLayout {
  readonly id: string;
  readonly version: number;
  readonly keyBits: number;
  readonly fields: ReadonlyArray<NumericField | HistogramField>;
  /** Most records that one aggregate (all hospitals together) may hold. */
  readonly maxRecords: number;
  readonly statisticalBits: number;
}
export type PanelRow = Readonly<Record<string, Decimal | null>>;
export type Statistic = 'count' | 'sum' | 'mean' | 'variance' | 'histogram';
/** "field:present", "field:sum", "field:squares" or "field:bin:3". */
export type SlotId = string;
export interface PanelTotals {
  readonly layoutId: string;
  readonly numeric: Readonly<Record<string, { count: bigint; sum?: bigint; sumOfSquares?: bigint }>>;
  readonly histogram: Readonly<Record<string, readonly bigint[]>>;
}
export declare function assertLayout(layout: PanelLayout): void;
export declare function layoutDigest(layout: PanelLayout): string;
export declare function encodeRow(layout: PanelLayout, row: PanelRow): bigint;
export declare function slotsFor(layout: PanelLayout, fields: readonly string[], statistic: Statistic): SlotId[];
export declare function maskPlaintext(layout: PanelLayout, askedSlots: readonly SlotId[], random?: (sizeBytes: number) => Uint8Array): bigint;
export declare function assertMaskPlaintext(layout: PanelLayout, askedSlots: readonly SlotId[], mask: bigint): void;
export declare function decodeTotals(layout: PanelLayout, plaintext: bigint, askedSlots: readonly SlotId[]): PanelTotals;

// ---- statistics [core]; every figure is a decimal string, so results are JSON
export interface ExactFraction {
  readonly numerator: string;
  readonly denominator: string;
}
export interface StatisticResult {
  readonly statistic: Statistic;
  readonly field: string;
  readonly unit: string;
  readonly count: string;
  readonly exact?: ExactFraction;
  readonly decimal?: string;
  readonly bins?: ReadonlyArray<{ readonly label: string; readonly count: string }>;
}
export declare function statisticFromTotals(layout: PanelLayout, totals: PanelTotals, field: string, statistic: Statistic): StatisticResult;
export declare function plaintextStatistic(layout: PanelLayout, rows: readonly PanelRow[], field: string, statistic: Statistic): StatisticResult;

// ---- contributions [core]
export interface ContributionOpening {
  readonly salt: Uint8Array;
  readonly queryId: string;
  readonly mspId: string;
  /** One reference per row, e.g. "CID#index"; no duplicates. */
  readonly rowRefs: readonly string[];
  readonly maskPlaintext: bigint;
  readonly randomness: bigint;
}
export declare function makeContribution(options: { publicKey: PaillierPublicKey; rows: readonly bigint[]; maskPlaintext: bigint; randomness: bigint }): bigint;
/** SHA-256, lower-case hex. */
export declare function contributionCommitment(opening: ContributionOpening): string;
/** Throws CRYPTO_CONTRIBUTION_MISMATCH; `argument` names the part that differs. */
export declare function verifyOpening(options: { opening: ContributionOpening; rowCiphertexts: readonly bigint[]; publicKey: PaillierPublicKey; ciphertext: bigint; commitment: string; layout: PanelLayout; askedSlots: readonly SlotId[] }): void;

// ---- node: workers
export interface JobOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { done: number; total: number }) => void;
}
export interface PaillierPool {
  encryptRows(publicKey: PaillierPublicKeyJson, plaintexts: readonly bigint[], options?: JobOptions): Promise<bigint[]>;
  partialDecrypt(publicKey: PaillierPublicKeyJson, share: KeyShare, ciphertexts: readonly bigint[], options?: JobOptions): Promise<PartialDecryption[]>;
  makeContribution(publicKey: PaillierPublicKeyJson, input: { rows: readonly bigint[]; maskPlaintext: bigint; randomness: bigint }, options?: JobOptions): Promise<bigint>;
  close(): Promise<void>;
}
export declare function createPaillierPool(options?: { workers?: number; maxPendingJobs?: number; allowTestKeySize?: boolean }): PaillierPool;

// ---- node: encrypted secret file
export declare function writeKeyFile(options: { path: string; secret: Uint8Array; passphrase: string; label: string }): Promise<void>;
export declare function readKeyFile(options: { path: string; passphrase: string; label: string }): Promise<Uint8Array>;
