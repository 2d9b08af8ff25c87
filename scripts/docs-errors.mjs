// node scripts/docs-errors.mjs           writes docs/errors.md from the error catalogue
// node scripts/docs-errors.mjs --check   fails when the file is not what the catalogue says
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DENY_ADVICE, ERROR_CATALOGUE } from '../protocol/dist/index.js';

const FILE = fileURLToPath(new URL('../docs/errors.md', import.meta.url));

const INTRODUCTION = `# Errors

Made from \`protocol/src/errors.ts\` by \`node scripts/docs-errors.mjs\`; change it there.

Every error of the REST interface is a problem document (RFC 9457, \`application/problem+json\`) with the code of this
list in \`code\`, what happened in \`detail\`, what to do next in \`action\`, and in \`instance\` the id under which the
gateway's log has the request. FHIR routes answer an OperationOutcome that has the code in \`issue.details.coding\`.
Codes are stable: a program may decide by them. Some errors add members, such as \`accessId\` and \`decisions\` of
ACCESS_DENIED, and \`txId\` of COMMIT_UNKNOWN. A contract's error crosses the peer as \`CODE: text\`.
`;

export function errorsPage(catalogue) {
  const entries = Object.entries(catalogue).map(
    ([code, { status, meaning, action }]) =>
      `## ${code}\n\nHTTP ${status}. ${meaning}\n\nWhat to do: ${action}\n${code === 'ACCESS_DENIED' ? byReason() : ''}`,
  );
  return [INTRODUCTION, ...entries].join('\n');
}

function byReason() {
  const lines = Object.entries(DENY_ADVICE).map(([reason, advice]) => `- ${reason}: ${advice}`);
  return `\n${lines.join('\n')}\n`;
}

const page = errorsPage(ERROR_CATALOGUE);
if (!process.argv.includes('--check')) writeFileSync(FILE, page);
else if (readFileSync(FILE, 'utf8') !== page) {
  console.error('docs/errors.md is not what the catalogue says; run: node scripts/docs-errors.mjs');
  process.exitCode = 1;
}
