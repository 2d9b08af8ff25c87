#!/usr/bin/env node
// npm run network -- COMMAND: sees that the network package is installed and built, then runs it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = resolve(dirname(fileURLToPath(import.meta.url)), '..');

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: repository, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(repository, 'node_modules', '.package-lock.json')))
  run('npm', ['ci', '--no-audit', '--no-fund']);
run(process.execPath, [join(repository, 'node_modules', 'typescript', 'bin', 'tsc'), '-b', 'network']);
run(process.execPath, [join(repository, 'network', 'dist', 'cli.js'), ...process.argv.slice(2)]);
