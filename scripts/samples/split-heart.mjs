#!/usr/bin/env node
/**
 * Splits the 303 rows of the UCI Heart Disease table (Cleveland) over the four hospitals of the samples.
 *
 *   node scripts/samples/split-heart.mjs INPUT.csv           writes samples/heart-disease/h1.csv .. h4.csv
 *   node scripts/samples/split-heart.mjs INPUT.csv --check   derives them again and compares, writes nothing
 *
 * Rows are shuffled (Fisher-Yates, mulberry32 with a fixed seed) and dealt in unequal sizes. The cells are
 * those of the input, unchanged ('?' stays '?'), the line ends become '\n'; one column is added in front, `patient`, numbered within each hospital:
 * hd-001 of h1 and hd-001 of h2 are two people.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatCsv, parseCsv } from './csv.mjs';

const SEED = 303;
const HOSPITAL_SIZES = { h1: 91, h2: 80, h3: 72, h4: 60 };
const INPUT_SHA256 = '097e0d31a7f10798e8b0ff360634ed3cd84e9498b9937c4ed30a4d182bc7053d';
const OUTPUT_FOLDER = new URL('../../samples/heart-disease/', import.meta.url);

/** mulberry32 (public domain): 32-bit state, uniform in [0, 1). Good enough to shuffle, not for secrets. */
function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled(rows, random) {
  const result = [...rows];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}

/** @returns {Map<string, string>} hospital -> text of its CSV */
export function splitHeart(text) {
  const { header, rows } = parseCsv(text);
  const expected = Object.values(HOSPITAL_SIZES).reduce((sum, size) => sum + size, 0);
  if (rows.length !== expected) throw new Error(`input: ${rows.length} rows, expected ${expected}`);
  const deck = shuffled(rows, mulberry32(SEED));
  const files = new Map();
  let from = 0;
  for (const [hospital, size] of Object.entries(HOSPITAL_SIZES)) {
    const dealt = deck.slice(from, from + size);
    from += size;
    const numbered = dealt.map((row, index) => [`hd-${String(index + 1).padStart(3, '0')}`, ...row]);
    files.set(hospital, formatCsv({ header: ['patient', ...header], rows: numbered }));
  }
  return files;
}

function check(files) {
  let differing = 0;
  for (const [hospital, text] of files) {
    const same = readFileSync(new URL(`${hospital}.csv`, OUTPUT_FOLDER), 'utf8') === text;
    console.log(`${hospital}.csv ${same ? 'as derived' : 'DIFFERS from what the input gives'}`);
    if (!same) differing += 1;
  }
  return differing;
}

function main(args) {
  const [input] = args.filter((arg) => !arg.startsWith('--'));
  if (input === undefined) {
    console.error('usage: split-heart.mjs INPUT.csv [--check]');
    return 2;
  }
  const bytes = readFileSync(input);
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest !== INPUT_SHA256) {
    console.error(`${input}: sha256 is ${digest}, expected ${INPUT_SHA256}`);
    return 1;
  }
  const files = splitHeart(bytes.toString('utf8'));
  if (args.includes('--check')) return check(files) === 0 ? 0 : 1;
  mkdirSync(OUTPUT_FOLDER, { recursive: true });
  for (const [hospital, text] of files) {
    writeFileSync(new URL(`${hospital}.csv`, OUTPUT_FOLDER), text);
    console.log(`${hospital}.csv ${HOSPITAL_SIZES[hospital]} rows`);
  }
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(process.argv.slice(2));
