/**
 * `npm start` as a process of its own, without installing and compiling: on the samples of the folder named first, with
 * a key of test size and on free ports.
 */
import { main, type DemoStatistic } from '@careledger/gateway/demo';

const all = { cohort: { all: true }, cohortTitle: 'all' } as const;
const statistics: readonly DemoStatistic[] = [
  { title: 'mean age', statistic: 'mean', fields: ['age'], ...all },
  { title: 'chest pain', statistic: 'histogram', fields: ['chestPainType'], ...all },
];

const [, , samplesFolder = '', ...argv] = process.argv;
process.exitCode = await main(argv, {
  samplesFolder,
  statistics,
  ports: 'free',
  aggregation: { keyBits: 512, allowTestKeySize: true },
});
