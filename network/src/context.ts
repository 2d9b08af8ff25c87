import { makePrivateDirectory } from './files.js';
import { hospitalPaths, type HospitalPaths } from './home.js';
import { lastLogLine, tailOfLog } from './launch.js';
import { processFiles, type ProcessName } from './process-spec.js';
import { findHospital, type HospitalTopology, type Topology } from './topology.js';

const SUPERVISOR_LINES = 50;

/** Everything a step of one hospital's `up` needs. */
export interface HospitalContext {
  home: string;
  topology: Topology;
  hospital: HospitalTopology;
  paths: HospitalPaths;
  /** Folder of the chaincode package that is deployed. */
  chaincodeDirectory: string;
  /** The hospital decided to run another build than the one that the consortium approved. */
  approveBuild: boolean;
  say: (text: string) => void;
}

export interface ContextOptions {
  home: string;
  topology: Topology;
  hospitalId: string;
  chaincodeDirectory: string;
  approveBuild?: boolean;
  say: (text: string) => void;
}

export function openContext(options: ContextOptions): HospitalContext {
  const paths = hospitalPaths(options.home, options.hospitalId);
  for (const folder of [paths.root, paths.run, paths.logs, paths.exchange]) makePrivateDirectory(folder);
  return {
    home: options.home,
    topology: options.topology,
    hospital: findHospital(options.topology, options.hospitalId),
    paths,
    chaincodeDirectory: options.chaincodeDirectory,
    approveBuild: options.approveBuild ?? false,
    say: options.say,
  };
}

/** For a wait's message: what the process said last, and what its supervisor said about it. */
export function logHint(context: HospitalContext, process: ProcessName): () => string {
  return () => {
    const supervisorLines = tailOfLog(processFiles(context.paths, 'supervisor').log, SUPERVISOR_LINES);
    const about = supervisorLines.findLast((line) => line.includes(` ${process}: `)) ?? 'nothing';
    return `${lastLogLine(processFiles(context.paths, process).log)}; its supervisor says: ${about}`;
  };
}
