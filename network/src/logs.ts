import { hospitalPaths } from './home.js';
import { tailOfLog } from './launch.js';
import { NetworkError } from './errors.js';
import { processFiles, PROCESS_NAMES } from './process-spec.js';
import { findHospital, type Topology } from './topology.js';

export interface LogOptions {
  home: string;
  topology: Topology;
  hospital: string | undefined;
  process: string | undefined;
  lines: number;
  say: (text: string) => void;
}

const LOGGED = ['supervisor', ...PROCESS_NAMES] as const;

export function printLogs(options: LogOptions): void {
  const hospitals =
    options.hospital === undefined
      ? options.topology.hospitals
      : [findHospital(options.topology, options.hospital)];
  const chosen = LOGGED.filter((name) => (options.process ?? name) === name);
  if (chosen.length === 0) {
    throw new NetworkError('NET_USAGE', {
      expected: `one of the processes ${LOGGED.join(', ')}`,
      came: options.process ?? '',
      remedy: 'name one of them, or none for all',
    });
  }
  for (const { id } of hospitals) {
    for (const name of chosen) {
      const { log } = processFiles(hospitalPaths(options.home, id), name);
      options.say(`== ${id} ${name} (${log})`);
      for (const line of tailOfLog(log, options.lines)) options.say(line);
    }
  }
}
