import type { ERASURE_EVIDENCE, ERASURE_LIMITS, Erasure, ErasureCertificate } from '@careledger/protocol';

const PROVEN: Readonly<Record<(typeof ERASURE_EVIDENCE)[number], string>> = {
  'receipts-of-all-active-members':
    'Every hospital that was an active member signed a receipt of what it destroyed.',
  'erasure-key-punctured':
    'The hospital that made the record destroyed its erasure key: no stored copy of either header opens without it.',
  'objects-absent-from-all-nodes':
    'Each hospital looked for the record’s objects on its own node after collecting, and they were not there.',
};

const NOT_PROVEN: Readonly<Record<(typeof ERASURE_LIMITS)[number], string>> = {
  'backups-of-custodies-and-disks': 'That no backup of a custody or a disk still holds the key or an object.',
  'remnants-on-storage-devices': 'That storage devices keep no remnants of what was overwritten.',
  'copies-of-readers': 'That those who opened the record kept no copy. The ledger names who opened it.',
  'a-custody-that-does-not-do-what-it-says': 'That each hospital’s software did what its receipt says.',
  'nodes-of-members-that-have-left': 'Anything about nodes of hospitals that have left the consortium.',
  'stored-headers-without-erasure-key':
    'That stored copies of the header do not open: the record is of before erasure keys, and the key that it was sealed to lives on.',
  'objects-named-for-another-record': 'That all objects are gone: some are named for another record too.',
};

/** An erasure in words, for whoever asked for it. */
export function erasureDocument(erasure: Erasure): string {
  const { certificate, missing, recordId } = erasure;
  if (certificate === undefined) {
    return `The erasure of record ${recordId} is under way. Receipts are missing of: ${missing.join(', ') || 'nobody; the certificate follows'}.\n`;
  }
  return [
    `Certificate of erasure of record ${recordId}`,
    `Owner: ${certificate.ownerMspId}. Erased at ${certificate.erasedAt}, because: ${certificate.erasedBecause}`,
    `Certified at ${certificate.certifiedAt} by transaction ${certificate.txId}.`,
    '',
    ...receiptLines(certificate),
    '',
    'What the ledger proves:',
    ...certificate.proven.map((code) => `- ${PROVEN[code]}`),
    '',
    'What nobody can prove, and this certificate does not:',
    ...certificate.notProven.map((code) => `- ${NOT_PROVEN[code]}`),
    '',
  ].join('\n');
}

function receiptLines({ receipts }: ErasureCertificate): string[] {
  return receipts.map(
    ({ by, at, erasureKey, answers, absent, txId }) =>
      `${by.mspId} at ${at}: erasure key ${erasureKey}, ${String(answers)} stored answers, ` +
      `${String(absent.length)} objects absent (transaction ${txId}).`,
  );
}
