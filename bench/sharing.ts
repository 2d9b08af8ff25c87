/**
 * npm run bench:sharing: re-encryption against the same algebra on @noble/curves, the length of a header over its hops,
 * and openings on a real four-hospital network against an empty put. Prints JSON lines.
 *
 * The first five lines are processor time of one thread, medians of one interleaved run; the last two are by the clock,
 * on a network that this starts and takes down again.
 *
 *   --rounds N    5 when absent
 *   --algebra     the first five lines alone, without a network
 */
import { parseArgs } from 'node:util';
import {
  initPairing,
  noblePairing,
  openAlong,
  publicCheck,
  reEncryptAlong,
  type PairingEngine,
} from '@careledger/crypto';
import { SharingWorld } from '@careledger/crypto/testing';
import { interleave, processorSeconds, report } from './support/measure.js';
import { openings } from './support/sharing-network.js';

const PROXIES = ['Hospital1MSP', 'Hospital3MSP', 'Hospital4MSP'];
const ONWARD_HOPS = 8;
/** Operations in a round: enough for a round to last some tenths of a second on either engine. */
const TIMES = { mcl: 12, noble: 3 };

interface Subject {
  readonly encrypt: () => unknown;
  readonly rekey: () => unknown;
  readonly reencrypt: () => unknown;
  readonly decrypt: () => unknown;
}

function subjectOn(engine: PairingEngine): Subject {
  const world = new SharingWorld(engine);
  const reader = world.party('person/Hospital2MSP/h2-cardiologist');
  const grant = world.grant(reader);
  const { header } = world.encrypt();
  const chain = world.chain([grant], [reader]);
  const answers = world.answers([grant], [header]);
  const { proxyKeys } = world;
  return {
    encrypt: () => world.encrypt(),
    rekey: () => world.grant(reader),
    // What one proxy does for one header: the check that keeps it from being an oracle, its partial, the proof.
    reencrypt: () => world.partials('Hospital1MSP', grant.made, publicCheck([header], engine)),
    decrypt: () => openAlong(reader, { chain, headers: [header], answers, proxyKeys }, engine),
  };
}

async function algebra(rounds: number, mcl: PairingEngine): Promise<void> {
  const subjects = { mcl: subjectOn(mcl), noble: subjectOn(noblePairing) };
  for (const operation of ['encrypt', 'rekey', 'reencrypt', 'decrypt'] as const) {
    const perSecond = (engine: 'mcl' | 'noble') => () => {
      const job = subjects[engine][operation];
      const seconds = processorSeconds(() => {
        for (let turn = 0; turn < TIMES[engine]; turn += 1) job();
      });
      return Promise.resolve(TIMES[engine] / seconds);
    };
    const figures = await interleave(rounds, {
      mcl_per_second: perSecond('mcl'),
      noble_per_second: perSecond('noble'),
    });
    report(`${operation}_vs_noble`, 'operations/s', figures, ['mcl_per_second', 'noble_per_second']);
  }
}

/** Lengths are not measured but counted: one round says it. */
function headerLength(mcl: PairingEngine): void {
  const world = new SharingWorld(mcl);
  const readers = Array.from({ length: ONWARD_HOPS + 1 }, (_, index) =>
    world.party(`member/Hospital${10 + index}MSP`),
  );
  const hops: ReturnType<SharingWorld['grant']>[] = [];
  for (const [index, reader] of readers.entries()) {
    const [parent, from] = [hops.at(-1), readers[index - 1]];
    const options = { maxDepth: ONWARD_HOPS - index };
    const isFirst = parent === undefined || from === undefined;
    hops.push(isFirst ? world.grant(reader, options) : world.forward(from, parent, reader, options));
  }
  const { header } = world.encrypt();
  const answers = world.answers(hops, [header], PROXIES.slice(0, 2));
  const lengthAt = (onward: number): number => {
    const chain = world.chain(hops.slice(0, onward + 1), readers.slice(0, onward + 1));
    return reEncryptAlong({ chain, header, answers, proxyKeys: world.proxyKeys }, mcl).length;
  };
  report(
    'header_bytes_hop8_vs_hop0',
    'bytes',
    [{ hop8: lengthAt(ONWARD_HOPS), hop0: header.length }],
    ['hop8', 'hop0'],
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string' }, algebra: { type: 'boolean' } } });
  const rounds = Number(values.rounds ?? 5);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a number from 1');
  const mcl = await initPairing();
  await algebra(rounds, mcl);
  headerLength(mcl);
  if (values.algebra !== true) await openings(rounds);
}

await main();
