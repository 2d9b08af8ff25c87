import { parseArgs } from 'node:util';
import { resolveChaincodeDirectory } from './build-digest.js';
import { resetConsortium, startConsortium, stopConsortium } from './consortium.js';
import { openContext } from './context.js';
import { diagnose } from './doctor.js';
import { errorText, NetworkError } from './errors.js';
import { DEFAULT_TOPOLOGY_FILE, resolveHome } from './home.js';
import { printLogs } from './logs.js';
import { printStatus } from './status.js';
import { ensureTools } from './tools.js';
import { findHospital, loadTopology } from './topology.js';
import { upHospital } from './up.js';

const USAGE = `usage: npm run network -- COMMAND [options]

  up [--only HOSPITAL]       bring every hospital up, or the one whose host this is
  status [--json]            what runs, whether it is healthy, how high the ledger is
  logs [HOSPITAL] [PROCESS]  the last lines of the logs (--lines N)
  down [--only HOSPITAL]     stop; ledger and records stay
  reset [--only HOSPITAL]    stop and remove ledger, records and keys
  tools                      build the pinned Go commands
  doctor                     what is there, what is missing and what mends it

  --approve-build            with up: this chaincode build is the one to run, instead of the approved one
  --home DIR                 where everything is kept (CARELEDGER_HOME; .careledger/fabric)
  --topology FILE            the consortium (network/consortium.yaml)
  --chaincode DIR            the chaincode package (CARELEDGER_CHAINCODE; chaincode)
`;

const OPTIONS = {
  only: { type: 'string' },
  home: { type: 'string' },
  topology: { type: 'string' },
  chaincode: { type: 'string' },
  'approve-build': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  lines: { type: 'string', default: '20' },
  help: { type: 'boolean', default: false },
} as const;

interface Command {
  home: string;
  topologyFile: string;
  chaincode: string;
  only: string | undefined;
  approveBuild: boolean;
  json: boolean;
  lines: number;
  positionals: string[];
}

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

/** @returns the exit code. */
type Handler = (command: Command) => Promise<number>;

const HANDLERS: Record<string, Handler> = {
  up: async (command) => {
    if (command.only !== undefined) return upOnly(command, command.only);
    await startConsortium({
      home: command.home,
      topology: command.topologyFile,
      chaincode: command.chaincode,
      approveBuild: command.approveBuild,
    });
    say(`the consortium is up; 'npm run network -- status' shows it`);
    return 0;
  },
  status: (command) =>
    printStatus({
      home: command.home,
      topology: loadTopology(command.topologyFile),
      json: command.json,
      say,
    }),
  logs: (command) => {
    const [hospital, process] = command.positionals;
    printLogs({
      home: command.home,
      topology: loadTopology(command.topologyFile),
      hospital,
      process,
      lines: command.lines,
      say,
    });
    return Promise.resolve(0);
  },
  down: async (command) => {
    await stopConsortium(stopOptions(command));
    say('stopped; ledger and records are kept');
    return 0;
  },
  reset: async (command) => {
    await resetConsortium(stopOptions(command));
    say(`removed from ${command.home}`);
    return 0;
  },
  tools: async () => {
    await ensureTools(say);
    say('all commands are built');
    return 0;
  },
  doctor: (command) => diagnose({ topologyFile: command.topologyFile, chaincode: command.chaincode, say }),
};

async function upOnly(command: Command, hospitalId: string): Promise<number> {
  const topology = loadTopology(command.topologyFile);
  findHospital(topology, hospitalId);
  await ensureTools(say);
  await upHospital(
    openContext({
      home: command.home,
      topology,
      hospitalId,
      chaincodeDirectory: command.chaincode,
      approveBuild: command.approveBuild,
      say: (text) => {
        say(`${hospitalId} | ${text}`);
      },
    }),
  );
  return 0;
}

function stopOptions(command: Command): { home: string; topology: string; only?: string } {
  const options = { home: command.home, topology: command.topologyFile };
  return command.only === undefined ? options : { ...options, only: command.only };
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const [name, ...rest] = positionals;
  const handler = name === undefined ? undefined : HANDLERS[name];
  if (values.help || !handler) {
    (values.help ? process.stdout : process.stderr).write(USAGE);
    return values.help ? 0 : 2;
  }
  return handler({
    home: resolveHome(values.home),
    topologyFile: values.topology ?? DEFAULT_TOPOLOGY_FILE,
    chaincode: resolveChaincodeDirectory(values.chaincode),
    only: values.only,
    approveBuild: values['approve-build'],
    json: values.json,
    lines: Number(values.lines),
    positionals: rest,
  });
}

// A reader that left early ('| head') is no error of ours.
process.stdout.on('error', () => {
  process.exit();
});

try {
  process.exitCode = await main();
} catch (thrown) {
  process.stderr.write(`${errorText(thrown)}\n`);
  process.exitCode = thrown instanceof NetworkError && thrown.code === 'NET_USAGE' ? 2 : 1;
}
