import { buildDigest } from './build-digest.js';
import { errorText } from './errors.js';
import { isFile } from './files.js';
import { GATEWAY_ENTRY } from './gateway-process.js';
import {
  BUILD_COMMAND,
  BUILD_REQUIREMENTS,
  missingTools,
  MODULE_NAMES,
  moduleDirectory,
  probeCommand,
  TOOL_MODULES,
} from './tools.js';
import { loadTopology } from './topology.js';

interface Finding {
  what: string;
  /** Undefined when all is well. */
  problem?: string | undefined;
  remedy: string;
  /** The network starts without it. */
  optional?: boolean;
}

export interface DoctorOptions {
  topologyFile: string;
  chaincode: string;
  say: (text: string) => void;
}

/** Says what is there and what is missing. @returns 0 when `up` can work. */
export async function diagnose(options: DoctorOptions): Promise<number> {
  const findings = [...checkTools(), ...(await checkBuildTools()), ...checkInputs(options)];
  for (const finding of findings) {
    const mark = finding.problem === undefined ? 'ok      ' : finding.optional ? 'optional' : 'MISSING ';
    options.say(
      `${mark} ${finding.what}${finding.problem === undefined ? '' : `: ${finding.problem} -> ${finding.remedy}`}`,
    );
  }
  return findings.some((finding) => finding.problem !== undefined && finding.optional !== true) ? 1 : 0;
}

function checkTools(): Finding[] {
  return MODULE_NAMES.map((module) => {
    const missing = missingTools(module);
    return {
      what: `${TOOL_MODULES[module].join(', ')} in ${moduleDirectory(module)}`,
      problem: missing.length === 0 ? undefined : `no ${missing.join(', ')}`,
      remedy: process.env['CARELEDGER_BIN']
        ? 'put them there, or unset CARELEDGER_BIN'
        : `npm run network -- tools`,
    };
  });
}

async function checkBuildTools(): Promise<Finding[]> {
  const allBuilt = MODULE_NAMES.every((module) => missingTools(module).length === 0);
  const findings: Finding[] = [];
  for (const { command, args, remedy } of BUILD_REQUIREMENTS) {
    findings.push({
      what: `${command}, for '${BUILD_COMMAND}'`,
      problem: await probeCommand(command, args),
      remedy,
      optional: allBuilt,
    });
  }
  return findings;
}

function checkInputs(options: DoctorOptions): Finding[] {
  const attempt = (work: () => unknown): string | undefined => {
    try {
      work();
      return undefined;
    } catch (thrown) {
      return errorText(thrown);
    }
  };
  return [
    {
      what: `topology ${options.topologyFile}`,
      problem: attempt(() => loadTopology(options.topologyFile)),
      remedy: 'correct the named field',
    },
    {
      what: `chaincode ${options.chaincode}`,
      problem: attempt(() => buildDigest(options.chaincode)),
      remedy: 'npm run build',
    },
    {
      what: `gateway ${GATEWAY_ENTRY}`,
      problem: isFile(GATEWAY_ENTRY) ? undefined : 'not built',
      remedy: 'npm run build',
      optional: true,
    },
  ];
}
